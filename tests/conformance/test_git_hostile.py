"""What strangers and pushers may try with git: bodies without end, objects that swell, tokens that end meanwhile."""
import hashlib
import json
import os
import re
import select
import socket
import subprocess
import uuid

import httpx

from conftest import wait_for
from test_git import Repo, basic, commit, git, pkt, repo, work  # noqa: F401


def test_a_stranger_does_not_fill_the_disk(repo):
    """Anybody may fetch: what a fetch sends is small."""
    r = httpx.post(repo.url(token="") + "/git-upload-pack", content=b"0000", timeout=60,
                   headers={"Content-Type": "application/x-git-upload-pack-request"})
    assert r.status_code == 200
    with socket.create_connection((repo.server.domain, repo.server.port)) as c:
        c.sendall((f"POST /spaces/{repo.id}.git/git-upload-pack HTTP/1.1\r\nHost: {repo.server.domain}:{repo.server.port}\r\n"
                   "Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 2000000000\r\n\r\n").encode())
        assert b" 413 " in c.recv(100)


def test_objects_that_swell_are_refused(repo, work):
    message = work.parent / "message"
    message.write_bytes(b"x" * 3_000_000)
    git("commit", "-q", "--allow-empty", "-F", message, cwd=work)
    assert "at most 1048576 are possible" in git("push", "-q", "origin", "HEAD:refs/heads/vast", cwd=work, ok=False)
    assert repo.clean() and "refs/heads/vast" not in repo.refs()


def pack_of(work, head):
    return subprocess.run(["git", "pack-objects", "--stdout", "--revs"], cwd=work, input=f"{head}\n^origin/main\n".encode(),
                          capture_output=True, check=True).stdout


class Token:
    """One more token of the owner."""

    def __init__(self, server):
        self.label = f"t-{uuid.uuid4().hex[:6]}"
        self.browser = httpx.Client(base_url=server.url, headers={"Origin": server.url, "Accept": "text/html"})
        cookie = self.browser.post("/-/signin", data={"token": server.token}).headers["set-cookie"].split(";")[0]
        self.browser.headers["Cookie"] = cookie
        self.text = re.search(r">(hf_\w+)<", self.browser.post("/-/tokens", data={"label": self.label, "role": "admin"}).text)[1]

    def revoke(self):
        row = re.search(rf'(?s){self.label}(?:(?!</li>).)*?/-/tokens/([0-9a-f]{{24}})/revoke', self.browser.get("/-/account").text)
        assert self.browser.post(f"/-/tokens/{row[1]}/revoke").status_code == 303


def answer_after(repo, head, body, between):
    """Send HEAD and half of BODY, do BETWEEN, send the rest: the status."""
    with socket.create_connection((repo.server.domain, repo.server.port), timeout=60) as c:
        c.sendall((head + f"Host: {repo.server.domain}:{repo.server.port}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body[:len(body) // 2])
        between()
        c.sendall(body[len(body) // 2:])
        return int(c.recv(100).split()[1])


def test_a_token_that_ends_while_the_body_comes_does_nothing(repo, work):
    before = repo.refs()
    head = commit(work, {"a.bin": os.urandom(400000)})
    body = pkt(f"{before['refs/heads/main']} {head} refs/heads/main".encode() + b"\0 report-status") + b"0000" + pack_of(work, head)
    token = Token(repo.server)
    push = (f"POST /spaces/{repo.id}.git/git-receive-pack HTTP/1.1\r\nAuthorization: {basic(token.text)['Authorization']}\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\n")
    assert answer_after(repo, push, body, token.revoke) == 401
    token = Token(repo.server)
    made = json.dumps({"key": "header", "value": {"summary": "x"}}) + "\n" + json.dumps(
        {"key": "file", "value": {"path": "x", "content": "eA==" * 100000, "encoding": "base64"}}) + "\n"
    api = (f"POST /api/spaces/{repo.id}/commit/main HTTP/1.1\r\nAuthorization: Bearer {token.text}\r\n"
           "Content-Type: application/x-ndjson\r\n")
    assert answer_after(repo, api, made.encode(), token.revoke) == 401
    assert repo.refs() == before and repo.clean()


def test_a_link_to_a_large_file_ends_with_its_token(repo):
    token = Token(repo.server)
    data = os.urandom(1000)
    ask = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}]}
    r = httpx.post(repo.url(token="") + "/info/lfs/objects/batch", json=ask, headers=basic(token.text))
    href = r.json()["objects"][0]["actions"]["upload"]["href"]
    token.revoke()
    assert httpx.put(href, content=data).status_code == 403


def test_a_row_behind_its_repository_catches_up_at_the_start(own_server):
    """The server died, or the disk was full, between a push's references and the row of its Space."""
    mine = Repo(own_server, "behind")
    own_server.stop()
    tree = ["git", "-c", "safe.directory=*", "--git-dir", mine.bare]
    run = lambda *args: subprocess.run([*tree, *args], capture_output=True, text=True, check=True, env=dict(  # noqa: E731
        os.environ, GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a")).stdout.strip()
    head = run("commit-tree", "-p", "main", "-m", "pushed", "main^{tree}")
    run("update-ref", "refs/heads/main", head)
    user = mine.bare.stat()
    subprocess.run(["chown", "-R", f"{user.st_uid}:{user.st_gid}", mine.bare], check=True)
    own_server.start()
    assert wait_for(lambda: mine.api("GET", f"/api/spaces/{mine.id}").json()["sha"] == head)


def test_readers_who_do_not_read_leave_room_for_others(repo, work, tmp_path):
    """One client holds at most git_queue_per_client places and git_per_client of the programs; the next is told so, others are served."""
    head = commit(work, {"big.bin": os.urandom(24 << 20)})
    git("push", "-q", "origin", "main", cwd=work)
    want = f"0032want {head}\n00000009done\n".encode()
    ask = (f"POST /spaces/{repo.id}.git/git-upload-pack HTTP/1.1\r\nHost: {repo.server.domain}:{repo.server.port}\r\n"
           f"Authorization: {basic(repo.server.token)['Authorization']}\r\nContent-Type: application/x-git-upload-pack-request\r\n"
           f"Content-Length: {len(want)}\r\n\r\n").encode() + want
    held = []
    try:
        for _ in range(40):
            c = socket.create_connection((repo.server.domain, repo.server.port), timeout=60)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.sendall(ask)
            held.append(c)
        def refused():
            at = select.select(held, [], [], 0)[0]
            return [c for c in at if b"too many of your clones" in c.recv(2000, socket.MSG_PEEK)]

        assert len(wait_for(lambda: len(refused()) >= 8 and refused())) == 8
        other = Repo(repo.server, f"git-o-{uuid.uuid4().hex[:8]}")
        git("clone", "-q", other.url(token=""), tmp_path / "by-a-stranger")
        assert httpx.get(repo.server.url + "/", timeout=20).status_code == 200
    finally:
        for c in held:
            c.close()
    git("clone", "-q", repo.url(), tmp_path / "afterwards")        # the places come free when their readers go
