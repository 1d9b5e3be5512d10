"""A private Space at its app's own address, in a real browser and with programs (CONTRACTS 9.3, C-PROXY-34, C-HF-90, C-HF-113)."""
import os
import pathlib
import re
import uuid

import httpx
import pytest
from conftest import missing, wait_for
from huggingface_hub import CommitOperationAdd, HfApi

playwright = pytest.importorskip("playwright.sync_api", reason="playwright: make deps-test installs it")
if os.environ.get("VITRINE_SOLO"):
    pytest.skip("needs edge", allow_module_level=True)

FILES = {"README.md": b"---\ntitle: Quiet\nsdk: static\n---\n",
         "index.html": b"<!doctype html><html lang=en><title>quiet</title><h1>only for me</h1><p id=where></p>"
                       b"<script>document.getElementById('where').textContent = location.search + '|' + document.cookie</script>",
         "data.json": b'{"quiet": true}'}


@pytest.fixture(scope="module")
def chromium():
    if not pathlib.Path("/usr/bin/chromium").exists():
        missing("chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def bob(server):
    """Another user's token."""
    done = server.admin("user", "add", "bob-" + uuid.uuid4().hex[:6])
    assert done.returncode == 0, done.stderr
    return next(word for word in done.stdout.split() if word.startswith("hf_"))


class Space:
    def __init__(self, server, name):
        self.server, self.api = server, server.api()
        self.repo = f"{self.api.whoami()['name']}/{name}-{uuid.uuid4().hex[:6]}"
        self.label = self.repo.replace("/", "-").lower()
        self.url = server.app_url(self.label)
        self.api.create_repo(self.repo, repo_type="space", space_sdk="static", private=True)
        self.api.create_commit(self.repo, [CommitOperationAdd(p, c) for p, c in FILES.items()], commit_message="all", repo_type="space")
        wait_for(lambda: self.api.get_space_runtime(self.repo).stage == "RUNNING")
        wait_for(lambda: self.get("/data.json", server.token).status_code == 200)

    def get(self, path="/", token=None, **headers):
        return httpx.get(self.url + path, headers={**({"Authorization": f"Bearer {token}"} if token else {}), **headers})

    def jwt(self, token):
        return httpx.get(f"{self.server.url}/api/spaces/{self.repo}/jwt", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def space(server):
    s = Space(server, "quiet")
    yield s
    s.api.delete_repo(s.repo, repo_type="space")


@pytest.fixture
def tab(chromium, server):
    contexts = []

    def make(token=None):
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        if token:
            page.goto(server.url + "/-/signin?next=/spaces")
            sign_in(page, token)
            page.wait_for_url("**/spaces")
        return page
    yield make
    for c in contexts:
        c.close()


def sign_in(page, token):
    if not page.locator("#token").is_visible():
        page.locator("summary").last.click()
    page.fill("#token", token)
    page.locator("form:has(#token) button").click()


# ---- in a browser ----

def test_it_shows_in_its_page(server, space, tab):
    page = tab(server.token)
    page.goto(f"{server.url}/spaces/{space.repo}?a=1")
    app = page.frame_locator("iframe.app")
    app.locator("h1", has_text="only for me").wait_for()
    assert app.locator("#where").inner_text() == "?a=1|"
    page.reload()
    app.locator("h1", has_text="only for me").wait_for()


def test_its_own_tab_is_let_in_by_the_dashboard(server, space, tab):
    page = tab(server.token)
    page.goto(f"{space.url}/index.html?q=1#part")
    assert page.locator("h1").inner_text() == "only for me" and page.url == f"{space.url}/index.html?q=1#part"
    cookies = {c["name"]: c for c in page.context.cookies() if c["domain"].startswith(space.label)}
    assert list(cookies) == ["__Host-vitrine"] and cookies["__Host-vitrine"]["httpOnly"] and cookies["__Host-vitrine"]["secure"]
    assert page.evaluate("fetch('/data.json').then(r => r.json())") == {"quiet": True}


def test_signed_out_one_signs_in_and_is_led_back(server, space, tab):
    page = tab()
    answer = page.goto(f"{space.url}/index.html?q=1")
    assert answer.status == 401 and page.url.startswith(server.url)
    page.locator("main a", has_text="Sign in").first.click()
    sign_in(page, server.token)
    page.wait_for_url(f"{space.url}/index.html?q=1")
    assert page.locator("h1").inner_text() == "only for me"


def test_another_user_finds_nothing(server, space, bob, tab):
    page = tab(bob)
    answer = page.goto(f"{space.url}/")
    assert answer.status == 404 and page.url.startswith(f"{server.url}/-/apps/sign") and "only for me" not in page.content()
    nobody = page.goto(server.app_url("nobody-has-this"))
    assert nobody.status == 404 and page.url.startswith(f"{server.url}/-/apps/sign")


def test_signing_out_closes_the_app(server, space, tab):
    page = tab(server.token)
    page.goto(f"{space.url}/")
    other = page.context.new_page()
    other.goto(server.url + "/spaces")
    other.evaluate("fetch('/-/signout', {method: 'POST'})")
    wait_for(lambda: page.evaluate("fetch('/data.json', {cache: 'no-store'}).then(r => r.status)") == 404, 5)


# ---- by programs ----

def test_tokens_open_it_and_nothing_else_does(server, space, bob):
    assert space.get("/data.json", server.token).json() == {"quiet": True}
    assert httpx.get(space.url + "/data.json", headers={"x-hf-authorization": f"Bearer {server.token}"}).status_code == 200
    for answer in (space.get("/data.json"), space.get("/data.json", bob), space.get("/data.json", "hf_wrong"),
                   space.get("/data.json", **{"X-Vitrine-User": server.api().whoami().get("id") or "a" * 24}),
                   httpx.get(server.app_url("nobody-has-this") + "/data.json")):
        assert answer.status_code == 404 and answer.json()["code"] == "no-such-host"


def test_a_jwt_opens_it_many_times_and_only_it(server, space, bob):
    other = Space(server, "other")
    token = space.jwt(server.token).json()["token"]
    for _ in range(3):
        assert space.get(f"/data.json?__sign={token}").json() == {"quiet": True}
    assert space.get(f"/data.json?__sign={token}&__sign={token}").status_code == 404
    assert space.get(f"/data.json?__sign={token[:-1]}{'A' if token[-1] != 'A' else 'B'}").status_code == 404
    assert other.get(f"/data.json?__sign={token}").status_code == 404
    assert space.get("/data.json", Cookie=f"vitrine_app={token}").status_code == 404        # another purpose
    assert space.jwt(bob).status_code == 404
    other.api.delete_repo(other.repo, repo_type="space")


def test_a_sign_in_works_once_for_its_space_alone(server, space):
    other = Space(server, "twin")

    def claim(of):
        answer = httpx.get(f"{server.url}/-/apps/sign", params={"app": of.label, "to": "/data.json?x=1"},
                           headers={"Authorization": f"Bearer {server.token}"})
        assert answer.status_code == 302 and answer.headers["cache-control"] == "no-store"
        assert answer.headers["location"].startswith(f"{of.url}/data.json?__sign=") and answer.headers["location"].endswith("&x=1")
        return answer.headers["location"]
    elsewhere = claim(space).replace(space.label, other.label)
    assert httpx.get(elsewhere).status_code == 404
    address = claim(space)
    spent = httpx.get(address)
    assert spent.status_code == 302 and spent.headers["location"] == f"{space.url}/data.json?x=1"
    assert httpx.get(address).status_code == 404
    cookie = spent.headers["set-cookie"].split(";")[0]
    assert space.get("/data.json", Cookie=cookie).json() == {"quiet": True}
    assert other.get("/data.json", Cookie=cookie).status_code == 404
    assert space.get(f"/data.json?__sign={cookie.partition('=')[2]}").status_code == 404    # a cookie's value is no claim of an address
    other.api.delete_repo(other.repo, repo_type="space")


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "evil.example", ""])
def test_it_leads_nowhere_else(server, space, to):
    answer = httpx.get(f"{server.url}/-/apps/sign", params={"app": space.label, "to": to}, headers={"Authorization": f"Bearer {server.token}"})
    assert answer.status_code == 302 and answer.headers["location"].startswith(f"{space.url}/?__sign=")


def test_a_revoked_token_is_forgotten_at_once(server, space):
    """What edge remembered goes with it, and so does what was made with it."""
    with httpx.Client(base_url=server.url, headers={"Origin": server.url, "Sec-Fetch-Site": "same-origin"}) as browser:
        assert browser.post("/-/signin", data={"token": server.token, "next": "/"}).status_code == 303
        label = "brief-" + uuid.uuid4().hex[:6]
        page = browser.post("/-/tokens", data={"label": label, "role": "read"}).text
        token = next(t for t in re.findall("hf_[A-Za-z0-9]{34}", page) if t != server.token)
        revoke = re.search(r'action="(/-/tokens/[0-9a-f]{24}/revoke)"><button class="quiet">Revoke <span class="hidden">' + label, page)[1]
        jwt = space.jwt(token).json()["token"]
        assert space.get("/data.json", token).status_code == space.get(f"/data.json?__sign={jwt}").status_code == 200
        assert browser.post(revoke).status_code == 303
    assert space.get("/data.json", token).status_code == space.get(f"/data.json?__sign={jwt}").status_code == 404
