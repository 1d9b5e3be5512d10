"""Pages for reading: files, one file, history, commits, likers, search: accessible, quiet, and nothing of a repository runs.

The XSS corpus is stored wherever users write (C-UI-08, ui.md 5.4 #22): it must be shown and do nothing, on every page.
"""
import urllib.parse
import uuid

import httpx
import pytest
from conftest import wait_for
from test_pages import SCREENS, SOLO, axe, chromium, commit, tab  # noqa: F401  fixtures

PY = b'"""Doc."""\nimport gradio as gr\n\n\ndef greet(name: str) -> str:  # says hello\n    return f"Hello {name}!" * 2\n\n\ngr.Interface(greet, "text", "text").launch()\n'
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082")
CARD = b"""---
title: Whale watcher
emoji: "\xf0\x9f\x90\xb3"
colorFrom: blue
colorTo: indigo
sdk: static
short_description: Looks for whales in pictures
tags: [ocean, pages-read]
license: mit
---
# Whale watcher

See [the code](app.py#L5), **bold**, `code` and <kbd>Ctrl</kbd>.

<div align="center"><img src="dot.png" width="40" alt="A dot"></div>

## Steps

- [x] look
- [ ] find

| kind | seen |
|---|---:|
| blue | 3 |

```python
print("hi")
```

> A quote.

<details><summary>More</summary>

Hidden words.

</details>

![elsewhere](https://images.example/x.png) and [back](#steps)
"""
HOOK = "window.fired=1"
ATTACKS = [
    f"<script>{HOOK}</script>", f"<img src=x onerror={HOOK}>", f"<svg onload={HOOK}>", f"\"'><img src=x onerror={HOOK}>", f"</title><script>{HOOK}</script>",
    f"[x](javascript:{HOOK})", f"<a href='javascript:{HOOK}'>y</a>", f"<iframe srcdoc='<script>parent.{HOOK}</script>'></iframe>",
    f"<details open ontoggle={HOOK}>z</details>", f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={HOOK}&gt;'>",
    f"<form action='javascript:{HOOK}'><button>b</button></form>", f"<div hx-get=/-/signout hx-trigger=load style='position:fixed;inset:0'>w</div>",
    f"<noscript><p title='</noscript><img src=x onerror={HOOK}>'></noscript>", f"</pre></code><img src=x onerror={HOOK}>", "{{7*7}} {{{x}}} <%= 1 %>",
]


@pytest.fixture(scope="module")
def whale(server):
    """A Space whose pages are worth looking at; its second commit changes a file."""
    api, tag = server.api(), uuid.uuid4().hex[:6]
    repo = f"{api.whoami()['name']}/whale-{tag}"
    api.create_repo(repo, repo_type="space", space_sdk="static")
    commit(server, repo, {"README.md": CARD, "app.py": PY, "dot.png": PNG, "index.html": b"<!doctype html><title>w</title><h1>whales</h1>",
                          "docs/notes.txt": b"one\ntwo\n", "data.bin": b"\x00\x01\x02", "empty.txt": b""})
    api.upload_file(path_or_fileobj=PY.replace(b"Hello", b"Good day"), path_in_repo="app.py", repo_id=repo, repo_type="space", commit_message="A politer greeting")
    api.create_tag(repo, tag="v1", repo_type="space")
    api.like(repo, repo_type="space") if hasattr(api, "like") else None
    yield repo
    api.delete_repo(repo, repo_type="space", missing_ok=True)


def pages_of(repo, sha):
    s = f"/spaces/{repo}"
    return {"files": f"{s}/tree/main", "folder": f"{s}/tree/main/docs", "found": f"{s}/tree/main?find=app", "code": f"{s}/blob/main/app.py#L5",
            "readme": f"{s}/blob/main/README.md", "source": f"{s}/blob/main/README.md?plain=1", "image": f"{s}/blob/main/dot.png",
            "binary": f"{s}/blob/main/data.bin", "empty": f"{s}/blob/main/empty.txt", "history": f"{s}/commits/main",
            "file-history": f"{s}/commits/main/app.py", "commit": f"{s}/commit/{sha}", "likers": f"{s}/likers", "space": s, "search": "/?q=whale",
            "tagged": "/?tag=pages-read"}


@pytest.mark.parametrize("scheme,width,signed_in", [("light", 1280, True), ("dark", 1280, False), ("light", 360, False), ("dark", 360, True)])
def test_pages_for_reading_are_accessible_quiet_and_fit(tab, axe, server, whale, scheme, width, signed_in):  # noqa: F811
    t = tab(color_scheme=scheme, viewport={"width": width, "height": 800})
    if signed_in:
        t.sign_in()
    sha = httpx.get(f"{server.url}/spaces/{whale}/commits/main", headers={"Accept": "application/json"}).json()[0]["id"]
    found = []
    for name, path in pages_of(whale, sha).items():
        assert t.open(path).status == 200, path
        found += t.check(axe, f"{name} {scheme} {width}")
        t.page.screenshot(path=SCREENS / f"read-{name}-{scheme}-{width}.png")
    t.page.goto(f"{server.url}/spaces/{whale}")
    t.page.click("summary.bare")
    t.page.screenshot(path=SCREENS / f"read-menu-{scheme}-{width}.png")
    assert found + t.check(axe, "menu") == []


def test_files_can_be_read_without_javascript(tab, server, whale):  # noqa: F811
    t = tab(java_script_enabled=False)
    t.open(f"/spaces/{whale}/tree/main")
    assert "Whale watcher" in t.page.inner_text(".prose h2") and t.page.locator(".prose input[checked]").count() == 1
    t.page.click(".prose >> text=the code")
    assert t.page.url.endswith("/blob/main/app.py#L5") and "def greet" in t.page.inner_text("#L5")
    assert t.page.locator("#L5 .t-k").first.inner_text() == "def"
    t.page.click(".files-bar >> text=History")
    t.page.click("text=A politer greeting")
    assert "Good day" in t.page.inner_text(".d-add") and "Hello" in t.page.inner_text(".d-del")
    t.open(f"/spaces/{whale}/tree/main?find=NOTES")
    t.page.click("text=docs/notes.txt")
    assert "two" in t.page.inner_text("#L2")
    t.open(f"/spaces/{whale}/blob/v1/README.md")
    assert "Looks for whales" in t.page.inner_text(".meta")


def test_search_and_tags_are_plain_addresses(tab, server, whale):  # noqa: F811
    name = whale.split("/")[1]
    t = tab(java_script_enabled=False)
    for path in ("/?q=wha", "/?q=pictures+whales", f"/?q={name}", "/?tag=ocean&sort=created", "/?q=mit+whale&sdk=static"):
        t.open(path)
        assert t.page.locator(f".card a[href='/spaces/{whale}']").count() == 1, path
    for path in ("/?q=whale&sdk=docker", "/?q=%22%28nothinglikethis%2A", "/?tag=none&q=whale"):
        t.open(path)
        assert t.page.locator(f".card a[href='/spaces/{whale}']").count() == 0, path
    assert [s.id for s in server.api().list_spaces(search="whale watcher", author=whale.split("/")[0])] == [whale]


@pytest.fixture(scope="module")
def hostile(server):
    api, tag = server.api(), uuid.uuid4().hex[:6]
    repo = f"{api.whoami()['name']}/xss-{tag}"
    api.create_repo(repo, repo_type="space", space_sdk="static")
    title = ATTACKS[3].replace("'", "''")
    readme = f"---\ntitle: '{title}'\nshort_description: '{ATTACKS[1]}'\nemoji: '<b>'\nsdk: static\ntags: ['{ATTACKS[0]}']\n---\n" + "\n\n".join(ATTACKS) + "\n"
    files = {"README.md": readme.encode(), "index.html": b"<p>x", "a.py": "\n".join(f"# {a}\nx = '{a}'" for a in ATTACKS).encode(),
             "page.html": "\n".join(ATTACKS).encode(), "pic.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{HOOK}'><script>{HOOK}</script></svg>".encode(),
             f"{ATTACKS[1]}.txt": b"named", "\"'><b>.md": ATTACKS[2].encode()}
    commit(server, repo, files)
    api.upload_file(path_or_fileobj=b"y", path_in_repo="a.py", repo_id=repo, repo_type="space", commit_message=ATTACKS[0], commit_description="\n".join(ATTACKS))
    api.add_space_variable(repo, "SHOWN", ATTACKS[3], description=ATTACKS[1])
    yield repo
    api.delete_repo(repo, repo_type="space", missing_ok=True)


def test_what_users_wrote_is_shown_and_does_nothing(tab, server, hostile):  # noqa: F811
    t = tab().sign_in()
    sha = httpx.get(f"{server.url}/spaces/{hostile}/commits/main", headers={"Accept": "application/json"}).json()[0]["id"]
    odd = urllib.parse.quote(f"{ATTACKS[1]}.txt", safe="")
    s = f"/spaces/{hostile}"
    every = list(pages_of(hostile, sha).values())[:3] + [
        s, f"{s}/blob/main/README.md", f"{s}/blob/main/README.md?plain=1", f"{s}/blob/{sha}/a.py", f"{s}/blob/main/page.html", f"{s}/blob/main/pic.svg",
        f"{s}/blob/main/{odd}", f"{s}/blob/main/{urllib.parse.quote(chr(34) + chr(39) + '><b>.md', safe='')}", f"{s}/commits/main", f"{s}/commit/{sha}", f"{s}/likers",
        f"{s}/settings", f"{s}/logs", f"{s}/resolve/main/page.html", f"{s}/resolve/main/pic.svg", "/", f"/?q={urllib.parse.quote(ATTACKS[0])}",
        f"/?tag={urllib.parse.quote(ATTACKS[0])}", f"{s}/tree/main?find={urllib.parse.quote(ATTACKS[1])}", f"{s}/agents.md", f"{s}/new/main", f"{s}/edit/main/a.py"]
    for path in every:
        try:
            answer = t.open(path)
        except Exception as error:      # a download, which shows nothing at all
            assert "Download is starting" in str(error) or "ERR_ABORTED" in str(error), path
            continue
        if answer and answer.status in (404, 405):
            continue
        for link in t.page.locator("main .prose a[href], main a.title").all()[:3]:
            assert not (link.get_attribute("href") or "").lower().startswith("javascript"), path
        assert t.page.evaluate("window.fired") is None, path
        assert t.page.locator("main [onerror], main [onload], main [ontoggle], main [hx-get], main .prose [style], main .prose iframe, main .prose form").count() == 0, path
        t.complaints = [c for c in t.complaints if "Framing" not in c]
        assert t.complaints == [], path
    assert ATTACKS[0] in t.page.request.get(f"{server.url}{s}/commit/{sha}").text().replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.skipif(SOLO, reason="needs the runtime")
def test_what_an_app_printed_is_shown_and_does_nothing(tab, server):  # noqa: F811
    """The app log, its earlier runs and the evidence of a crash; the last is for who may write."""
    osc = [f"\033]8;;javascript:{HOOK}\033\\link\033]8;;\033\\", f"\033]8;;https://h.example/\"onclick={HOOK}\033\\fine\033]8;;\033\\", f"\033]0;<script>{HOOK}</script>\a"]
    app = f"for line in {ATTACKS + osc!r}: print(line, flush=True)\nraise SystemExit({'marker-evidence ' + ATTACKS[1]!r})\n"
    name = f"says-{uuid.uuid4().hex[:6]}"
    s = f"/spaces/{server.owner}/{name}"
    try:
        server.deploy(name, {"README.md": "---\nsdk: gradio\n---\n", "app.py": app})
        wait_for(lambda: server.api().get_space_runtime(s.removeprefix("/spaces/")).stage == "RUNTIME_ERROR", 120)
        for scripts in (True, False):
            t = tab(java_script_enabled=scripts).sign_in()
            for path in (s, f"{s}/logs?kind=run", f"{s}/logs?kind=run&from=1", f"{s}/logs?kind=build", f"{s}/settings", f"/?q={name}"):
                t.open(path)
                if path.endswith("kind=run"):
                    t.page.wait_for_selector(".log:has-text('marker-evidence')")
                    assert ATTACKS[0] in t.page.text_content(".log") and t.page.locator(".log a").count() >= 1
                    assert t.page.locator(".log a:not([href^='https://h.example/'])").count() == 0
                assert t.page.locator("main [onerror], main [onload], main [onclick], main .log img, main .log script").count() == 0, path
                assert not scripts or t.page.evaluate("window.fired") is None, path
                assert t.complaints == [], path
        assert "marker-evidence" in httpx.get(server.url + s, headers={"Accept": "text/html", "Authorization": f"Bearer {server.token}"}).text
        for accept in ("text/html", "application/json"):
            assert "marker-evidence" not in httpx.get(server.url + s, headers={"Accept": accept}).text
        assert "marker-evidence" not in httpx.get(f"{server.url}/api{s}/runtime").text
        assert httpx.get(f"{server.url}{s}/logs", headers={"Accept": "text/html"}).status_code in (401, 403, 404)
    finally:
        server.api().delete_repo(s.removeprefix("/spaces/"), repo_type="space", missing_ok=True)


def test_raw_files_are_never_active_here(server, hostile):
    for path in ("page.html", "pic.svg", "README.md", "a.py"):
        answer = httpx.get(f"{server.url}/spaces/{hostile}/resolve/main/{path}", headers={"Cookie": ""})
        kind = answer.headers["content-type"]
        assert kind.startswith("text/plain") or kind == "application/octet-stream", (path, kind)
        assert "sandbox" in answer.headers["content-security-policy"] and answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.skipif(SOLO, reason="needs the runtime")
def test_the_page_and_its_app_pass_query_and_fragment(tab, server, whale):  # noqa: F811
    wait_for(lambda: server.api().get_space_runtime(whale).stage == "RUNNING")
    t = tab()
    t.open(f"/spaces/{whale}?a=1#part")
    t.page.wait_for_selector("iframe.app")
    src = t.page.get_attribute("iframe.app", "src")
    assert "a=1" in src
    t.page.frame_locator("iframe.app").locator("h1").wait_for()
    frame = next(f for f in t.page.frames if f.parent_frame)
    frame.evaluate("parent.postMessage({queryString: '?b=2', hash: '#there'}, '*')")
    t.page.wait_for_function("location.href.endsWith('?b=2#there')")
    assert t.complaints == []
