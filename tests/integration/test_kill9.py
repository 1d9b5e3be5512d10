"""kill -9 at random while commits, pushes, likes, secrets and variables change: what was acknowledged is there (ARCHITECTURE 5).

60 operations; 300 with VITRINE_SOAK. VITRINE_SEED repeats the kills of a run as far as threads allow.
"""
import base64
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

import httpx

from conftest import wait_for

EACH = 60 if os.environ.get("VITRINE_SOAK") else 12
SECONDS = 900 if EACH > 12 else 120


class World:
    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.cond, self.acknowledged, self.errors = threading.Condition(), 0, []
        self.end = time.monotonic() + SECONDS
        self.client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=15,
                                   limits=httpx.Limits(max_keepalive_connections=0))

    def ask(self, method, path, body=None, **kw):
        """True when the server said yes. A break or a 5xx says nothing: it may have happened."""
        try:
            answer = self.client.request(method, path, **({"json": body} if body is not None else {}), **kw)
        except httpx.TransportError:
            return False
        assert answer.status_code < 300 or answer.status_code >= 500, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.status_code < 300

    def git(self, *args):
        env = dict(os.environ, GIT_TERMINAL_PROMPT="0", GIT_CONFIG_GLOBAL="/dev/null", NO_PROXY="*", no_proxy="*")
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.test", *args], cwd=self.folder, env=env,
                              capture_output=True, text=True, timeout=60)


class Commit:
    def __init__(self, world):
        self.world, self.kept = world, {}

    def step(self, i):
        path, text = f"c/{i}.txt", f"commit {i} {random.random()}"
        lines = [{"key": "header", "value": {"summary": f"commit {i}"}},
                 {"key": "file", "value": {"path": path, "content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}}]
        if not self.world.ask("POST", "/api/spaces/admin/kill-commit/commit/main", content="\n".join(map(json.dumps, lines)),
                              headers={"Content-Type": "application/x-ndjson"}):
            self.kept.pop(path, None)
            return False
        self.kept[path] = text
        return True

    def check(self):
        for path, text in self.kept.items():
            assert self.world.client.get(f"/spaces/admin/kill-commit/resolve/main/{path}").text == text, path


class Push:
    def __init__(self, world):
        self.world, self.head = world, None
        url = world.server.url.replace("://", f"://admin:{world.server.token}@") + "/spaces/admin/kill-push"
        assert world.git("clone", "-q", url, "push").returncode == 0

    def step(self, i):
        with open(self.world.folder / "push" / f"{i}.txt", "a") as f:
            f.write(f"push {i}\n")
        assert self.world.git("-C", "push", "add", "-A").returncode == 0
        assert self.world.git("-C", "push", "commit", "-q", "-m", f"push {i}").returncode == 0
        pushed = self.world.git("-C", "push", "push", "-q", "origin", "HEAD:main")
        if pushed.returncode == 0:
            self.head = self.world.git("-C", "push", "rev-parse", "HEAD").stdout.strip()
        return pushed.returncode == 0

    def check(self):
        assert self.world.git("-C", "push", "fetch", "-q", "origin").returncode == 0
        assert self.world.git("-C", "push", "merge-base", "--is-ancestor", self.head, "FETCH_HEAD").returncode == 0


class Like:
    """One bit: after an answer that was lost it may be either."""

    def __init__(self, world):
        self.world, self.may = world, {False}

    def step(self, i):
        liked = i % 2 == 0
        if self.world.ask("POST" if liked else "DELETE", "/api/spaces/admin/kill-like/like", {}):
            self.may = {liked}
            return True
        self.may.add(liked)
        return False

    def check(self):
        likers = self.world.client.get("/api/spaces/admin/kill-like/likers").json()
        assert bool(likers) in self.may


class Secret:
    def __init__(self, world):
        self.world, self.kept = world, set()

    def step(self, i):
        key = f"KEY_{i}"
        if not self.world.ask("POST", "/api/spaces/admin/kill-env/secrets", {"key": key, "value": f"value {i}"}):
            return False
        self.kept.add(key)
        return True

    def check(self):
        assert self.kept <= set(self.world.client.get("/api/spaces/admin/kill-env/secrets").json())


class Variable:
    def __init__(self, world):
        self.world, self.may = world, {}

    def step(self, i):
        key, value = f"VAR_{i % 5}", str(i)
        done = self.world.ask("POST", "/api/spaces/admin/kill-env/variables", {"key": key, "value": value})
        self.may[key] = {value} if done else self.may.get(key, {None}) | {value}
        return done

    def check(self):
        there = self.world.client.get("/api/spaces/admin/kill-env/variables").json()
        for key, values in self.may.items():
            assert (there[key]["value"] if key in there else None) in values, key


def work(world, kind):
    done = i = 0
    try:
        while done < EACH and time.monotonic() < world.end:
            if kind.step(i):
                done += 1
                with world.cond:
                    world.acknowledged += 1
                    world.cond.notify_all()
            i += 1
        assert done == EACH, f"{type(kind).__name__}: {done} of {EACH} in {SECONDS} s"
    except Exception as e:
        with world.cond:
            world.errors.append(e)
            world.cond.notify_all()


def kill(server, everything):
    if not everything:
        for pid in server.children("vitrine-server"):
            os.kill(pid, signal.SIGKILL)
        return
    pids = [p for name in ("vitrine-server", "vitrine-edge", "vitrine-launcher") for p in server.children(name)]
    server.process.kill()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    server.process.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), 20)
    server.start()


def test_what_was_acknowledged_survives(own_server, tmp_path):
    seed = int(os.environ.get("VITRINE_SEED") or time.time_ns() % 2**32)
    print(f"VITRINE_SEED={seed}")
    dice, server = random.Random(seed), own_server
    for name in ("commit", "push", "like", "env"):
        server.api().create_repo(f"admin/kill-{name}", repo_type="space", space_sdk="static")
    world = World(server, tmp_path)
    kinds = [cls(world) for cls in (Commit, Push, Like, Secret, Variable)]
    threads = [threading.Thread(target=work, args=(world, k)) for k in kinds]
    for t in threads:
        t.start()
    kills = 0
    while any(t.is_alive() for t in threads) and not world.errors:
        with world.cond:
            until = world.acknowledged + dice.randint(4, 10)
            world.cond.wait_for(lambda until=until: world.acknowledged >= until or world.errors or not any(t.is_alive() for t in threads), 10)
        time.sleep(dice.random() * 0.03)        # somewhere within an operation, not at its end
        kills += 1
        kill(server, kills % 5 == 0)
    for t in threads:
        t.join(SECONDS)
    assert not world.errors, world.errors
    wait_for(lambda: world.ask("GET", "/api/whoami-v2"), 30)
    for kind in kinds:
        kind.check()
    print(f"{kills} kills, {world.acknowledged} operations acknowledged")
    assert kills >= 3
    server.stop()
    for repo in (server.state / "repos").glob("*.git"):
        fsck = subprocess.run(["git", "-c", "safe.directory=*", "-C", repo, "fsck", "--full", "--strict", "--no-dangling"],
                              capture_output=True, text=True)
        assert fsck.returncode == 0, fsck.stdout + fsck.stderr
    with sqlite3.connect(server.state / "vitrine.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
