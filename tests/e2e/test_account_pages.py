"""The pages of accounts in a real browser: signed in and out, light and dark, wide and 360 px; with the keyboard alone.

axe finds nothing, the console stays empty, nothing breaks the CSP, nothing scrolls sideways. Screenshots are in
build/screenshots.
"""
import re
import uuid

import httpx
import pytest
from conftest import ROOT
from test_pages import Tab, axe, chromium, tab  # noqa: F401

SHOTS = ROOT / "build/screenshots"
PASSWORD = "correct horse battery"


def links(server, *args):
    return server.admin(*args).stdout.strip().removeprefix(server.url)


@pytest.fixture(scope="module")
def ada(server):
    """A user with a password, a token, a Space and a like."""
    name = "ada" + uuid.uuid4().hex[:6]
    link = links(server, "invite", "--name", name, "--admin").partition("token=")[2]
    answer = httpx.post(f"{server.url}/-/invite", data={"link": link, "password": PASSWORD, "again": PASSWORD}, headers={"Origin": server.url})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    page = httpx.post(f"{server.url}/-/tokens", data={"label": "laptop <b>", "role": "write"}, headers={"Origin": server.url, "Cookie": cookie}).text
    token = re.search(r">(hf_\w+)<", page).group(1)
    bearer = {"Authorization": f"Bearer {token}"}
    httpx.post(f"{server.url}/api/repos/create", json={"name": "a-space", "type": "space", "sdk": "static"}, headers=bearer).raise_for_status()
    httpx.post(f"{server.url}/api/spaces/{name}/a-space/like", headers=bearer).raise_for_status()
    httpx.post(f"{server.url}/-/account/profile", data={"fullname": "Ada <i>Lovelace</i>"}, headers={"Origin": server.url, "Cookie": cookie})
    yield name
    server.admin("user", "del", name, "--with-spaces")


def sign_in(t, name):
    t.open("/-/signin")
    t.page.fill("#name", name)
    t.page.fill("#token", PASSWORD)
    t.page.press("#token", "Enter")
    t.page.wait_for_selector("text=Sign out")
    return t


def device_code(server):
    client = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
    return httpx.post(f"{server.url}/oauth/device", data={"client_id": client}).json()["user_code"]


@pytest.mark.parametrize("signed_in", [False, True], ids=["out", "in"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_account_pages_are_accessible_quiet_and_fit(tab, axe, server, ada, scheme, width, signed_in):  # noqa: F811
    SHOTS.mkdir(parents=True, exist_ok=True)
    t = tab(color_scheme=scheme, viewport={"width": width, "height": 800})
    every = {"signin": "/-/signin", "invite": links(server, "invite"), "invite-named": links(server, "invite", "--name", "x" + uuid.uuid4().hex[:6]),
             "invite-over": "/-/invite?token=none", "reset": links(server, "user", "reset-password", ada), "reset-over": "/-/reset?token=none",
             "profile": f"/{ada}", "account": "/-/account"}
    if signed_in:
        sign_in(t, ada)
        every |= {"account-done": "/-/account?done=password", "account-delete": "/-/account/delete", "admin": "/-/admin", "device": "/-/device",
                  "device-code": f"/-/device?code={device_code(server)}", "device-wrong": "/-/device?code=XXXX-XXXX"}
    found = []
    for name, path in every.items():
        answer = t.open(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy, path
        found += t.check(axe, f"{name} {scheme} {width}")
        t.page.screenshot(path=SHOTS / f"account-{name}-{'in' if signed_in else 'out'}-{scheme}-{width}.png", full_page=True)
    if signed_in:
        t.open("/-/admin")
        t.page.click("text=Make an invitation link")
        assert re.search(r"/-/invite\?token=\w{43}$", t.page.inner_text("vt-copy pre"))
        found += t.check(axe, f"admin-link {scheme} {width}")
        t.page.screenshot(path=SHOTS / f"account-admin-link-in-{scheme}-{width}.png", full_page=True)
    assert found == []


def test_the_cookie_is_one_that_apps_cannot_set(tab, server, ada):  # noqa: F811
    t = sign_in(tab(), ada)
    cookies = {c["name"]: c for c in t.context.cookies()}
    assert set(cookies) == {"__Host-vitrine_session"}
    cookie = cookies["__Host-vitrine_session"]
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax" and cookie["domain"] == server.domain


def test_an_invitation_is_taken_without_javascript_and_with_the_keyboard(tab, server):  # noqa: F811
    t, name = tab(java_script_enabled=False), "key" + uuid.uuid4().hex[:6]
    t.open(links(server, "invite"))
    t.page.focus("#name")
    t.page.keyboard.type(name)
    for _ in range(2):
        t.page.keyboard.press("Tab")
        t.page.keyboard.type("a good password")
    t.page.keyboard.press("Tab")
    assert t.page.evaluate("document.activeElement.textContent") == "Make my account"
    t.page.keyboard.press("Enter")
    t.page.wait_for_selector(f"text={name}")
    t.open("/-/account/delete")
    t.page.fill("#confirm", name)
    t.page.fill("#password", "a good password")
    t.page.click("main button")
    t.page.wait_for_selector("text=Sign in")
    assert httpx.get(f"{server.url}/api/users/{name}/overview").status_code == 404


def test_a_token_is_made_shown_once_and_revoked(tab, server, ada):  # noqa: F811
    t = sign_in(tab(), ada)
    t.open("/-/account")
    t.page.fill("#label", "shown once")
    t.page.click("text=Make token")
    token = t.page.inner_text("vt-copy pre")
    assert httpx.get(f"{server.url}/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}).json()["name"] == ada
    t.open("/-/account")
    assert token not in t.page.content()
    t.page.click(".entry:has-text('shown once') button")
    t.page.wait_for_selector("[role=status]:has-text('revoked')")
    assert httpx.get(f"{server.url}/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert t.complaints == []


def test_a_signed_out_device_page_comes_back_after_signing_in(tab, server, ada):  # noqa: F811
    t, code = tab(), device_code(server)
    assert t.open(f"/-/device?code={code}").status == 401
    t.page.click("main a.button")
    t.page.fill("#name", ada)
    t.page.fill("#token", PASSWORD)
    t.page.press("#token", "Enter")
    t.page.wait_for_selector(f"text={code}")
    t.page.click("text=Allow")
    t.page.wait_for_selector("[role=status]:has-text('Allowed')")
