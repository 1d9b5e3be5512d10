"""Large files: the batch endpoint by hand, by huggingface_hub, and by git-lfs (hf-api.md 4.4, 8.2; C-GIT-11..14)."""
import hashlib
import json
import os
import shutil
import subprocess
import uuid

import httpx
import pytest
from conftest import missing

pytest.importorskip("huggingface_hub")
from huggingface_hub import HfApi  # noqa: E402

TYPE = "application/vnd.git-lfs+json"
LIMIT = 64 << 20


@pytest.fixture(scope="module")
def api(server):
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture
def repo(api):
    repo_id = f"{api.whoami()['name']}/lfs-{uuid.uuid4().hex[:10]}"
    api.create_repo(repo_id, repo_type="space", space_sdk="static")
    yield repo_id
    api.delete_repo(repo_id, repo_type="space", missing_ok=True)


@pytest.fixture(scope="module")
def other(server):
    done = server.admin("user", "add", "dora-" + uuid.uuid4().hex[:6])
    assert done.returncode == 0, done.stderr
    return HfApi(endpoint=server.url, token=done.stdout.split()[1])


def sha(content):
    return hashlib.sha256(content).hexdigest()


def batch(server, repo, operation, *objects, token=None, suffix=".git", basic=False, agent="git-lfs/3.3.0", **more):
    headers = {"Content-Type": TYPE, "Accept": TYPE, "User-Agent": agent}
    auth = ("anyone", token) if token and basic else None
    if token and not basic:
        headers["Authorization"] = f"Bearer {token}"
    body = {"operation": operation, "transfers": ["basic", "multipart", "xet"], "objects": [{"oid": o, "size": n} for o, n in objects],
            "hash_algo": "sha256"} | more
    return httpx.post(f"{server.url}/spaces/{repo}{suffix}/info/lfs/objects/batch", content=json.dumps(body), headers=headers, auth=auth)


def upload(server, repo, content, token=None):
    """As Python's client does it: no credentials beside the address."""
    one = batch(server, repo, "upload", (sha(content), len(content)), token=token or server.token).json()["objects"][0]
    if "actions" not in one:
        return one
    assert httpx.put(one["actions"]["upload"]["href"], content=content).status_code == 200
    assert httpx.post(one["actions"]["verify"]["href"], json={"oid": sha(content), "size": len(content)}).status_code == 200
    return one


def test_upload_is_offered_once_and_download_follows(server, repo):
    content = os.urandom(300_000)
    oid = sha(content)
    first = batch(server, repo, "upload", (oid, len(content)), token=server.token, basic=True)
    assert first.headers["Content-Type"] == TYPE and first.json()["transfer"] == "basic"
    action = first.json()["objects"][0]["actions"]
    assert httpx.post(action["verify"]["href"], json={"oid": oid, "size": len(content)}).status_code == 404       # not yet
    upload(server, repo, content)
    assert batch(server, repo, "upload", (oid, len(content)), token=server.token).json()["objects"] == [{"oid": oid, "size": len(content)}]
    assert "error" in batch(server, repo, "upload", (oid, 5), token=server.token).json()["objects"][0]
    for suffix in (".git", ""):
        got = batch(server, repo, "download", (oid, len(content)), suffix=suffix).json()["objects"][0]            # nobody in particular
    answer = httpx.get(got["actions"]["download"]["href"])
    assert answer.content == content and "sandbox" in answer.headers["Content-Security-Policy"]
    part = httpx.get(got["actions"]["download"]["href"], headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == content[100:200] and part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
    assert httpx.get(got["actions"]["download"]["href"], headers={"Range": f"bytes={len(content)}-"}).status_code == 416


def test_each_object_has_its_own_error(server, repo):
    there = upload(server, repo, b"there")
    answer = batch(server, repo, "download", (there["oid"], 5), ("0" * 64, 7), ("XYZ", 1), ("1" * 64, -1), token=server.token).json()["objects"]
    assert "actions" in answer[0] and [o["error"]["code"] for o in answer[1:]] == [404, 422, 422]
    huge = batch(server, repo, "upload", ("2" * 64, 6 << 30), token=server.token).json()["objects"][0]
    assert huge["error"]["code"] == 413 and "5120 MB" in huge["error"]["message"]
    assert batch(server, repo, "steal", token=server.token).status_code == 422
    assert batch(server, repo, "download", token=server.token, hash_algo="md5").status_code == 409


def test_wrong_bytes_are_refused_and_leave_nothing(server, repo):
    content = b"the right bytes"
    one = batch(server, repo, "upload", (sha(content), len(content)), token=server.token).json()["objects"][0]
    href = one["actions"]["upload"]["href"]
    for wrong, status in ((b"not the bytes !", 400), (b"too few", 400), (b"x" * 50, 413)):
        answer = httpx.put(href, content=wrong)
        assert answer.status_code == status and answer.json()["message"], wrong
    assert "error" in batch(server, repo, "download", (sha(content), len(content)), token=server.token).json()["objects"][0]
    assert httpx.put(href, content=content).status_code == 200
    assert httpx.put(href, content=content).status_code == 200          # again is fine


def test_an_address_is_worth_nothing_elsewhere(server, repo, api):
    content = b"mine alone"
    one = batch(server, repo, "upload", (sha(content), len(content)), token=server.token).json()["objects"][0]
    up, verify = one["actions"]["upload"]["href"], one["actions"]["verify"]["href"]
    claim = up.rsplit("/", 1)[1]
    assert httpx.get(up.replace("/upload/", "/download/")).status_code == 403
    assert httpx.put(up[:-2] + ("aa" if up[-2:] != "aa" else "bb"), content=content).status_code == 403
    assert httpx.put(f"{server.url}/-/lfs/upload/{verify.rsplit('/', 1)[1]}", content=content).status_code == 403
    fields = claim.split(".")
    assert httpx.put(f"{server.url}/-/lfs/upload/{fields[0]}.{int(fields[1]) + 1}.{fields[2]}", content=content).status_code == 403
    # Private since: the address of a stranger's download ends.
    upload(server, repo, content)
    down = batch(server, repo, "download", (sha(content), len(content))).json()["objects"][0]["actions"]["download"]["href"]
    assert httpx.get(down).status_code == 200
    api.update_repo_settings(repo, repo_type="space", visibility="private")
    assert httpx.get(down).status_code == 404


def test_the_object_of_another_repository_is_neither_readable_nor_stored(server, repo, api, other):
    content = b"a secret model " + uuid.uuid4().hex.encode()
    upload(server, repo, content)
    theirs = f"{other.whoami()['name']}/thief-{uuid.uuid4().hex[:8]}"
    other.create_repo(theirs, repo_type="space", space_sdk="static")
    assert batch(server, theirs, "download", (sha(content), len(content)), token=other.token).json()["objects"][0]["error"]["code"] == 404
    assert "upload" in batch(server, theirs, "upload", (sha(content), len(content)), token=other.token).json()["objects"][0]["actions"]
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha(content)}\nsize {len(content)}\n"
    other.upload_file(path_or_fileobj=pointer.encode(), path_in_repo="model.bin", repo_id=theirs, repo_type="space")
    assert httpx.get(f"{server.url}/spaces/{theirs}/resolve/main/model.bin").text == pointer
    other.delete_repo(theirs, repo_type="space")


def test_who_may(server, repo, api, other):
    answer = batch(server, repo, "upload", ("3" * 64, 3))
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic") and answer.json()["message"]
    assert batch(server, repo, "upload", ("3" * 64, 3), token=other.token).status_code == 403
    api.update_repo_settings(repo, repo_type="space", visibility="private")
    answer = batch(server, repo, "download", ("3" * 64, 3))
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic")
    assert batch(server, repo, "download", ("3" * 64, 3), token=other.token, basic=True).status_code == 404
    assert batch(server, repo, "download", ("3" * 64, 3), token=server.token, basic=True).status_code == 200


def test_locks(server, repo, other):
    url = f"{server.url}/spaces/{repo}.git/info/lfs/locks"
    auth = ("x", server.token)
    assert httpx.post(url + "/verify", json={"ref": {"name": "refs/heads/main"}}, auth=auth).json() == {"ours": [], "theirs": []}
    assert httpx.post(url + "/verify", json={}, auth=("x", other.token)).status_code == 403
    for answer in (httpx.get(url, auth=auth), httpx.post(url, json={"path": "x"}, auth=auth), httpx.post(url + "/1/unlock", json={}, auth=auth)):
        assert answer.status_code == 404 and "locks" in answer.json()["message"]


PYTHON = """
import io, sys
from huggingface_hub import HfApi
api = HfApi()
api.upload_file(path_or_fileobj=sys.argv[2], path_in_repo="big.bin", repo_id=sys.argv[1], repo_type="space")
"""


def upload_by_python(server, repo, path, **env):
    return subprocess.run([shutil.which("python", path=server.client_env()["PATH"]), "-c", PYTHON, repo, str(path)],
                          env={**server.client_env(), **env}, capture_output=True, text=True, timeout=120, check=False)


def test_huggingface_hub_above_64_mb(server, repo, api, tmp_path):
    """Classic LFS where Xet is switched off; where it is on, the warning names the switch (clients.md 5.1)."""
    big = tmp_path / "big.bin"
    with open(big, "wb") as f:
        f.write(uuid.uuid4().bytes)
        f.truncate(LIMIT + 1)
    done = upload_by_python(server, repo, big)
    assert done.returncode != 0 and "HF_HUB_DISABLE_XET=1" in done.stderr, done.stderr[-2000:]
    done = upload_by_python(server, repo, big, HF_HUB_DISABLE_XET="1")
    assert done.returncode == 0, done.stderr[-2000:]
    info = api.get_paths_info(repo, ["big.bin"], repo_type="space")[0]
    assert info.size == LIMIT + 1 and info.lfs.size == LIMIT + 1 and info.lfs.sha256 == hashlib.file_digest(open(big, "rb"), "sha256").hexdigest()
    head = httpx.head(f"{server.url}/spaces/{repo}/resolve/main/big.bin")
    assert head.headers["Content-Length"] == str(LIMIT + 1) and head.headers["ETag"] == f'"{info.lfs.sha256}"'


# ---- git-lfs ----

@pytest.fixture
def git(server, tmp_path):
    """Runs git in a folder of its own, without anybody's configuration."""
    if not shutil.which("git-lfs"):
        missing("git-lfs is not installed")
    if httpx.get(f"{server.url}/spaces/nobody/nothing.git/info/refs?service=git-upload-pack", headers={"User-Agent": "git/2.39"}).status_code != 401:
        missing("this server speaks no git")
    home = tmp_path / "home"
    home.mkdir()
    env = dict(os.environ, HOME=str(home), GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1", NO_PROXY="localhost", no_proxy="localhost")

    def run(*args, cwd=tmp_path, ok=True):
        done = subprocess.run(["git", *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, timeout=90, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr
    run("lfs", "install")
    run("config", "--global", "user.name", "Ada")
    run("config", "--global", "user.email", "ada@example.org")
    return run


def test_git_lfs_push_clone_and_fetch(server, repo, api, git, tmp_path):
    remote = f"{server.url.replace('://', f'://ada:{server.token}@')}/spaces/{repo}"
    one, two = os.urandom(200_000), os.urandom(100_000)
    git("clone", remote, "work")
    work = tmp_path / "work"
    git("lfs", "track", "*.bin", cwd=work)
    (work / "one.bin").write_bytes(one)
    git("add", ".", cwd=work)
    git("commit", "-m", "large", cwd=work)
    git("push", "origin", "main", cwd=work)
    info = api.get_paths_info(repo, ["one.bin"], repo_type="space")[0]
    assert info.size == len(one) and info.lfs.sha256 == sha(one)
    assert open(api.hf_hub_download(repo, "one.bin", repo_type="space"), "rb").read() == one

    git("clone", f"{server.url}/spaces/{repo}.git", "anonymous")        # a public one, for everybody
    assert (tmp_path / "anonymous" / "one.bin").read_bytes() == one
    (work / "two.bin").write_bytes(two)
    git("add", ".", cwd=work)
    git("commit", "-m", "more", cwd=work)
    git("push", "origin", "main", cwd=work)
    git("pull", cwd=tmp_path / "anonymous")
    assert (tmp_path / "anonymous" / "two.bin").read_bytes() == two

    # Under its old name, everything still works.
    new = repo + "-moved"
    api.move_repo(repo, new, repo_type="space")
    (work / "three.bin").write_bytes(two + one)
    git("add", ".", cwd=work)
    git("commit", "-m", "after the move", cwd=work)
    git("push", "origin", "main", cwd=work)
    git("pull", cwd=tmp_path / "anonymous")
    assert (tmp_path / "anonymous" / "three.bin").read_bytes() == two + one
    # A duplicate has the large files too.
    copy = repo + "-copy"
    api.duplicate_repo(new, copy, repo_type="space")
    git("clone", f"{server.url}/spaces/{copy}", "copy")
    assert (tmp_path / "copy" / "one.bin").read_bytes() == one
    for gone in (new, copy):
        api.delete_repo(gone, repo_type="space")


def test_git_lfs_private(server, repo, api, git):
    upload(server, repo, b"x" * 1000)
    api.update_repo_settings(repo, repo_type="space", visibility="private")
    assert "Authentication failed" in (said := git("clone", f"{server.url}/spaces/{repo}", "no", ok=False)) or "could not read Username" in said
    git("clone", f"{server.url.replace('://', f'://ada:{server.token}@')}/spaces/{repo}", "yes")
