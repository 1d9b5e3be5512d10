"""Plain git through the public port: CONTRACTS C-GIT-01 to -16 (large files: test_lfs.py)."""
import base64
import concurrent.futures
import gzip
import hashlib
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time
import uuid
import zlib

import httpx
import pytest

from conftest import wait_for

ZERO = "0" * 40


def git(*args, cwd=None, ok=True, env=None, **kw):
    """Run git; returns what it printed. OK False: it must fail."""
    p = subprocess.run(["git", *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=120,
                       env=dict(os.environ, GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null", NO_PROXY="*",
                                GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.org", GIT_COMMITTER_NAME="Ada",
                                GIT_COMMITTER_EMAIL="ada@example.org", **(env or {})), **kw)
    assert (p.returncode == 0) == ok, p.stdout + p.stderr
    return p.stdout + p.stderr


class Repo:
    def __init__(self, server, name, private=False):
        self.server, self.id = server, f"{server.owner}/{name}"
        self.sid = self.api("POST", "/api/repos/create", json={"type": "space", "name": name, "sdk": "static", "private": private}).json()["id"]

    def api(self, method, path, **kw):
        r = httpx.request(method, self.server.url + path, headers={"Authorization": f"Bearer {self.server.token}"}, timeout=60, **kw)
        assert r.is_success, r.text
        return r

    def url(self, suffix=".git", token=None, user="anyone"):
        at = f"{user}:{self.server.token if token is None else token}@" if token != "" else ""
        return self.server.url.replace("://", f"://{at}") + f"/spaces/{self.id}{suffix}"

    @property
    def bare(self):
        return self.server.state / "repos" / f"{self.sid}.git"

    def refs(self):
        return {r["ref"]: r["targetCommit"] for k, v in self.api("GET", f"/api/spaces/{self.id}/refs").json().items() if v for r in v}

    def clean(self):
        """Nothing of a push is left beside the repository."""
        assert wait_for(lambda: not os.listdir(self.server.state / "incoming")) is True
        assert not [f for f in os.listdir(self.bare / "objects" / "pack") if not f.startswith("pack-")]
        return True


@pytest.fixture
def repo(server):
    return Repo(server, f"git-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def work(repo, tmp_path):
    git("clone", "-q", repo.url(), tmp_path / "work")
    return tmp_path / "work"


def commit(work, files, message="a change"):
    for path, content in files.items():
        (work / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    git("add", "-A", cwd=work)
    git("commit", "-q", "--allow-empty", "-m", message, cwd=work)
    return git("rev-parse", "HEAD", cwd=work).strip()


@pytest.mark.parametrize("version", ["0", "1", "2"])
@pytest.mark.parametrize("suffix", ["", ".git"])
def test_clone_of_a_public_space_without_a_token(repo, tmp_path, version, suffix):
    git("-c", f"protocol.version={version}", "clone", "-q", repo.url(suffix, token=""), tmp_path / "c")
    assert (tmp_path / "c" / "README.md").exists()
    first = httpx.get(repo.url(suffix, token="") + "/info/refs?service=git-upload-pack", headers={"Git-Protocol": f"version={version}"}, timeout=30)
    assert first.headers["content-type"] == "application/x-git-upload-pack-advertisement" and "no-cache" in first.headers["cache-control"]
    assert (b"version 2" in first.content) == (version == "2")


def test_push_to_main_changes_what_is_served(repo, work):
    head = commit(work, {"index.html": "<p>pushed</p>"})
    out = git("push", "origin", "main", cwd=work)
    assert "main -> main" in out
    assert repo.api("GET", f"/api/spaces/{repo.id}").json()["sha"] == head == repo.refs()["refs/heads/main"]
    page = lambda: httpx.get(repo.server.app_url(repo.id.replace("/", "-")), timeout=30)  # noqa: E731
    assert wait_for(lambda: "pushed" in page().text)
    if repo.server.state.exists():
        with sqlite3.connect(f"file:{repo.server.state}/vitrine.db?mode=ro", uri=True) as db:
            rows = lambda: db.execute('SELECT count(*) FROM builds WHERE commit_id = ?', (head,)).fetchone()[0]  # noqa: E731
            assert wait_for(rows) == 1
    assert repo.clean()


def test_shallow_clone_and_fetch_of_what_is_new(repo, work, tmp_path):
    for i in range(5):
        commit(work, {"n.txt": str(i)}, f"change {i}")
    git("push", "-q", "origin", "main", cwd=work)
    git("clone", "-q", "--depth", "2", repo.url(), tmp_path / "shallow")
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "shallow").strip() == "2"
    git("fetch", "-q", "--unshallow", cwd=tmp_path / "shallow")
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "shallow").strip() == "6"
    head = commit(work, {"n.txt": "more"})
    git("push", "-q", "origin", "main", cwd=work)
    git("pull", "-q", "--ff-only", cwd=tmp_path / "shallow")
    assert git("rev-parse", "HEAD", cwd=tmp_path / "shallow").strip() == head
    git("clone", "-q", "--filter=blob:none", "--no-checkout", repo.url(), tmp_path / "partial")


def test_branches_and_tags_come_and_go(repo, work):
    commit(work, {"a.txt": "a"})
    git("push", "-q", "origin", "HEAD:refs/heads/topic/a", cwd=work)
    git("tag", "-a", "-m", "one", "v1", cwd=work)
    git("push", "-q", "origin", "v1", cwd=work)
    assert {"refs/heads/topic/a", "refs/tags/v1", "refs/heads/main"} <= set(repo.refs())
    old = repo.refs()["refs/heads/topic/a"]
    git("commit", "-q", "--amend", "-m", "another", cwd=work)
    assert "rejected" in git("push", "origin", "HEAD:topic/a", cwd=work, ok=False)
    git("push", "-q", "--force", "origin", "HEAD:topic/a", cwd=work)
    assert repo.refs()["refs/heads/topic/a"] != old
    assert httpx.get(f"{repo.server.url}/api/spaces/{repo.id}/tree/{old}", timeout=30).status_code == 200       # C-HF-56
    git("push", "-q", "origin", ":topic/a", ":v1", "HEAD:topic", cwd=work)                                          # room for topic itself
    assert "refs/heads/topic" in repo.refs() and "refs/heads/topic/a" not in repo.refs() and "refs/tags/v1" not in repo.refs()


def test_what_may_not_be_pushed_is_said_in_a_sentence(repo, work):
    before = repo.refs()
    assert "remote: The branch main cannot be deleted" in git("push", "origin", ":main", cwd=work, ok=False)
    assert "remote: 'refs/notes/x' cannot be pushed" in git("push", "origin", "HEAD:refs/notes/x", cwd=work, ok=False)
    commit(work, {"README.md": "---\nsdk: [\n---\n"})
    out = git("push", "origin", "main", cwd=work, ok=False)
    assert "remote: README.md, line" in out and "[remote rejected] main -> main (README.md" in out
    commit(work, {"README.md": "---\nsdk: cobol\n---\n"})
    assert "sdk 'cobol' is not one of" in git("push", "origin", "main", cwd=work, ok=False)
    git("push", "-q", "origin", "main:draft", cwd=work)                    # only main is what runs
    assert {k: v for k, v in repo.refs().items() if "draft" not in k} == before and repo.clean()


def test_large_files_belong_into_git_lfs(repo, work):
    before = repo.refs()
    with open(work / "big.bin", "wb") as f:
        f.truncate((64 << 20) + 1)
    commit(work, {})
    out = git("-c", "http.postBuffer=4096", "push", "origin", "main", cwd=work, ok=False)
    assert "remote: Your push was rejected because it contains files larger than 64 MB" in out and "big.bin (65 MB)" in out and "git lfs migrate" in out
    git("reset", "-q", "--hard", "origin/main", cwd=work)
    oid = hashlib.sha256(b"never uploaded").hexdigest()
    commit(work, {"model.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 14\n"})
    out = git("push", "origin", "main", cwd=work, ok=False)
    assert f"model.bin ({oid})" in out and "git lfs push --all" in out
    assert repo.refs() == before and repo.clean()


def test_a_large_push_is_chunked_and_a_request_may_be_compressed(repo, work, tmp_path):
    head = commit(work, {f"random-{i}": os.urandom(1 << 20) for i in range(4)})
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "main", cwd=work)
    assert repo.refs()["refs/heads/main"] == head
    want = f"0032want {head}\n00000009done\n".encode()
    r = httpx.post(repo.url(token="") + "/git-upload-pack", content=gzip.compress(want), timeout=60,
                      headers={"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip"})
    assert r.status_code == 200 and r.content[8:12] == b"PACK" and len(r.content) > 4 << 20
    git("clone", "-q", repo.url(token=""), tmp_path / "again")
    assert (tmp_path / "again" / "random-3").read_bytes() == (work / "random-3").read_bytes()


def basic(token):
    return {"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()}


def test_who_may_what(repo, work, tmp_path):
    s, private = repo.server, Repo(repo.server, f"git-p-{uuid.uuid4().hex[:8]}", private=True)
    fetch, push = "/info/refs?service=git-upload-pack", "/info/refs?service=git-receive-pack"
    for url in (private.url(token="") + fetch, s.url + "/spaces/nobody/nothing.git" + fetch, repo.url(token="") + push):
        r = httpx.get(url, timeout=30)
        assert r.status_code == 401 and r.headers["www-authenticate"] == 'Basic realm="vitrine"' and r.headers["content-type"].startswith("text/plain")
    r = httpx.post(repo.url(token="") + "/git-receive-pack", content=b"0000", headers={"Content-Type": "application/x-git-receive-pack-request"}, timeout=30)
    assert r.status_code == 401
    git("clone", "-q", private.url(user="whoever"), tmp_path / "private")
    assert httpx.get(s.url + "/spaces/nobody/nothing.git" + fetch, headers=basic(s.token), timeout=30).status_code == 404
    assert httpx.get(repo.url(token="") + fetch, headers=basic("hf_wrong"), timeout=30).status_code == 401
    assert httpx.get(repo.url(token="") + "/info/refs", timeout=30).status_code == 403           # the dumb protocol
    r = httpx.post(repo.url(token="") + "/git-receive-pack", content=b"0000", timeout=30,
                      headers={**basic(s.token), "Content-Type": "application/x-git-receive-pack-request"})
    assert (r.status_code, r.content) == (200, b"")                                                 # the probe (C-GIT-06)
    if s.state.exists():
        token = s.admin("user", "add", f"guest-{uuid.uuid4().hex[:6]}").stdout.split()[1]
        assert httpx.get(private.url(token="") + fetch, headers=basic(token), timeout=30).status_code == 404
        assert httpx.get(repo.url(token="") + push, headers=basic(token), timeout=30).status_code == 403
        assert "403" in git("push", repo.url(token=token), "HEAD:main", cwd=work, ok=False)


def test_racing_pushes_one_wins_and_the_others_are_told(repo, tmp_path):
    heads = {}
    for i in range(4):
        git("clone", "-q", repo.url(), tmp_path / f"w{i}")
        heads[i] = commit(tmp_path / f"w{i}", {"who.txt": str(i)}, f"by {i}")
    run = lambda i: subprocess.run(["git", "push", "-q", "origin", "main"], cwd=tmp_path / f"w{i}", capture_output=True, text=True, timeout=60)  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(run, range(4)))
    won = [i for i, p in enumerate(done) if p.returncode == 0]
    assert len(won) == 1 and repo.refs()["refs/heads/main"] == heads[won[0]]
    assert all("rejected" in p.stderr for i, p in enumerate(done) if i not in won), [p.stderr for p in done]
    assert repo.api("GET", f"/api/spaces/{repo.id}").json()["sha"] == heads[won[0]] and repo.clean()


def pkt(text):
    return f"{len(text) + 4:04x}".encode() + text


def pack(*objects):
    body = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, content in objects:
        n, head = len(content), []
        byte, n = (kind << 4) | (n & 15), n >> 4
        while n:
            head.append(byte | 0x80)
            byte, n = n & 0x7f, n >> 7
        body += bytes(head + [byte]) + zlib.compress(content)
    return body + hashlib.sha1(body).digest()


def raw_push(repo, new, payload, ref=b"refs/heads/evil", old=ZERO):
    caps = b"\0 report-status side-band-64k agent=test"
    return httpx.post(repo.url(token="") + "/git-receive-pack", timeout=60, content=pkt(f"{old} {new} ".encode() + ref + caps) + b"0000" + payload,
                         headers={**basic(repo.server.token), "Content-Type": "application/x-git-receive-pack-request"})


def oid_of(kind, content):
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()


def test_hostile_packs_are_refused_and_nothing_stays(repo):
    before = repo.refs()
    blob, who = b"x", b"a <a@b> 1 +0000"
    dotgit = b"100644 .git\0" + bytes.fromhex(oid_of("blob", blob))
    bad = b"tree " + oid_of("tree", dotgit).encode() + b"\nauthor " + who + b"\ncommitter " + who + b"\n\nevil\n"
    cases = [("1" * 40, b"this is no pack"), ("1" * 40, pack((3, blob))), (oid_of("commit", bad), pack((3, blob), (2, dotgit), (1, bad))),
             (oid_of("blob", blob), pack((3, blob))), ("1" * 40, pack((3, blob))[:-7]), ("2" * 40, b"")]
    for new, payload in cases:
        r = raw_push(repo, new, payload)
        assert r.status_code == 200 and (b"ng refs/heads/evil" in r.content or b"unpack" in r.content and b"unpack ok" not in r.content or b"\x03" in r.content), r.content
    assert repo.refs() == before and repo.clean()


def test_a_push_that_is_cut_leaves_nothing(repo, work):
    before = repo.refs()
    head = commit(work, {"a.bin": os.urandom(300000)})
    data = subprocess.run(["git", "pack-objects", "--stdout", "--revs"], cwd=work, input=f"{head}\n^origin/main\n".encode(), capture_output=True).stdout
    body = pkt(f"{before['refs/heads/main']} {head} refs/heads/main".encode() + b"\0 report-status") + b"0000" + data
    host, port = repo.server.domain, repo.server.port
    auth = basic(repo.server.token)["Authorization"]
    for cut in (0, 1, 60, len(body) // 2, len(body) - 1):
        with socket.create_connection((host, port)) as c:
            c.sendall((f"POST /spaces/{repo.id}.git/git-receive-pack HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {auth}\r\n"
                       f"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body[:cut])
    # Shorter than git needs, but a whole request.
    for cut in (60, len(body) // 2, len(body) - 1):
        httpx.post(repo.url(token="") + "/git-receive-pack", content=body[:cut], timeout=60,
                      headers={"Authorization": auth, "Content-Type": "application/x-git-receive-pack-request"})
    assert repo.refs() == before and repo.clean()
    git("push", "-q", "origin", "main", cwd=work)
    assert repo.refs()["refs/heads/main"] == head


def test_a_client_that_goes_away_stops_its_worker(repo, work):
    head = commit(work, {f"r{i}": os.urandom(1 << 20) for i in range(8)})
    git("push", "-q", "origin", "main", cwd=work)
    want = f"0032want {head}\n00000009done\n".encode()
    with httpx.stream("POST", repo.url(token="") + "/git-upload-pack", content=want, timeout=60,
                      headers={"Content-Type": "application/x-git-upload-pack-request"}) as r:
        assert next(r.iter_raw(100))
    if repo.server.process:
        mark = f"/vitrine-{repo.server.children('vitrine-launcher')[0]}"
        busy = lambda: [p for p in os.listdir("/proc") if p.isdigit() and "git\0upload-pack" in cmdline(p) and mark in cgroup(p)]  # noqa: E731
        assert wait_for(lambda: not busy())


def cmdline(pid):
    try:
        return pathlib.Path("/proc", pid, "cmdline").read_text()
    except OSError:
        return ""


def cgroup(pid):
    try:
        return pathlib.Path("/proc", pid, "cgroup").read_text()
    except OSError:
        return ""


def test_loose_objects_are_packed_and_old_commits_stay(repo):
    if not repo.server.state.exists():
        pytest.skip("the repository is not on this machine")
    old = repo.refs()["refs/heads/main"]
    objects = repo.bare / "objects"
    user = objects.stat()
    for i in range(2100):                   # as 700 small commits through the API would leave them
        content = b"blob 7\0" + b"%07d" % i
        name = hashlib.sha1(content).hexdigest()
        at = objects / name[:2]
        if not at.exists():
            at.mkdir(mode=0o700)
            os.chown(at, user.st_uid, user.st_gid)
        (at / name[2:]).write_bytes(zlib.compress(content))
        os.chown(at / name[2:], user.st_uid, user.st_gid)
    repo.server.api().upload_file(path_or_fileobj=b"one more", path_in_repo="more.txt", repo_id=repo.id, repo_type="space")
    assert wait_for(lambda: len(list(objects.glob("??/*"))) == 0 and repo.clean())
    assert len(list((objects / "pack").glob("*.idx"))) == 1
    check = subprocess.run(["git", "-c", "safe.directory=*", "--git-dir", repo.bare, "cat-file", "--batch-check"], capture_output=True, text=True,
                           input="".join(f"{hashlib.sha1(b'blob 7' + bytes(1) + b'%07d' % i).hexdigest()}\n" for i in range(2100)))
    assert "missing" not in check.stdout
    assert repo.api("GET", f"/api/spaces/{repo.id}/tree/{old}").is_success


def test_kill_of_the_server_during_pushes_keeps_what_was_acknowledged(own_server, tmp_path):
    repo = Repo(own_server, "killed")
    git("clone", "-q", repo.url(), tmp_path / "w")
    acknowledged = {}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for i in range(8):
            head = commit(tmp_path / "w", {"n.txt": str(i)})
            push = pool.submit(subprocess.run, ["git", "push", "-q", "origin", f"HEAD:b{i}"], cwd=tmp_path / "w", capture_output=True, timeout=60)
            if i % 2:
                time.sleep(0.02 * i)
                for pid in own_server.children("vitrine-server"):
                    os.kill(pid, signal.SIGKILL)
            if push.result().returncode == 0:
                acknowledged[f"refs/heads/b{i}"] = head
            wait_for(lambda: httpx.get(own_server.url + "/readyz", timeout=30).is_success)
    refs = repo.refs()
    assert acknowledged.items() <= refs.items() and len(acknowledged) >= 4
    assert repo.clean()
    git("clone", "-q", "--mirror", repo.url(), tmp_path / "mirror")
    assert "missing" not in git("fsck", "--full", cwd=tmp_path / "mirror")
