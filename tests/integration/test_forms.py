"""Forms as hostile or hasty clients send them: every one is refused with its cause at the form, and changes nothing.

The same handlers as a browser's: plain posts with a session cookie (C-UI-02, C-UI-05, C-UI-17).
"""
import os
import re
import subprocess
import urllib.parse
import uuid

import httpx
import pytest
from conftest import wait_for

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def browser(server):
    """A signed-in session: cookie, same-origin headers, text/html."""
    with httpx.Client(base_url=server.url, headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Origin": server.url},
                      follow_redirects=False, timeout=60) as c:
        assert c.post("/-/signin", data={"token": server.token, "next": "/"}).status_code == 303
        yield c


@pytest.fixture(scope="module")
def space(server, browser):
    """A static Space made by the form itself."""
    name = f"forms-{uuid.uuid4().hex[:6]}"
    owner = server.api().whoami()["name"]
    answer = browser.post("/new-space", files=[("name", (None, name)), ("start", (None, "static")), ("visibility", (None, "public"))])
    assert answer.status_code == 303 and answer.headers["location"] == f"/spaces/{owner}/{name}/started", answer.text
    yield f"/spaces/{owner}/{name}"
    server.api().delete_repo(f"{owner}/{name}", repo_type="space", missing_ok=True)


def problem(answer):
    found = re.search(r'<p class="problem"[^>]*role="alert"[^>]*>(.*?)</p>', answer.text, re.S)
    assert found, answer.text[-3000:]
    return found.group(1)


def form(**fields):
    return [(k, (None, v)) for k, v in fields.items()]


def commits(server, space):
    return len(server.api().list_repo_commits(space.removeprefix("/spaces/"), repo_type="space"))


@pytest.mark.parametrize("fields, status, says", [
    ({"name": ""}, 400, "name"),
    ({"name": "a--b"}, 400, "--"),
    ({"name": "../x"}, 400, "name"),
    ({"name": EVIL}, 400, "name"),
    ({"name": "x" * 97}, 400, "96"),
    ({"name": "fine", "start": "nosuch"}, 400, "sdk"),
    ({"name": "fine", "start": "template:nosuch"}, 400, "template"),
    ({"name": "fine", "visibility": "nobody"}, 400, "visibility"),
])
def test_a_bad_new_space_comes_back_with_what_was_typed(browser, fields, status, says):
    answer = browser.post("/new-space", files=form(**{"start": "static", "visibility": "private", **fields}))
    assert answer.status_code == status
    assert says in problem(answer) and EVIL not in answer.text
    if fields["name"] == "fine":
        assert 'value="fine"' in answer.text
    if "visibility" not in fields:
        assert re.search(r'value="private" checked', answer.text)


def test_a_name_that_is_taken_is_told(browser, space):
    answer = browser.post("/new-space", files=form(name=space.rsplit("/", 1)[1], start="static", visibility="public"))
    assert answer.status_code == 409 and "already" in problem(answer)


def test_a_bad_file_name_makes_no_space(server, browser):
    name = f"bad-{uuid.uuid4().hex[:6]}"
    for path in ("../../etc/passwd", "/etc/passwd", ".git/config", "a\\b"):
        answer = browser.post("/new-space", files=form(name=name, start="static", visibility="public") + [("file", (path, b"x"))])
        assert answer.status_code == 400, path
        assert problem(answer)
    assert browser.get(f"/spaces/{server.api().whoami()['name']}/{name}").status_code == 404


@pytest.mark.parametrize("what, fields, status, says", [
    ("variable", {}, 400, "name"),
    ("variable", {"key": "1BAD", "value": "x"}, 400, "digit"),
    ("variable", {"key": "A B", "value": EVIL}, 400, "letters"),
    ("variable", {"key": "K" * 128, "value": "x"}, 400, "127"),
    ("variable", {"key": "BIG", "value": "x" * 70000}, 400, "65536"),
    ("secret", {}, 400, ""),
    ("secret", {"key": "1BAD", "value": "hunter2"}, 400, "digit"),
    ("secret", {"key": "BIG", "value": "x" * 70000}, 400, "65536"),
    ("visibility", {}, 400, "visibility"),
    ("visibility", {"visibility": "secret"}, 400, "visibility"),
    ("sleep", {}, 400, "seconds"),
    ("sleep", {"seconds": "soon"}, 400, "seconds"),
    ("sleep", {"seconds": "-7"}, 400, "seconds"),
    ("sleep-now", {}, 409, ""),
    ("delete", {}, 400, "nothing was deleted"),
    ("delete", {"typed": EVIL}, 400, "nothing was deleted"),
    ("move", {"owner": "", "name": ""}, 400, ""),
])
def test_a_bad_setting_is_told_at_its_form(browser, space, what, fields, status, says):
    answer = browser.post(f"{space}/settings/{what}", data=fields)
    assert answer.status_code == status, answer.text[-2000:]
    assert says.lower() in problem(answer).lower()
    assert EVIL not in answer.text and "hunter2" not in answer.text
    assert browser.get(f"{space}/settings").status_code == 200


def test_a_setting_that_is_none_is_404(browser, space):
    assert browser.post(f"{space}/settings/nosuch", data={}).status_code == 404


def test_a_secret_is_on_no_page_and_a_variable_is(browser, space):
    assert browser.post(f"{space}/settings/secret", data={"key": "TOKEN", "value": "marker-Xq81", "description": "for tests"}).status_code == 303
    assert browser.post(f"{space}/settings/variable", data={"key": "MODE", "value": "a <b>\r\nc"}).status_code == 303
    page = browser.get(f"{space}/settings").text
    assert "TOKEN" in page and "marker-Xq81" not in page and "a &lt;b&gt;\nc" in page
    assert browser.post(f"{space}/settings/variable-delete", data={"key": "MODE"}).status_code == 303
    assert browser.post(f"{space}/settings/secret-delete", data={"key": "TOKEN"}).status_code == 303
    page = browser.get(f"{space}/settings").text
    assert "removed the secret" in page and "a &lt;b&gt;" not in page


@pytest.mark.parametrize("path, text, status, says", [
    ("", "x", 400, "name"),
    ("../up", "x", 400, ""),
    (".git/config", "x", 400, ""),
    ("a" * 1100, "x", 400, ""),
    ("big.txt", "x" * (1 << 20) + "yy", 413, "1 MB"),
    ("README.md", "---\nsdk: [\n---\n", 422, "line"),
    ("README.md", "---\nsdk: nosuch\n---\n", 422, "nosuch"),
])
def test_a_bad_file_is_not_committed_and_not_lost(server, browser, space, path, text, status, says):
    before = commits(server, space)
    answer = browser.post(f"{space}/new/main", files=form(was="", path=path, blob="", eol="", text=text, summary="mine", description=""))
    assert answer.status_code == status
    if path != "README.md" or "line" not in says:
        assert says in problem(answer)
    assert 'value="mine"' in answer.text and commits(server, space) == before
    if len(text) < 1000:
        assert text.strip().split("\n")[-1] in answer.text


def test_a_file_that_changed_meanwhile_is_not_overwritten(server, browser, space):
    url = f"{space}/new/main"
    assert browser.post(url, files=form(path="notes.txt", blob="", text="one\r\ntwo\r\n", summary="", description="", was="", eol="")).status_code == 303
    page = browser.get(f"{space}/edit/main/notes.txt").text
    blob = re.search(r'name="blob" value="([0-9a-f]{40})"', page).group(1)
    edit = f"{space}/edit/main/notes.txt"
    other = form(path="notes.txt", was="notes.txt", blob=blob, text="one\r\nTWO\r\n", summary="", description="", eol="")
    assert browser.post(edit, files=other).status_code == 303
    mine = form(path="notes.txt", was="notes.txt", blob=blob, text="one\r\nzwei\r\n", summary="", description="", eol="")
    answer = browser.post(edit, files=mine)
    assert answer.status_code == 409 and "somebody changed" in problem(answer)
    assert "− TWO" in answer.text and "+ zwei" in answer.text
    raw = httpx.get(f"{server.url}{space}/raw/main/notes.txt").text
    assert raw == "one\nTWO\n"
    now = re.search(r'name="blob" value="([0-9a-f]{40})"', answer.text).group(1)
    again = form(path="notes.txt", was="notes.txt", blob=now, text="one\r\nzwei\r\n", summary="", description="", eol="")
    assert browser.post(edit, files=again).status_code == 303
    assert httpx.get(f"{server.url}{space}/raw/main/notes.txt").text == "one\nzwei\n"
    taken = form(path="notes.txt", was="", blob="", text="x", summary="", description="", eol="")
    assert browser.post(url, files=taken).status_code == 409
    assert browser.post(f"{space}/delete/main/notes.txt", data={"summary": "gone"}).status_code == 303
    answer = browser.post(edit, files=again)
    assert answer.status_code == 409 and "deleted" in problem(answer)
    assert browser.get(edit).status_code == 404


def test_a_file_and_a_folder_of_one_name_are_not_exchanged_in_silence(server, browser, space):
    def raw(path):
        answer = httpx.get(f"{server.url}{space}/raw/main/{path}")
        return answer.text if answer.status_code == 200 else None

    def new(path, text, **more):
        fields = {"was": "", "blob": "", "eol": "", "summary": "", "description": "", **more}
        return browser.post(f"{space}/new/main", files=form(path=path, text=text, **fields))
    assert new("shelf/book", "kept").status_code == 303 and new("single", "kept").status_code == 303
    answer = browser.post(f"{space}/upload/main", files=form(summary="", description="") + [("file", ("shelf", b"x"))])
    assert answer.status_code == 400 and "is a folder" in problem(answer) and raw("shelf/book") == "kept"
    answer = new("single/part", "x")
    assert answer.status_code == 400 and "is a file" in problem(answer) and raw("single") == "kept"
    blob = re.search(r'name="blob" value="([0-9a-f]{40})"', browser.get(f"{space}/edit/main/single").text).group(1)
    assert new("single/part", "moved", was="single", blob=blob).status_code == 303
    assert raw("single") is None and raw("single/part") == "moved"


@pytest.mark.parametrize("text, why", [(b"one\rtwo\r\n", "CR"), (b"\xed\xa0\x80", "UTF-8"), (b"caf\xe9", "UTF-8"), (b"a\x0cb", "UTF-8")])
def test_a_text_that_a_browser_would_change_is_not_edited(server, browser, space, text, why):
    server.api().upload_file(path_or_fileobj=text, path_in_repo="odd.txt", repo_id=space.removeprefix("/spaces/"), repo_type="space")
    answer = browser.get(f"{space}/edit/main/odd.txt")
    assert answer.status_code == 400 and why in answer.text and "upload a new version" in answer.text


def test_what_git_lets_be_any_bytes_is_on_every_page(server, browser, space, tmp_path):
    """Names with line ends, quotes and bytes that are no UTF-8, links, a long text and one that is no UTF-8 in a commit."""
    names = [b"a\nb", b"q\"'<b>", "\u202efdp.exe".encode(), b"p%41%2f", b"h#?&", b"l\xe9", b"back\\slash", b"t\tb"]
    remote = f"{server.url}{space}".replace("://", f"://x:{server.token}@")

    def git(*args, **kw):
        return subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x", *args], check=True, capture_output=True, **kw)
    git("clone", "-q", remote, ".")
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as f:
            f.write(b"caf\xe9\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    git("add", "-A")
    git("-c", "i18n.commitEncoding=latin1", "commit", "-q", "-F", "-", input=b"caf\xe9 " + b"T" * 2000 + b"\n\n" + b"m" * 200000)
    git("push", "-q", "origin", "HEAD:main")
    for page in ("tree/main", "commits/main", "commit/main"):
        assert browser.get(f"{space}/{page}").status_code == 200, page
        answer = browser.get(f"{space}/{page}", headers={"Accept": "application/json"})
        assert answer.status_code == 200 and len(answer.content) < 100000, page
    assert browser.get(f"{space}/commits/main", headers={"Accept": "application/json"}).json()[0]["title"].startswith("caf? T")
    for name in names:
        path = urllib.parse.quote_from_bytes(name, safe="")
        for page in ("blob", "commits", "delete"):
            assert browser.get(f"{space}/{page}/main/{path}").status_code == 200, (page, name)
        assert browser.get(f"{space}/blob/main/{path}", headers={"Accept": "application/json"}).status_code == 200, name
    assert "\u202e" not in browser.get(f"{space}/tree/main").text
    assert "root:" not in browser.get(f"{space}/blob/main/link").text
    assert browser.get(f"{space}/edit/main/link").status_code == 400
    assert browser.post(f"{space}/upload/main", files=form(summary="", description="") + [("file", ("link", b"plain"))]).status_code == 303
    assert httpx.get(f"{server.url}{space}/raw/main/link").text == "plain"


def test_an_upload_without_files_is_told(browser, space):
    answer = browser.post(f"{space}/upload/main", files=form(summary="s", description=""))
    assert answer.status_code == 400 and "no file" in problem(answer).lower() and 'value="s"' in answer.text
    answer = browser.post(f"{space}/upload/main", files=[("file", ("README.md", b"---\nsdk: x: y\n---\n"))])
    assert answer.status_code == 400 and "README" in problem(answer)
    assert browser.get(f"{space}/upload/nosuchbranch").status_code == 404


def test_binary_files_are_kept_byte_for_byte_and_not_edited(server, browser, space):
    blob = bytes(range(256)) * 40 + b"\r\n--"
    answer = browser.post(f"{space}/upload/main/sub", files=[("file", ("a b.bin", blob)), ("folder", ("top/in/c.txt", b"c")), ("folder", ("top/.git/x", b"no"))])
    assert answer.status_code == 303
    assert httpx.get(f"{server.url}{space}/raw/main/sub/a%20b.bin").content == blob
    assert httpx.get(f"{server.url}{space}/raw/main/sub/in/c.txt").text == "c"
    assert "/.git" not in str(server.api().list_repo_files(space.removeprefix("/spaces/"), repo_type="space"))
    answer = browser.get(f"{space}/edit/main/sub/a%20b.bin")
    assert answer.status_code == 400 and "UTF-8" in answer.text


WRITES = ["/new-space", "{space}/settings/variable", "{space}/settings/delete", "{space}/new/main", "{space}/edit/main/README.md", "{space}/upload/main",
          "{space}/delete/main/README.md", "{space}/duplicate", "{space}/restart", "{space}/pause"]


@pytest.mark.parametrize("path", WRITES)
def test_another_site_cannot_post(server, browser, space, path):
    before = commits(server, space)
    for headers in ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                    {"Origin": f"http://x.{server.domain}:{server.port}", "Sec-Fetch-Site": ""}):
        answer = browser.post(path.format(space=space), data={"typed": space.removeprefix("/spaces/")}, headers=headers)
        assert answer.status_code == 403, (path, headers)
    assert commits(server, space) == before


@pytest.fixture(scope="module")
def stranger(server):
    """Another user's session."""
    name = f"other-{uuid.uuid4().hex[:6]}"
    made = server.admin("user", "add", name)
    token = re.search(r"hf_\w+", made.stdout).group(0)
    with httpx.Client(base_url=server.url, headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Authorization": f"Bearer {token}"}, timeout=60) as c:
        yield c


@pytest.mark.parametrize("path", WRITES[1:7] + ["{space}/settings", "{space}/started", "{space}/logs", "{space}/logs/run"])
def test_who_is_not_the_owner_gets_nowhere(server, browser, space, stranger, path):
    url = path.format(space=space)
    for visibility, status in (("public", 403), ("private", 404)):
        assert browser.post(f"{space}/settings/visibility", data={"visibility": visibility}).status_code == 303
        if path in WRITES:
            assert stranger.post(url, data={}).status_code == status
        if "/settings/" not in path:
            assert stranger.get(url).status_code == status
            assert httpx.get(server.url + url, headers={"Accept": "text/html"}).status_code in (401, 403)
    assert browser.post(f"{space}/settings/visibility", data={"visibility": "public"}).status_code == 303


BOUNDARY = "----b"
PART = f'------b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
BOMBS = {
    "no end": PART,
    "no boundary": "name=x&file=y",
    "empty": "",
    "many parts": PART * 10001 + "------b--\r\n",
    "a huge head": f'------b\r\nX: {"x" * 100000}\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n------b--\r\n',
    "many long heads": ('------b\r\nContent-Disposition: form-data; name="a"\r\nX: ' + "x" * 3900 + "\r\n\r\n\r\n") * 1200 + "------b--\r\n",
    "a NUL": '------b\r\nContent-Disposition: form-data; name="name"\r\n\r\na\0b\r\n------b--\r\n',
    "no name": "------b\r\nContent-Disposition: form-data\r\n\r\nx\r\n------b--\r\n",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("path", ["/new-space", "{space}/new/main", "{space}/upload/main"])
def test_multipart_bombs_are_refused(server, browser, space, bomb, path):
    before = commits(server, space)
    answer = browser.post(path.format(space=space), content=BOMBS[bomb].encode(), headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    assert answer.status_code in (400, 413), answer.text[:500]
    assert commits(server, space) == before
    assert wait_for(lambda: httpx.get(f"{server.url}/healthz").status_code == 200, 5)


def test_deleting_asks_for_the_name_and_deletes(server, browser):
    name = f"gone-{uuid.uuid4().hex[:6]}"
    owner = server.api().whoami()["name"]
    assert browser.post("/new-space", files=form(name=name, start="static", visibility="private")).status_code == 303
    url = f"/spaces/{owner}/{name}"
    assert browser.post(f"{url}/settings/delete", data={"typed": name}).status_code == 400
    assert browser.get(url).status_code == 200
    answer = browser.post(f"{url}/settings/delete", data={"typed": f"{owner}/{name}"})
    assert answer.status_code == 303 and answer.headers["location"] == f"/{owner}"
    assert browser.get(url).status_code == 404
