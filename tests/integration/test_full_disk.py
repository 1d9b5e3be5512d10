"""The state's disk is full in the middle of a push, a commit, an upload: each is told so, nothing is half there, and room is all that is wanted."""
import hashlib
import os
import shutil
import subprocess
import sys
import pathlib

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from conftest import make_server, wait_for  # noqa: E402
from test_git import Repo, commit, git  # noqa: E402

MB = 1 << 20


@pytest.fixture(scope="module")
def small():
    s = make_server()
    base = s.state.parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", base], check=True)
    try:
        s.start()
        yield s
    finally:
        s.stop()
        subprocess.run(["umount", "-l", base], check=True)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def full(small, request):
    """A Space whose next 20 MB find no room until ROOM is called."""
    repo = Repo(small, f"full-{hashlib.sha1(request.node.name.encode()).hexdigest()[:8]}")
    ballast = small.state.parent / "ballast"
    free = os.statvfs(small.state.parent)
    with open(ballast, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_bsize - 12 * MB)
    repo.room = ballast.unlink
    yield repo
    ballast.unlink(missing_ok=True)


def usable(repo, before, work):
    """As it was, whole, and writable again."""
    assert repo.refs() == before and repo.clean()
    git("--git-dir", repo.bare, "-c", "safe.directory=*", "fsck", "--full", "--strict")
    assert wait_for(lambda: not os.listdir(repo.server.state / "tmp")) is True
    git("reset", "-q", "--hard", "origin/main", cwd=work)
    head = commit(work, {"index.html": "room again"})
    git("push", "-q", "origin", "main", cwd=work)
    assert repo.refs()["refs/heads/main"] == head


@pytest.mark.parametrize("size", [20 * MB, 7 * MB])     # the request finds no room; the pack that is made of it does not
def test_push(full, tmp_path, size):
    before, work = full.refs(), tmp_path / "work"
    git("clone", "-q", full.url(), work)
    commit(work, {"big.bin": os.urandom(size)})
    said = git("push", "-q", "origin", "main", cwd=work, ok=False)
    assert "HTTP 413" in said if size > 12 * MB else "remote: fatal: write error: No space left on device" in said, said
    full.room()
    usable(full, before, work)


def test_commit_and_large_file(full, tmp_path):
    before, work = full.refs(), tmp_path / "work"
    git("clone", "-q", full.url(), work)
    with pytest.raises(Exception) as told:
        full.server.api().upload_file(path_or_fileobj=os.urandom(16 * MB), path_in_repo="big.bin", repo_id=full.id, repo_type="space")
    assert "disk is full" in str(told.value), told.value

    content = os.urandom(20 * MB)
    oid = hashlib.sha256(content).hexdigest()
    batch = full.api("POST", f"/spaces/{full.id}.git/info/lfs/objects/batch",
                     json={"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(content)}]}).json()
    href = batch["objects"][0]["actions"]["upload"]["href"]
    r = httpx.put(href, content=content, timeout=60)
    assert r.status_code in (413, 507) and "disk is full" in r.text, (r.status_code, r.text)
    full.room()
    assert httpx.put(href, content=content, timeout=60).status_code == 200
    usable(full, before, work)


def test_the_platform_answers_meanwhile(full):
    assert httpx.get(full.server.url + "/healthz", timeout=20).status_code == 200
    assert httpx.get(f"{full.server.url}/spaces/{full.id}", timeout=20).status_code == 200
    full.api("POST", f"/api/spaces/{full.id}/like")
    full.room()
    assert full.api("GET", f"/api/spaces/{full.id}").json()["likes"] == 1
