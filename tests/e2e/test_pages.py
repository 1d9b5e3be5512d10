"""The pages in a real browser: signed in and out, light and dark, wide and 360 px (C-UI-02..09, 13, 18..22).

axe finds nothing, the console stays empty, nothing breaks the CSP, nothing scrolls sideways. Screenshots are in
build/screens. VITRINE_SOLO=1: no edge and no apps behind VITRINE_URL.
"""
import base64
import contextlib
import gzip
import html
import importlib.util
import json
import os
import pathlib
import re
import urllib.parse
import uuid

import httpx
import pytest
from conftest import ROOT, missing, wait_for

playwright = pytest.importorskip("playwright.sync_api", reason="playwright: make deps-test installs it")
SCREENS = ROOT / "build/screens"
SOLO = bool(os.environ.get("VITRINE_SOLO"))
EVIL = "<img src=x onerror=alert(1)>\"'</title></script><script>alert(2)</script>"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def readme(title, sdk="static", emoji="🐳"):
    return f"---\ntitle: {title}\nemoji: {emoji}\ncolorFrom: red\ncolorTo: purple\nsdk: {sdk}\n---\n".encode()


@pytest.fixture(scope="module")
def chromium():
    if not pathlib.Path("/usr/bin/chromium").exists():
        missing("chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe():
    package = importlib.util.find_spec("axe_playwright_python")
    if not package:
        missing("axe-core: make deps-test installs it")
    SCREENS.mkdir(parents=True, exist_ok=True)
    return pathlib.Path(package.origin).with_name("axe.min.js").read_text()


def commit(server, repo, files):
    """By hand: the client would look at the README's settings first."""
    lines = [{"key": "header", "value": {"summary": f"files {EVIL}", "description": ""}}]
    lines += [{"key": "file", "value": {"path": p, "encoding": "base64", "content": base64.b64encode(c).decode()}} for p, c in files.items()]
    answer = httpx.post(f"{server.url}/api/spaces/{repo}/commit/main", content="\n".join(map(json.dumps, lines)),
                        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def spaces(server):
    """name -> owner/name of one Space in each state that needs no sandbox, and one whose every text is hostile."""
    api, tag = server.api(), uuid.uuid4().hex[:6]
    owner = api.whoami()["name"]
    made = {}
    contents = {
        "site": {"README.md": readme("A site"), "index.html": b"<!doctype html><html lang=en><title>in the frame</title><h1>hello from the app</h1>"},
        "evil": {"README.md": readme("'" + EVIL.replace("'", "''") + "'", emoji="'<b>'"), "index.html": b"<p>x", "a <b>&\"'x.txt": b"x"},
        "broken": {"README.md": b"---\ntitle: broken\nsdk: nosuch\n---\n"},
        "fileless": {"README.md": readme("No file", "gradio")},
    }
    for name, files in contents.items():
        repo = f"{owner}/pages-{name}-{tag}"
        api.create_repo(repo, repo_type="space", space_sdk="static" if name != "fileless" else "gradio")
        commit(server, repo, files)
        made[name] = repo
    if not SOLO:
        for name, stage in {"site": "RUNNING", "evil": "RUNNING", "broken": "CONFIG_ERROR", "fileless": "NO_APP_FILE"}.items():
            wait_for(lambda repo=made[name], stage=stage: api.get_space_runtime(repo).stage == stage)
    yield made
    for repo in made.values():
        api.delete_repo(repo, repo_type="space", missing_ok=True)


class Tab:
    """A page that remembers every complaint of the browser."""

    def __init__(self, chromium, server, **options):
        self.server, self.complaints = server, []
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def note(self, message):
        if message.type in ("error", "warning") and "the server responded with a status of" not in message.text:
            if not (SOLO and "Framing" in message.text):
                self.complaints.append(message.text)

    def open(self, path):
        return self.page.goto(self.server.url + path, wait_until="load")

    def sign_in(self):
        self.open("/-/signin?next=/spaces")
        self.page.fill("#token", self.server.token)
        self.page.click("main button")
        self.page.wait_for_url("**/spaces")
        return self

    def check(self, axe, what):
        """The complaints about the page that is open."""
        found = [f"{what}: {text}" for text in self.complaints]
        self.complaints.clear()
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{what}: scrolls sideways")
        self.page.evaluate(axe)
        broken = self.page.evaluate("rules => axe.run(document, {iframes: false, runOnly: rules}).then(r => r.violations.map(v => "
                                    "v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' ')))", RULES)
        return found + [f"{what}: axe {b}" for b in broken]


@pytest.fixture
def tab(chromium, server):
    with contextlib.ExitStack() as stack:
        def make(**options):
            t = Tab(chromium, server, **options)
            stack.callback(t.context.close)
            return t
        yield make


def paths(spaces, signed_in):
    owner = spaces["site"].split("/")[0]
    every = {"gallery": "/", "none-found": "/?q=nosuchthing", "filtered": "/?sdk=static&sort=created", "profile": f"/{owner}", "signin": "/-/signin",
             "signin-link": "/-/signin?token=hf_x", "not-found": "/no/such/page", "no-space": f"/spaces/{owner}/nosuchspace"}
    for name, repo in spaces.items():
        every[name] = f"/spaces/{repo}"
        every[f"{name}-files"] = f"/spaces/{repo}/tree/main"
    if signed_in:
        every["logs"] = f"/spaces/{spaces['site']}/logs"
        every["build-logs"] = f"/spaces/{spaces['broken']}/logs?kind=build"
    return every


@pytest.mark.parametrize("signed_in", [False, True], ids=["out", "in"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_quiet_and_fits(tab, axe, spaces, scheme, width, signed_in):
    t = tab(color_scheme=scheme, viewport={"width": width, "height": 800})
    if signed_in:
        t.sign_in()
    found = []
    for name, path in paths(spaces, signed_in).items():
        answer = t.open(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy, path
        found += t.check(axe, f"{name} {scheme} {width}")
        t.page.screenshot(path=SCREENS / f"{name}-{'in' if signed_in else 'out'}-{scheme}-{width}.png")
    assert found == []


def test_a_form_signs_in_and_out_without_javascript(tab, spaces):
    t = tab(java_script_enabled=False).sign_in()
    assert t.page.locator(".cards .card").count() >= 4
    t.open(f"/spaces/{spaces['fileless']}")
    if not SOLO:
        assert "app.py" in t.page.inner_text(".why")
    t.page.click("text=Sign out")
    t.page.wait_for_selector("text=Sign in")
    assert t.open(f"/spaces/{spaces['site']}/logs").status in (401, 403)


def test_a_wrong_token_is_told_on_the_form(tab):
    t = tab()
    t.open("/-/signin")
    t.page.fill("#token", "hf_wrong")
    t.page.click("main button")
    t.page.wait_for_selector("[role=alert]")
    assert "not known" in t.page.inner_text("[role=alert]") and t.context.cookies() == []


@pytest.mark.skipif(SOLO, reason="needs the admin socket")
def test_a_link_signs_in_once_and_not_by_being_looked_at(tab, server):
    link = re.search(r"/-/signin\?token=\S+", server.admin("signin", server.api().whoami()["name"]).stdout).group(0)
    for _ in range(2):
        assert httpx.get(server.url + link).status_code == 200          # a mail scanner, a prefetch
    t = tab()
    t.open(link)
    t.page.click("main button")
    t.page.wait_for_selector("text=Sign out")
    again = tab()
    again.open(link)
    again.page.click("main button")
    again.page.wait_for_selector("[role=alert]")
    assert "used already" in again.page.inner_text("[role=alert]")


def test_next_stays_on_this_host(server):
    for target in ("//evil.example/", "/\\evil.example", "https://evil.example/", "/\t/evil.example", "javascript:alert(1)"):
        answer = httpx.post(f"{server.url}/-/signin", data={"token": server.token, "next": target}, headers={"Origin": server.url})
        assert answer.status_code == 303 and answer.headers["location"] == "/", target


def test_forms_of_other_sites_are_refused(server, spaces):
    cookie = httpx.post(f"{server.url}/-/signin", data={"token": server.token}, headers={"Origin": server.url}).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie
    headers = {"Cookie": cookie.split(";")[0]}
    app = f"http://x.{urllib.parse.urlsplit(server.url).netloc}"
    for foreign in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": app}, {"Origin": "null"}):
        for path in (f"/spaces/{spaces['site']}/restart", f"/spaces/{spaces['site']}/like", "/-/signout", "/-/tokens", "/-/signin"):
            assert httpx.post(server.url + path, headers=headers | foreign).status_code == 403, (foreign, path)


def test_hostile_text_is_shown_and_does_nothing(tab, spaces):
    t = tab().sign_in()
    for path in ("/", f"/spaces/{spaces['evil']}", f"/spaces/{spaces['evil']}/tree/main", f"/spaces/{spaces['evil']}/logs", f"/?q={urllib.parse.quote(EVIL)}"):
        answer = t.open(path)
        assert "<script>alert" not in answer.text() and "<img src=x" not in answer.text()
    assert t.page.input_value("#q") == EVIL
    t.open(f"/spaces/{spaces['evil']}/tree/main")
    assert "a <b>&\"'x.txt" in t.page.inner_text("table") and EVIL in t.page.inner_text("table")
    assert t.complaints == []


def test_a_log_stream_becomes_plain_lines(tab, spaces):
    events = ["\x1b[31mred\x1b[0m\n", "10%\r100%\n", f"{EVIL}\n"]
    body = ": hello\n\n" + "".join(f"data: {json.dumps({'data': e, 'timestamp': 'x'})}\n\n" for e in events)
    t = tab().sign_in()
    t.page.route("**/api/spaces/**/logs/run", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    t.open(f"/spaces/{spaces['site']}/logs?kind=run")
    t.page.wait_for_selector(".log:has-text('100%')")
    assert t.page.text_content(".log") == f"red\n100%\n{EVIL}\n" and t.complaints == []


@pytest.mark.skipif(SOLO, reason="needs the app's host")
def test_the_app_runs_in_its_frame(tab, spaces):
    t = tab()
    t.open(f"/spaces/{spaces['site']}?colour=blue#there")
    frame = t.page.frame_locator("iframe.app")
    assert frame.locator("h1").inner_text() == "hello from the app"
    element = t.page.locator("iframe.app")
    assert element.get_attribute("title") == "A site app" and "colour=blue" in element.get_attribute("src")
    assert set(element.get_attribute("sandbox").split()) == {
        "allow-scripts", "allow-same-origin", "allow-forms", "allow-popups", "allow-popups-to-escape-sandbox", "allow-downloads", "allow-modals"}
    assert t.complaints == []


@pytest.mark.skipif(SOLO, reason="needs the runtime")
def test_a_visitor_waits_on_the_apps_host_and_is_taken_in(tab, axe, server):
    """Deploys Gradio's template: the waiting page continues by itself; a broken push shows its traceback to the owner, visitors keep the app."""
    api = server.api()
    repo = f"{api.whoami()['name']}/pages-wait-{uuid.uuid4().hex[:6]}"
    owner, visitor = tab().sign_in(), tab()
    try:
        api.create_repo(repo, repo_type="space", space_sdk="gradio")
        api.upload_folder(repo_id=repo, repo_type="space", folder_path=ROOT / "templates/gradio-hello")
        answer = visitor.page.goto(server.app_url(repo.replace("/", "-")), wait_until="load")
        if answer.status == 503:                # a very fast machine may have it up already
            assert answer.headers["retry-after"] == "2" and len(answer.body()) <= 8192
            assert visitor.check(axe, "waiting") == []
            visitor.page.screenshot(path=SCREENS / "waiting.png")
        visitor.page.wait_for_selector(".gradio-container", timeout=600000)
        owner.open(f"/spaces/{repo}")
        api.upload_file(path_or_fileobj=b"import nosuchmodule\n", path_in_repo="app.py", repo_id=repo, repo_type="space")
        owner.page.wait_for_selector("#notice >> text=The newest version is not serving", timeout=120000)
        assert "No module named 'nosuchmodule'" in owner.page.text_content("#notice")
        owner.page.screenshot(path=SCREENS / "broken-push-in.png")
        visitor.open(f"/spaces/{repo}")
        assert visitor.page.text_content("#notice") == "" and visitor.page.locator("iframe.app").count() == 1
    finally:
        api.delete_repo(repo, repo_type="space", missing_ok=True)


@pytest.mark.skipif(SOLO, reason="needs the runtime")
def test_a_change_of_state_is_seen_in_open_tabs(tab, server, spaces):
    t, gallery = tab(), tab()
    t.open(f"/spaces/{spaces['site']}")
    gallery.open(f"/?q={spaces['site'].split('/')[1]}")
    assert "Running" in t.page.title()
    server.api().pause_space(spaces["site"])
    t.page.wait_for_selector(".state >> text=Paused")
    assert t.page.title().startswith("● Paused") and "Paused" in t.page.inner_text("#announce")
    gallery.page.wait_for_selector(".card .chip-amber")
    server.api().restart_space(spaces["site"])
    t.page.wait_for_selector("iframe.app")
    assert t.complaints + gallery.complaints == []


@pytest.mark.skipif(SOLO, reason="needs the runtime")
def test_every_state_that_is_not_running_has_its_reason_and_next_step(tab, spaces):
    t = tab()
    t.open(f"/spaces/{spaces['broken']}")
    assert "nosuch" in t.page.inner_text(".why") and "README.md" in t.page.inner_text(".next")
    t.open(f"/spaces/{spaces['fileless']}")
    assert "app.py" in t.page.inner_text(".why") and "app_file" in t.page.inner_text(".next")


def test_a_page_is_also_json_and_a_fragment(server, spaces):
    space = f"{server.url}/spaces/{spaces['site']}"
    answer = httpx.get(space, headers={"Accept": "application/json"})
    assert answer.json()["id"] == spaces["site"] and "Accept" in answer.headers["vary"]
    listed = httpx.get(server.url + "/", headers={"Accept": "application/json"}, params={"q": spaces["site"].split("/")[1]}).json()
    assert [s["id"] for s in listed] == [spaces["site"]]
    part = httpx.get(space, headers={"Accept": "text/html", "HX-Request": "true"}).text.strip()
    assert part.startswith("<main") and "<html" not in part
    assert "<html" in httpx.get(space, headers={"Accept": "text/html"}).text


def test_error_pages_say_what_and_what_next(server):
    answer = httpx.get(f"{server.url}/spaces/nobody/nothing", headers={"Accept": "text/html"})
    assert answer.status_code in (401, 404) and "text/html" in answer.headers["content-type"] and "Sign in" in answer.text
    assert httpx.get(f"{server.url}/spaces/nobody/nothing", headers={"Accept": "application/json"}).json()["error"]


@pytest.mark.skipif(SOLO, reason="needs edge")
def test_an_unknown_host_is_named_and_inert(server):
    port = urllib.parse.urlsplit(server.url).port
    host = f"nosuch-app.{server.domain}:{port}"
    answer = httpx.get(server.url, headers={"Host": host, "Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 302
    answer = httpx.get(answer.headers["location"], headers={"Accept": "text/html"})
    assert answer.status_code == 401 and host.partition(":")[0] in answer.text
    assert httpx.get(server.url, headers={"Host": host, "Accept": "application/json"}).json()["code"] == "no-such-host"


def test_browsing_stays_within_its_budget(server, spaces):
    """25 KB of compressed JS and CSS, no other host (C-UI-21, C-UI-22)."""
    for path in ("/", f"/spaces/{spaces['site']}"):
        page = httpx.get(server.url + path, headers={"Accept": "text/html"}).text
        loaded = {html.unescape(u) for u in re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', page)}
        assert all(u.startswith("/-/") for u in loaded), loaded
        total = 0
        for u in loaded:
            answer = httpx.get(server.url + u, headers={"Accept-Encoding": "gzip"})
            assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
            total += len(gzip.compress(answer.content, 9))
            if u.startswith("/-/assets/"):
                assert "immutable" in answer.headers["cache-control"] and answer.headers["content-encoding"] == "gzip"
                assert httpx.get(server.url + u, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        # Immutable and cached for a year: what counts is bytes; files.css comes with pages of files only.
        assert total < 25 * 1024 and 1 + len(loaded) <= 6
