"""Pages that write, in a real browser with and without JavaScript: new Space, editor, upload, delete, settings, logs, duplicate.

axe finds nothing, the console stays empty, nothing breaks the CSP, nothing scrolls sideways (C-UI-02, 03, 08, 16, 17, 20). Screenshots
are in build/screens.
"""
import contextlib
import json
import uuid

import pytest
from conftest import wait_for
from test_pages import SCREENS, Tab, axe, chromium  # noqa: F401  fixtures

APP = b"<!doctype html><html lang=en><title>dropped</title><h1>hello from the folder</h1>"
ESC = "\033"


@pytest.fixture(scope="module")
def me(server):
    return server.api().whoami()["name"]


@pytest.fixture(scope="module")
def names(server, me):
    """Names to make Spaces under; all of them are gone afterwards."""
    made = []

    def name(what):
        made.append(f"{what}-{uuid.uuid4().hex[:6]}")
        return made[-1]
    yield name
    for one in made:
        server.api().delete_repo(f"{me}/{one}", repo_type="space", missing_ok=True)


@pytest.fixture
def tab(chromium, server):  # noqa: F811
    with contextlib.ExitStack() as stack:
        def make(**options):
            t = Tab(chromium, server, **options)
            stack.callback(t.context.close)
            return t.sign_in()
        yield make


@pytest.fixture(scope="module")
def space(server, me, names):
    """A static Space with a file, a variable, a secret and a folder."""
    api, repo = server.api(), f"{me}/{names('write')}"
    api.create_repo(repo, repo_type="space", space_sdk="static")
    for path, text in {"index.html": APP, "data/long name of a file.txt": b"one\ntwo\n", "app.py": b"def f():\n    return 1\n"}.items():
        api.upload_file(path_or_fileobj=text, path_in_repo=path, repo_id=repo, repo_type="space")
    api.add_space_variable(repo, "MODEL_ID", "org/a-model-with-a-name-that-is-rather-long", description="which model")
    api.add_space_secret(repo, "HF_TOKEN", "marker-hush", description="for downloads")
    return f"/spaces/{repo}"


def raw(server, space, path):
    import httpx
    answer = httpx.get(f"{server.url}{space}/raw/main/{path}", headers={"Authorization": f"Bearer {server.token}"})
    return answer.text if answer.status_code == 200 else None


BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["js", "nojs"])


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_form_is_accessible_quiet_and_fits(tab, axe, space, scheme, width):  # noqa: F811
    t = tab(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    for name, path in {"new-space": "/new-space", "settings": f"{space}/settings", "started": f"{space}/started", "new-file": f"{space}/new/main/data",
                       "edit": f"{space}/edit/main/app.py", "upload": f"{space}/upload/main/data", "delete": f"{space}/delete/main/data",
                       "duplicate": f"{space}/duplicate", "logs-write": f"{space}/logs?kind=build"}.items():
        answer = t.open(path)
        assert answer.status == 200 and "unsafe" not in answer.headers["content-security-policy"], path
        t.page.evaluate("for (const d of document.querySelectorAll('.form-page details, .past')) d.open = true")
        found += t.check(axe, f"{name} {scheme} {width}")
        t.page.screenshot(path=SCREENS / f"{name}-{scheme}-{width}.png", full_page=True)
        assert "marker-hush" not in t.page.content()
    assert found == []


def test_refusals_are_accessible_and_take_the_focus(tab, axe, space):  # noqa: F811
    t = tab()
    found = []
    t.open(f"{space}/settings")
    t.page.fill("#typed", "not the name")
    t.page.click("text=Delete for good")
    t.page.wait_for_selector("#delete-problem")
    assert t.page.evaluate("document.activeElement.id") == "delete-problem"
    found += t.check(axe, "delete refused")
    t.open(f"{space}/edit/main/README.md")
    t.page.fill("#text", "---\ntitle: x\nsdk: [\n---\n")
    t.page.click("button:has-text('Commit')")
    assert "line" in t.page.locator("[role=alert]").inner_text()
    assert t.page.input_value("#text").startswith("---\ntitle: x\nsdk: [")
    found += t.check(axe, "README refused")
    t.page.screenshot(path=SCREENS / "edit-refused.png")
    assert found == []


@BOTH
@pytest.mark.parametrize("start", ["static", "template:static-hello"])
def test_a_space_from_nothing_or_a_template(tab, server, me, names, scripts, start):
    t, name = tab(java_script_enabled=scripts), names("new")
    t.open("/")
    t.page.click("text=New Space")
    t.page.fill("#name", name)
    t.page.check(f"input[value='{start}']")
    t.page.click("text=Create Space")
    if start == "static":
        t.page.wait_for_url(f"**/spaces/{me}/{name}/started")
        assert f"git clone {server.url}/spaces/{me}/{name}" in t.page.inner_text("main")
        t.page.click("text=Create index.html")
        assert "Hello world" in t.page.input_value("#text")
        t.page.click("button:has-text('Commit')")
        t.page.wait_for_url(f"**/spaces/{me}/{name}/**")
    else:
        t.page.wait_for_url(f"**/spaces/{me}/{name}")
    wait_for(lambda: server.api().get_space_runtime(f"{me}/{name}").stage == "RUNNING")
    assert t.complaints == []


@BOTH
def test_a_space_out_of_a_folder(tab, server, me, names, tmp_path, scripts):
    t, name = tab(java_script_enabled=scripts), names("drop")
    folder = tmp_path / "my site"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_bytes(APP)
    (folder / "sub" / "ä b.txt").write_text("inside")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    t.open("/new-space")
    t.page.fill("#name", name)
    t.page.set_input_files("#folder", folder)
    t.page.click("text=Create Space")
    t.page.wait_for_url(f"**/spaces/{me}/{name}/started")
    assert "sdk: static" in t.page.inner_text("main") and "See it start" in t.page.inner_text("main")
    t.page.screenshot(path=SCREENS / "started-found.png")
    files = server.api().list_repo_files(f"{me}/{name}", repo_type="space")
    assert "sub/ä b.txt" in files and "index.html" in files and not any("pycache" in f for f in files)
    wait_for(lambda: server.api().get_space_runtime(f"{me}/{name}").stage == "RUNNING")


def test_what_a_folder_is_follows_from_its_files(tab, server, me, names, tmp_path):
    t, name = tab(), names("py")
    (tmp_path / "main.py").write_text("# hi\nimport streamlit as st\nst.write('x')\n")
    (tmp_path / "README.md").write_text("# My notes\n")
    t.open("/new-space")
    t.page.fill("#name", name)
    t.page.set_input_files("#file", [tmp_path / "main.py", tmp_path / "README.md"])
    t.page.click("text=Create Space")
    t.page.wait_for_url("**/started")
    readme = raw(server, f"/spaces/{me}/{name}", "README.md")
    assert "sdk: streamlit" in readme and "app_file: main.py" in readme and readme.endswith("# My notes\n")
    server.api().pause_space(f"{me}/{name}")


def test_a_dropped_folder_keeps_its_paths_and_shows_how_far_it_is(tab, server, space):
    t = tab()
    t.open(f"{space}/upload/main")
    t.page.evaluate("""() => {
        const file = (name, text) => ({ isFile: true, name, file: (done) => done(new File([text], name)) });
        const dir = (name, all) => ({ isFile: false, isDirectory: true, name, createReader() {
            let left = [...all];
            return { readEntries: (done) => done(left.splice(0, 1)) };
        } });
        const event = new Event("drop", { bubbles: true, cancelable: true });
        event.dataTransfer = { items: [{ webkitGetAsEntry: () => dir("top", [file("a.txt", "A"), dir("deep", [file("b.txt", "B")])]) }] };
        document.querySelector("vt-drop").dispatchEvent(event);
    }""")
    t.page.wait_for_selector("text=2 files are ready")
    t.page.screenshot(path=SCREENS / "upload-dropped.png")
    t.page.click("button:has-text('Upload')")
    t.page.wait_for_url(f"**{space}/tree/main")
    assert raw(server, space, "deep/b.txt") == "B" and raw(server, space, "a.txt") == "A"
    assert t.complaints == []


@BOTH
def test_edit_upload_delete(tab, server, space, tmp_path, scripts):
    t = tab(java_script_enabled=scripts)
    name = f"note-{uuid.uuid4().hex[:4]}.txt"
    t.open(f"{space}/new/main")
    t.page.fill("#path", name)
    t.page.fill("#text", "\nfirst\n\tsecond ä <b>\n")
    t.page.fill("#summary", "a note <i>")
    t.page.click("button:has-text('Commit')")
    t.page.wait_for_url(f"**{space}/tree/main")
    assert raw(server, space, name) == "\nfirst\n\tsecond ä <b>\n"
    t.open(f"{space}/edit/main/{name}")
    assert t.page.input_value("#text") == "\nfirst\n\tsecond ä <b>\n"
    t.page.fill("#path", f"moved/{name}")
    t.page.click("button:has-text('Commit')")
    t.page.wait_for_url(f"**{space}/tree/main/moved")
    assert raw(server, space, name) is None and raw(server, space, f"moved/{name}") == "\nfirst\n\tsecond ä <b>\n"
    (tmp_path / "up.bin").write_bytes(b"\0\1\2")
    t.open(f"{space}/upload/main/moved")
    t.page.set_input_files("#file", tmp_path / "up.bin")
    t.page.click("button:has-text('Upload')")
    t.page.wait_for_url(f"**{space}/tree/main/moved")
    t.open(f"{space}/delete/main/moved")
    assert "2 files" in t.page.inner_text("main")
    t.page.click("button:has-text('Delete')")
    t.page.wait_for_url(f"**{space}/tree/main")
    assert raw(server, space, f"moved/{name}") is None
    assert t.complaints == []


def test_the_editor_indents_and_lets_go(tab, space):
    t = tab()
    t.open(f"{space}/edit/main/app.py")
    t.page.focus("#text")
    t.page.evaluate("const a = document.getElementById('text'); a.setSelectionRange(a.value.length, a.value.length)")
    t.page.keyboard.type("def g():")
    t.page.keyboard.press("Enter")
    t.page.keyboard.press("Tab")
    t.page.keyboard.type("x = 1")
    t.page.keyboard.press("Enter")
    t.page.keyboard.type("y")
    assert t.page.input_value("#text").endswith("def g():\n    x = 1\n    y")
    t.page.keyboard.press("Escape")
    t.page.keyboard.press("Tab")
    assert t.page.evaluate("document.activeElement.id") == "summary"


@BOTH
def test_a_change_of_somebody_else_is_shown_and_nothing_is_lost(tab, server, space, scripts):
    t = tab(java_script_enabled=scripts)
    api, repo, path = server.api(), space.removeprefix("/spaces/"), f"both-{scripts}.txt"
    api.upload_file(path_or_fileobj=b"one\ntwo\nthree\n", path_in_repo=path, repo_id=repo, repo_type="space")
    t.open(f"{space}/edit/main/{path}")
    t.page.fill("#text", "one\nmine\nthree\n")
    api.upload_file(path_or_fileobj=b"one\ntheirs\nthree\n", path_in_repo=path, repo_id=repo, repo_type="space")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="unrelated.txt", repo_id=repo, repo_type="space")
    t.page.click("button:has-text('Commit')")
    t.page.wait_for_selector(".diff")
    assert t.page.inner_text(".diff").split("\n") == ["− theirs", "+ mine"] and t.page.input_value("#text") == "one\nmine\nthree\n"
    t.page.screenshot(path=SCREENS / "edit-conflict.png")
    t.page.click("button:has-text('Commit')")
    t.page.wait_for_url(f"**{space}/tree/main")
    assert raw(server, space, path) == "one\nmine\nthree\n"


@BOTH
def test_settings(tab, server, me, names, scripts):
    t, name = tab(java_script_enabled=scripts), names("set")
    space = f"/spaces/{me}/{name}"
    server.api().create_repo(f"{me}/{name}", repo_type="space", space_sdk="static")
    t.open(f"{space}/settings")
    t.page.fill("#key", "COLOUR")
    t.page.fill("#value", "blue\nand <green>")
    t.page.click("#variables button:has-text('Add and restart')")
    t.page.wait_for_selector(".done")
    assert server.api().get_space_variables(f"{me}/{name}")["COLOUR"].value == "blue\nand <green>"
    t.page.fill("#secret-key", "PASS")
    t.page.fill("#secret-value", "marker-hush")
    t.page.click("#secrets button:has-text('Add and restart')")
    t.page.wait_for_selector("text=PASS")
    assert "marker-hush" not in t.page.content()
    t.page.click("#variables summary")
    t.page.fill("[id='value-COLOUR']", "red")
    t.page.click("button:has-text('Save and restart')")
    t.page.wait_for_selector(".value:has-text('red')")
    t.page.check("input[value=private]")
    t.page.click("#visibility button")
    t.page.wait_for_selector("text=Only you can see this Space now.")
    assert server.api().space_info(f"{me}/{name}").private
    new = names("moved")
    t.page.fill("#to-name", new)
    t.page.click("#name button")
    t.page.wait_for_url(f"**/spaces/{me}/{new}/settings**")
    assert "moved the Space" in t.page.inner_text("#events") and "set the secret" in t.page.inner_text("#events")
    t.page.fill("#typed", f"{me}/{new}")
    t.page.click("text=Delete for good")
    t.page.wait_for_url(f"**/{me}")
    assert not server.api().repo_exists(f"{me}/{new}", repo_type="space")
    assert t.complaints == []


@BOTH
def test_duplicate(tab, server, me, names, space, scripts):
    t, name = tab(java_script_enabled=scripts), names("copy")
    t.open(f"{space}/duplicate")
    assert t.page.is_checked("input[value=private]") and "not copied" in t.page.inner_text("main")
    t.page.fill("#to-name", name)
    t.page.fill("[id='variable-MODEL_ID']", "my/model")
    t.page.fill("[id='secret-HF_TOKEN']", "marker-mine")
    t.page.click("button:has-text('Duplicate')")
    t.page.wait_for_url(f"**/spaces/{me}/{name}")
    api, repo = server.api(), f"{me}/{name}"
    assert api.space_info(repo).private and api.get_space_variables(repo)["MODEL_ID"].value == "my/model"
    assert "HF_TOKEN" in api.get_space_secrets(repo)
    assert len(api.list_repo_commits(repo, repo_type="space")) > 1
    t.open(f"{space}/duplicate")
    t.page.fill("#to-name", name)
    t.page.click("button:has-text('Duplicate')")
    assert "already" in t.page.inner_text("[role=alert]")


def test_who_is_signed_out_is_asked_to_sign_in(chromium, server, space):  # noqa: F811
    t = Tab(chromium, server)
    for path in ("/new-space", f"{space}/duplicate", f"{space}/settings"):
        assert t.open(path).status in (401, 403)
        assert t.page.locator("main a:has-text('Sign in')").count() == 1
    t.context.close()


def test_live_lines_have_the_terminals_colours_and_nothing_else_of_it(tab, axe, space):  # noqa: F811
    """The twin of server/pages/ansi.c, on a stream of ours; the cases are those of its unit test."""
    cases = {
        f"{ESC}[31mred{ESC}[0m plain": '<span class="a-f1">red</span> plain',
        f"{ESC}[1;92;44mx{ESC}[0m": '<span class="a-f10 a-b4 a-strong">x</span>',
        f"{ESC}[38:2::255:0:0mx{ESC}[m": '<span class="a-f9">x</span>',
        "10%\r20%\r100%\r": "100%",
        f"{ESC}[2Ja{ESC}[?25lb{ESC}(Bc{ESC}]0;t\ad": "abcd",
        f"{ESC}]8;;javascript:alert(1)\ax{ESC}]8;;\a": "x",
        f"{ESC}]8;;https://a.b/?x=1{ESC}\\here{ESC}]8;;{ESC}\\ there":
            '<a href="https://a.b/?x=1" rel="noopener noreferrer nofollow" target="_blank">here</a> there',
        "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)&gt;",
        f"{ESC}[7minverse{ESC}[27m{ESC}[2mdim{ESC}[0m": '<span class="a-inverse">inverse</span><span class="a-dim">dim</span>',
    }
    colours = "".join(f"{ESC}[{c}m{c} {ESC}[0m" for c in [*range(30, 38), *range(90, 98), *range(40, 48), *range(100, 108)])
    body = "".join(f"data: {json.dumps({'data': line + chr(10), 'timestamp': ''})}\n\n" for line in [*cases, colours])
    for scheme in ("light", "dark"):
        t = tab(color_scheme=scheme)
        t.page.route("**/api/spaces/**/logs/**", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
        t.open(f"{space}/logs?kind=build#L3")
        t.page.wait_for_selector(f"#L{len(cases) + 1}")
        shown = [t.page.inner_html(f"#L{i + 1}").removesuffix("\n") for i in range(len(cases))]
        assert shown == list(cases.values())
        assert "hit" in t.page.get_attribute("#L3", "class")
        t.page.screenshot(path=SCREENS / f"logs-colours-{scheme}.png")
        assert t.check(axe, f"colours {scheme}") == []
