"""Files and commits through the unmodified huggingface_hub and hf (CONTRACTS C-HF-31..72, hf-api.md 10)."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import uuid

import httpx
import pytest

pytest.importorskip("huggingface_hub")
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem, snapshot_download  # noqa: E402
from huggingface_hub.errors import (  # noqa: E402
    BadRequestError, EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError)


@pytest.fixture
def api(server):
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}) as client:
        yield client


@pytest.fixture
def me(api):
    return api.whoami()["name"]


@pytest.fixture
def repo(api, me):
    """A fresh static Space, gone afterwards. Static: nothing has to be built for it."""
    repo_id = f"{me}/t-{uuid.uuid4().hex[:10]}"
    api.create_repo(repo_id, repo_type="space", space_sdk="static")
    yield repo_id
    api.delete_repo(repo_id, repo_type="space", missing_ok=True)


def upload(api, repo, path, content, **kw):
    return api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo, repo_type="space", **kw)


def hf(server, *args, **kw):
    return subprocess.run(["hf", *map(str, args)], env=server.client_env(), capture_output=True, text=True, timeout=120, check=False, **kw)


# ---- repositories ----

def test_new_space_has_a_commit_with_attributes_and_readme(api, repo):
    assert sorted(api.list_repo_files(repo, repo_type="space")) == [".gitattributes", "README.md"]
    commits = api.list_repo_commits(repo, repo_type="space")
    assert [c.title for c in commits] == ["initial commit"]
    info = api.space_info(repo)
    assert info.sdk == "static" and info.sha == commits[0].commit_id
    assert info.card_data["app_file"] == "index.html" and info.card_data["emoji"]
    attributes = api.hf_hub_download(repo, ".gitattributes", repo_type="space")
    assert "filter=lfs" not in pathlib.Path(attributes).read_text()


def test_creating_again_is_409_with_the_url(api, http, repo, server):
    assert str(api.create_repo(repo, repo_type="space", space_sdk="static", exist_ok=True)) == f"{server.url}/spaces/{repo}"
    owner, name = repo.split("/")
    answer = http.post("/api/repos/create", json={"name": name, "organization": owner, "type": "space", "sdk": "static"})
    assert answer.status_code == 409 and answer.json()["url"] == f"{server.url}/spaces/{repo}"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(repo, repo_type="space", space_sdk="static")


@pytest.mark.parametrize("body, status", [
    ({"name": "a--b", "type": "space", "sdk": "static"}, 400),
    ({"name": "-a", "type": "space", "sdk": "static"}, 400),
    ({"name": "a.git", "type": "space", "sdk": "static"}, 400),
    ({"name": "a/b", "type": "space", "sdk": "static"}, 400),
    ({"name": "x" * 97, "type": "space", "sdk": "static"}, 400),
    ({"type": "space", "sdk": "static"}, 400),
    ({"name": "ok", "type": "space"}, 400),
    ({"name": "ok", "type": "space", "sdk": "cobol"}, 400),
    ({"name": "ok", "type": "model"}, 400),
    ({"name": "ok", "type": "space", "sdk": "static", "visibility": "protected"}, 400),
    ({"name": "ok", "type": "space", "sdk": "static", "organization": "nobody-has-this-name"}, 403),
    ({"name": "ok", "type": "space", "sdk": "static", "template": "no-such"}, 400),
])
def test_bad_creations_say_why_and_make_nothing(http, me, body, status):
    answer = http.post("/api/repos/create", json=body)
    assert answer.status_code == status
    assert answer.json()["error"] == answer.headers["X-Error-Message"]
    assert http.get(f"/api/spaces/{me}/{body.get('name', 'ok')}").status_code == 404


def test_anonymous_creation_is_401(server):
    answer = httpx.post(f"{server.url}/api/repos/create", json={"name": "x", "type": "space", "sdk": "static"})
    assert answer.status_code == 401


def test_delete_and_missing_ok(api, me):
    repo = f"{me}/gone-{uuid.uuid4().hex[:8]}"
    api.create_repo(repo, repo_type="space", space_sdk="static", private=True)
    assert api.repo_exists(repo, repo_type="space")
    api.delete_repo(repo, repo_type="space")
    assert not api.repo_exists(repo, repo_type="space")
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(repo, repo_type="space")
    api.delete_repo(repo, repo_type="space", missing_ok=True)


def test_visibility_hides_from_strangers(api, server, repo):
    stranger = HfApi(endpoint=server.url, token=False)
    assert stranger.repo_exists(repo, repo_type="space")
    api.update_repo_settings(repo, repo_type="space", visibility="private")
    assert api.space_info(repo).private
    assert not stranger.repo_exists(repo, repo_type="space")
    answer = httpx.get(f"{server.url}/spaces/{repo}/resolve/main/README.md")
    assert answer.status_code == 401 and answer.headers["X-Error-Code"] == "RepoNotFound"
    api.update_repo_settings(repo, repo_type="space", visibility="public")
    assert stranger.repo_exists(repo, repo_type="space")


def test_settings_and_commits_need_a_write_token(server, repo):
    stranger = HfApi(endpoint=server.url, token=False)
    with pytest.raises(HfHubHTTPError, match="401"):
        upload(stranger, repo, "x", b"x")
    with pytest.raises(HfHubHTTPError, match="401"):
        stranger.update_repo_settings(repo, repo_type="space", visibility="private")


# ---- uploads ----

def test_upload_download_round_trip(api, repo, tmp_path):
    content = os.urandom(3 << 20)
    commit = upload(api, repo, "sub/dir/data.bin", content, commit_message="a file", commit_description="more words")
    assert commit.commit_url.endswith(f"/spaces/{repo}/commit/{commit.oid}")
    path = api.hf_hub_download(repo, "sub/dir/data.bin", repo_type="space", cache_dir=tmp_path)
    assert pathlib.Path(path).read_bytes() == content
    first = api.list_repo_commits(repo, repo_type="space")[0]
    assert (first.commit_id, first.title, first.message) == (commit.oid, "a file", "more words")
    assert api.space_info(repo).sha == commit.oid


def test_unchanged_upload_makes_no_commit(api, repo):
    first = upload(api, repo, "a.txt", b"same")
    second = upload(api, repo, "a.txt", b"same")
    assert second.oid == first.oid
    assert len(api.list_repo_commits(repo, repo_type="space")) == 2


def test_empty_file_and_odd_names(api, repo, tmp_path):
    names = ["empty", "with space.txt", "ünïcode/ƒile.txt", "a+b&c=d.txt", "100%.txt", "q?#.txt"]
    operations = [CommitOperationAdd(n, b"" if n == "empty" else n.encode()) for n in names]
    api.create_commit(repo, operations, commit_message="odd", repo_type="space")
    assert set(names) <= set(api.list_repo_files(repo, repo_type="space"))
    for n in names:
        path = api.hf_hub_download(repo, n, repo_type="space", cache_dir=tmp_path)
        assert pathlib.Path(path).read_bytes() == (b"" if n == "empty" else n.encode())
    entries = {e.path: e for e in api.list_repo_tree(repo, "ünïcode", repo_type="space", expand=True)}
    assert entries["ünïcode/ƒile.txt"].last_commit.title == "odd"


def folder_with(tmp_path, files):
    for name, content in files.items():
        p = tmp_path / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(content)
    return tmp_path


FOLDER = {"README.md": b"---\ntitle: Mine\nemoji: \xf0\x9f\x8d\x8b\nsdk: static\ncolorFrom: red\ncolorTo: blue\ntags: [one, two]\n---\nText\n",
          "index.html": b"<h1>hello</h1>", "js/app.js": b"1", "data.bin": bytes(range(256)) * 5000}


def test_upload_folder_updates_the_card(api, repo, tmp_path):
    commit = api.upload_folder(repo_id=repo, folder_path=folder_with(tmp_path, FOLDER), repo_type="space")
    assert set(FOLDER) <= set(api.list_repo_files(repo, repo_type="space"))
    info = api.space_info(repo)
    assert info.sha == commit.oid and info.card_data["title"] == "Mine" and {"static", "one", "two"} <= set(info.tags)


def test_hf_upload_and_download_commands(api, server, repo, tmp_path):
    source = folder_with(tmp_path / "in", FOLDER)
    done = hf(server, "upload", repo, source, "--repo-type", "space")
    assert done.returncode == 0, done.stderr
    done = hf(server, "download", repo, "--repo-type", "space", "--local-dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for name, content in FOLDER.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    done = hf(server, "upload", repo, source, "--repo-type", "space")       # a second time: nothing to commit
    assert done.returncode == 0, done.stderr
    assert len(api.list_repo_commits(repo, repo_type="space")) == 2


def test_hf_auth_whoami(server, me):
    done = hf(server, "auth", "whoami")
    assert done.returncode == 0 and me in done.stdout


def test_gitignored_files_are_left_out(api, repo, tmp_path):
    folder_with(tmp_path, {"app.txt": b"x", "secret.env": b"no", ".gitignore": b"*.env\n"})
    api.upload_folder(repo_id=repo, folder_path=tmp_path, repo_type="space")
    files = api.list_repo_files(repo, repo_type="space")
    assert "app.txt" in files and "secret.env" not in files


def test_bad_front_matter_is_refused_with_its_line(api, http, repo):
    with pytest.raises(ValueError, match="line 4"):
        upload(api, repo, "README.md", b"---\ntitle: x\nsdk: [unclosed\n---\n")
    answer = http.post("/api/validate-yaml", json={"content": "---\nsdk: cobol\n---\n", "repoType": "space"})
    assert answer.status_code == 400 and "cobol" in answer.json()["errors"][0]["message"]
    assert http.post("/api/validate-yaml", json={"content": "no block", "repoType": "space"}).json()["warnings"]


def test_delete_file_and_folder(api, repo):
    api.create_commit(repo, [CommitOperationAdd(p, b"x") for p in ("a", "d/b", "d/e/c", "keep")], commit_message="m", repo_type="space")
    api.delete_file("a", repo, repo_type="space")
    api.delete_folder("d", repo, repo_type="space")
    assert set(api.list_repo_files(repo, repo_type="space")) == {".gitattributes", "README.md", "keep"}
    with pytest.raises(EntryNotFoundError):
        api.delete_file("a", repo, repo_type="space")
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationDelete("nope/", is_folder=True)], commit_message="m", repo_type="space")


def test_moved_parent_is_412(api, repo):
    first = upload(api, repo, "a", b"1")
    upload(api, repo, "a", b"2")
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit(repo, [CommitOperationAdd("a", b"3")], commit_message="m", repo_type="space", parent_commit=first.oid)
    assert caught.value.response.status_code == 412


def ndjson(*lines):
    return "\n".join(json.dumps(line) for line in lines)


HEADER = {"key": "header", "value": {"summary": "s", "description": ""}}


def a_file(path, content="eA==", **kw):
    return {"key": "file", "value": {"content": content, "path": path, "encoding": "base64", **kw}}


@pytest.mark.parametrize("lines, status", [
    ([HEADER, a_file("../x")], 422), ([HEADER, a_file("/etc/passwd")], 422), ([HEADER, a_file("a/.git/hooks/x")], 422),
    ([HEADER, a_file("a\\b")], 422), ([HEADER, a_file("")], 422),
    ([HEADER, {"key": "deletedFile", "value": {"path": "nope"}}], 404),
    ([HEADER, {"key": "lfsFile", "value": {"path": "m", "algo": "sha256", "oid": "0" * 64, "size": 3}}], 400),
    ([HEADER, {"key": "strange", "value": {"path": "m"}}], 400), ([HEADER, a_file("x", content="%%%")], 400),
    ([a_file("x")], 400), ([HEADER, HEADER], 400), ([], 400), ([HEADER, a_file("x", encoding="rot13")], 400), ([1], 400),
])
def test_bad_commits_are_refused_whole(api, http, repo, lines, status):
    answer = http.post(f"/api/spaces/{repo}/commit/main", content=ndjson(*lines), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == answer.headers["X-Error-Message"]
    assert len(api.list_repo_commits(repo, repo_type="space")) == 1


def test_commit_lines_end_as_they_like(api, http, repo):
    lines = ndjson(HEADER, a_file("one"), {"key": "file", "value": {"path": "two", "encoding": "utf-8", "content": "é\n😀"}})
    for body in (lines, lines + "\n", lines.replace("\n", "\r\n") + "\n\n"):
        answer = http.post(f"/api/spaces/{repo}/commit/main", content=body.encode(), headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 200 and answer.json()["success"]
    assert http.get(f"/spaces/{repo}/resolve/main/two").content == "é\n😀".encode()
    assert len(api.list_repo_commits(repo, repo_type="space")) == 2


def test_commit_that_is_sent_again_is_made_once(api, http, repo):
    parent = api.space_info(repo).sha
    body = ndjson({"key": "header", "value": {"summary": "s", "description": "", "parentCommit": parent}}, a_file("x"),
                  {"key": "deletedFile", "value": {"path": "README.md"}})
    answers = [http.post(f"/api/spaces/{repo}/commit/main", content=body) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].json()["commitOid"] == answers[1].json()["commitOid"]
    assert len(api.list_repo_commits(repo, repo_type="space")) == 2


def test_concurrent_commits_all_succeed(api, repo):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        oids = {c.oid for c in pool.map(lambda i: upload(api, repo, f"f{i}", b"x"), range(16))}
    assert len(oids) == 16
    assert {f"f{i}" for i in range(16)} <= set(api.list_repo_files(repo, repo_type="space"))
    assert api.space_info(repo).sha == api.list_repo_commits(repo, repo_type="space")[0].commit_id


def test_pull_requests_are_refused_with_a_sentence(api, repo):
    with pytest.raises(BadRequestError, match="pull requests"):
        upload(api, repo, "x", b"x", create_pr=True)


def test_too_large_a_file_names_the_limit(http, repo):
    def ask(size):
        return http.post(f"/api/spaces/{repo}/preupload/main", json={"files": [{"path": "big.bin", "size": size, "sample": ""}]})
    assert ask(64 << 20).json()["files"][0]["uploadMode"] == "regular" and "X-HF-Warning" not in ask(64 << 20).headers
    large = ask(65 << 20)
    assert large.json()["files"][0]["uploadMode"] == "lfs" and "HF_HUB_DISABLE_XET=1" in large.headers["X-HF-Warning"]
    answer = ask(6 << 30)
    assert answer.status_code == 413 and "5120 MB" in answer.json()["error"] and "big.bin" in answer.json()["error"]


def test_preupload_returns_every_path_verbatim(http, repo):
    paths = ["README.md", "new", "../odd", "a\\b"]
    answer = http.post(f"/api/spaces/{repo}/preupload/main", json={"files": [{"path": p, "size": 1, "sample": "eA=="} for p in paths]}).json()
    assert [f["path"] for f in answer["files"]] == paths
    assert all(f["uploadMode"] == "regular" and f["shouldIgnore"] is False for f in answer["files"])
    assert "oid" in answer["files"][0] and "oid" not in answer["files"][1]


# ---- reading ----

def test_head_has_what_clients_need(http, repo):
    answer = http.head(f"/spaces/{repo}/resolve/main/README.md")
    body = http.get(f"/spaces/{repo}/resolve/main/README.md")
    oid = hashlib.sha1(b"blob %d\0" % len(body.content) + body.content).hexdigest()
    assert answer.headers["ETag"] == f'"{oid}"' and len(answer.headers["X-Repo-Commit"]) == 40
    assert int(answer.headers["Content-Length"]) == len(body.content) and not answer.content
    assert "X-Xet-Hash" not in answer.headers
    assert http.get(f"/spaces/{repo}/resolve/main/README.md", headers={"If-None-Match": f'"{oid}"'}).status_code == 304


def test_repository_files_are_inert_on_the_platform(api, http, repo):
    api.create_commit(repo, [CommitOperationAdd(n, b"<script>alert(1)</script>") for n in ("x.html", "x.svg", "x.js", "x.xyz", "x.png")],
                      commit_message="m", repo_type="space")
    types = {n: http.get(f"/spaces/{repo}/resolve/main/{n}") for n in ("x.html", "x.svg", "x.js", "x.xyz", "x.png")}
    for answer in types.values():
        assert "sandbox" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert types["x.html"].headers["Content-Type"].startswith("text/plain")
    assert types["x.js"].headers["Content-Type"].startswith("text/plain")
    assert types["x.svg"].headers["Content-Disposition"].startswith("attachment")
    assert types["x.png"].headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("asked, status, want", [
    ("bytes=0-0", 206, slice(0, 1)), ("bytes=2-5", 206, slice(2, 6)), ("bytes=-3", 206, slice(-3, None)), ("bytes=7-", 206, slice(7, None)),
    ("bytes=0-999999999", 206, slice(0, None)), ("bytes=10-", 416, None), ("bytes=99-100", 416, None), ("bytes=x", 200, slice(0, None)),
    ("lines=1-2", 200, slice(0, None)), ("bytes=0-1,3-4", 200, slice(0, None)),
])
@pytest.mark.parametrize("size", [10, 2 << 20])
def test_ranges(api, http, repo, asked, status, want, size):
    content = os.urandom(size)
    upload(api, repo, "r.bin", content)
    asked = asked.replace("=10-", f"={size}-").replace("=99-100", f"={size + 5}-{size + 9}")
    answer = http.get(f"/spaces/{repo}/resolve/main/r.bin", headers={"Range": asked})
    assert answer.status_code == status
    if want is None:
        assert answer.headers["Content-Range"] == f"bytes */{size}"
        return
    assert answer.content == content[want]
    if status == 206:
        first = range(size)[want][0]
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.content) - 1}/{size}"


def test_revisions_pin_content_for_ever(api, repo, tmp_path):
    old = upload(api, repo, "v.txt", b"old")
    upload(api, repo, "v.txt", b"new")
    for revision in (old.oid, old.oid[:10]):
        path = api.hf_hub_download(repo, "v.txt", repo_type="space", revision=revision, cache_dir=tmp_path)
        assert pathlib.Path(path).read_bytes() == b"old"
    assert api.space_info(repo, revision=old.oid).sha == old.oid
    assert pathlib.Path(api.hf_hub_download(repo, "v.txt", repo_type="space", cache_dir=tmp_path)).read_bytes() == b"new"


def test_snapshot_download(api, server, repo, tmp_path):
    files = {f"d{i % 5}/f{i}.txt": str(i).encode() for i in range(40)}
    api.create_commit(repo, [CommitOperationAdd(p, c) for p, c in files.items()], commit_message="m", repo_type="space")
    path = snapshot_download(repo, repo_type="space", cache_dir=tmp_path, endpoint=server.url, token=server.token)
    for p, content in files.items():
        assert (pathlib.Path(path) / p).read_bytes() == content
    assert snapshot_download(repo, repo_type="space", cache_dir=tmp_path, endpoint=server.url, token=server.token) == path


def test_errors_by_header_over_plain_http(api, http, me, repo):
    with pytest.raises(RepositoryNotFoundError):
        api.space_info(f"{me}/nothing-here")
    with pytest.raises(RepositoryNotFoundError):
        api.hf_hub_download(f"{me}/nothing-here", "x", repo_type="space")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(repo, "nothing", repo_type="space")
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(repo, "README.md", repo_type="space", revision="nothing")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_files(repo, repo_type="space", revision="nothing")
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(repo, "nothing", repo_type="space"))
    with pytest.raises(RevisionNotFoundError):
        upload(api, repo, "x", b"x", revision="nothing")
    missing = http.head(f"/spaces/{repo}/resolve/main/nothing")
    assert missing.status_code == 404 and len(missing.headers["X-Repo-Commit"]) == 40
    assert api.file_exists(repo, "README.md", repo_type="space") and not api.file_exists(repo, "nothing", repo_type="space")
    assert http.get(f"/spaces/{repo}/resolve/main/%00").status_code in (400, 404)
    assert http.get(f"/spaces/{repo}/resolve/main/..%2f..%2fREADME.md").status_code == 404


def test_paths_info_by_form_and_json(api, http, repo):
    upload(api, repo, "d/a.txt", b"x")
    infos = api.get_paths_info(repo, ["d/a.txt", "d", "nope"], repo_type="space", expand=True)
    assert {i.path for i in infos} == {"d/a.txt", "d"}
    assert next(i for i in infos if i.path == "d/a.txt").last_commit is not None
    by_json = http.post(f"/api/spaces/{repo}/paths-info/main", json={"paths": ["d/a.txt", "nope"], "expand": False}).json()
    assert [e["path"] for e in by_json] == ["d/a.txt"] and by_json[0]["type"] == "file"
    assert http.post(f"/api/spaces/{repo}/paths-info/main", json={"paths": ["x"] * 1001}).status_code == 413


def test_file_system_reads_ranges(api, server, repo):
    content = os.urandom(1 << 20)
    upload(api, repo, "big.bin", content)
    fs = HfFileSystem(endpoint=server.url, token=server.token, skip_instance_cache=True)
    with fs.open(f"spaces/{repo}/big.bin", "rb", block_size=1 << 16) as f:
        f.seek(500_000)
        assert f.read(1000) == content[500_000:501_000]
    assert {pathlib.PurePath(p).name for p in fs.ls(f"spaces/{repo}", detail=False)} == {".gitattributes", "README.md", "big.bin"}


def test_ten_thousand_files_are_listed_in_pages(api, http, repo):
    for part in range(4):
        api.create_commit(repo, [CommitOperationAdd(f"d{i % 100:02}/f{i:05}", str(i).encode()) for i in range(part * 2500, part * 2500 + 2500)],
                          commit_message=f"part {part}", repo_type="space")
    first = http.get(f"/api/spaces/{repo}/tree/main?recursive=true")
    assert len(first.json()) == 1000 and first.headers["Link"].startswith(f"<{http.base_url}".rstrip("/"))
    files = api.list_repo_files(repo, repo_type="space")
    assert len(files) == 10002 and len(set(files)) == 10002
    entries = list(api.list_repo_tree(repo, repo_type="space", recursive=True))
    assert len(entries) == 10102
    seen = set()
    for e in entries:       # directories come before their children (C-HF-50)
        parent = str(pathlib.PurePath(e.path).parent)
        assert parent == "." or parent in seen
        seen.add(e.path)


def test_commits_and_refs(api, http, repo):
    for i in range(5):
        upload(api, repo, "n", str(i).encode())
    page = http.get(f"/api/spaces/{repo}/commits/main?limit=2")
    assert len(page.json()) == 2 and page.headers["X-Total-Count"] == "6" and 'rel="next"' in page.headers["Link"]
    commits = api.list_repo_commits(repo, repo_type="space", formatted=True)
    assert len(commits) == 6 and commits[0].created_at >= commits[-1].created_at and commits[-1].title == "initial commit"
    refs = api.list_repo_refs(repo, repo_type="space", include_pull_requests=True)
    assert [(b.name, b.ref, b.target_commit) for b in refs.branches] == [("main", "refs/heads/main", commits[0].commit_id)]
    assert refs.tags == [] and refs.converts == [] and refs.pull_requests == []


# ---- the Space behind it ----

def test_runtime_pause_and_restart(api, http, repo):
    upload(api, repo, "index.html", b"<p>hi")
    runtime = api.get_space_runtime(repo)
    assert runtime.stage and isinstance(runtime.raw.get("hardware", {}), dict)
    assert api.pause_space(repo).stage == "PAUSED"
    assert api.restart_space(repo).stage != "PAUSED"
    assert api.restart_space(repo, factory_reboot=True).stage != "PAUSED"
    assert api.request_space_hardware(repo, "cpu-basic").stage
    with pytest.raises(BadRequestError, match="cpu-basic"):
        api.request_space_hardware(repo, "t4-small")
    assert api.set_space_sleep_time(repo, -1).sleep_time is None
    info = http.get(f"/api/spaces/{repo}").json()
    assert http.get(f"/api/spaces/{repo}/host").json()["host"] == info["host"]
    assert http.get(f"/api/spaces/by-subdomain/{info['subdomain']}").json()["id"] == repo
    assert http.get("/api/spaces/by-subdomain/nothing-here").headers["X-Error-Code"] == "RepoNotFound"
    assert http.get("/api/spaces/zero-gpu/quota").status_code == 404
    api.auth_check(repo, repo_type="space", write=True)


def test_logs_end_when_nothing_runs(api, http, repo):
    with http.stream("GET", f"/api/spaces/{repo}/logs/run", timeout=10) as answer:
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            assert not line.startswith("data: ") or json.loads(line[6:])["data"] is not None
    assert http.get(f"/api/spaces/{repo}/logs/other").status_code == 404


def test_hf_spaces_info(server, repo):
    done = hf(server, "spaces", "info", repo)
    assert done.returncode == 0 and repo in done.stdout
