"""Time to first byte of pages with 10,000 Spaces in the database, while commits run, against /healthz of the same server in the same round.

`make bench B=pages`; PAGES_SPACES, PAGES_ROUNDS and PAGES_REQUESTS change its length. The database is made by the server's own
schema, its rows by SQL while it is stopped.
"""
import base64
import http.client
import json
import os
import random
import sqlite3
import sys
import threading
import time
import uuid

from bench import Report

sys.path.insert(0, str(__import__("pathlib").Path(__file__).resolve().parents[1]))
from conftest import make_server  # noqa: E402

SPACES = int(os.environ.get("PAGES_SPACES", "10000"))
ROUNDS = int(os.environ.get("PAGES_ROUNDS", "5"))
REQUESTS = int(os.environ.get("PAGES_REQUESTS", "100"))
WRITERS = 8
WORDS = "whale ocean image text chat voice music model picture video speech search table chart map game code paper draw paint".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TAGS = "image-generation chatbot audio vision text demo leaderboard translation".split()


def fill(path):
    """Rows as the writer leaves them: repository, words, tags."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA foreign_keys=ON")
    rng, now = random.Random(1), int(time.time() * 1000)
    # As in real texts, a word's share falls with its rank: the commonest are in most READMEs, most are in few.
    words = WORDS + ["".join(rng.choices(LETTERS, k=rng.randint(4, 9))) for _ in range(5000)]
    weights = [1 / (10 + i) for i in range(len(words))]
    users = [uuid.uuid4().hex[:24] for _ in range(20)]
    db.executemany("INSERT INTO users (id, name, fullname, is_admin, created_ms) VALUES (?, ?, ?, 0, ?)",
                   [(u, f"user{i}", f"User {i}", now) for i, u in enumerate(users)])
    for i in range(SPACES):
        repo, owner, title = uuid.uuid4().hex[:24], i % len(users), " ".join(rng.sample(WORDS, 3))
        sdk, tags, likes = rng.choice(["gradio", "static", "streamlit"]), rng.sample(TAGS, 2), int(rng.paretovariate(1)) - 1
        at = now - rng.randrange(10**10)
        listed = json.dumps([sdk, *tags])
        db.execute("INSERT INTO repos (id, type, owner, name, label, sdk, is_private, is_paused, head, release, title, emoji, color_from, color_to,"
                   " short_description, likes, trending, created_ms, changed_ms, card_json, tags_json) VALUES"
                   " (?, 'space', ?, ?, ?, ?, ?, 0, '', '', ?, '🐳', 'blue', 'indigo', ?, ?, ?, ?, ?, '{}', ?)",
                   (repo, users[owner], f"app-{i}", f"user{owner}-app-{i}", sdk, i % 20 == 0, title, "An app that does " + title, likes,
                    at / 6.048e8 if likes else -1e300, at, at, listed))
        doc = db.execute("INSERT INTO search_docs (repo) VALUES (?)", (repo,)).lastrowid
        db.execute("INSERT INTO search_words (rowid, name, owner, title, description, tags, readme) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   (doc, f"app-{i}", f"user{owner}", title, "An app that does " + title, listed, " ".join(rng.choices(words, weights, k=200))))
        db.executemany("INSERT OR IGNORE INTO repo_tags (tag, repo) VALUES (?, ?)", [(t, repo) for t in (sdk, *tags)])
    db.commit()
    db.close()


class Client:
    def __init__(self, server):
        self.connection = http.client.HTTPConnection("localhost", server.port)

    def ttfb(self, path):
        start = time.perf_counter()
        self.connection.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "identity"})
        answer = self.connection.getresponse()
        took = time.perf_counter() - start
        body = answer.read()
        assert answer.status == 200 and body, (path, answer.status)
        return took * 1000


def commits(server, repo, ending, done):
    """Commits at a moderate rate, one after the other, until ENDING."""
    connection = http.client.HTTPConnection("localhost", server.port)
    n = 0
    while not ending.wait(0.1):
        lines = [{"key": "header", "value": {"summary": f"change {n}"}},
                 {"key": "file", "value": {"path": "a.txt", "encoding": "base64", "content": base64.b64encode(f"{repo} {n}".encode()).decode()}}]
        connection.request("POST", f"/api/spaces/{repo}/commit/main", "\n".join(map(json.dumps, lines)),
                           {"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        answer.read()
        n += answer.status == 200
    done.append(n)


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p))]


def measure(server, targets):
    """Per target and percentile one value a round; the targets take turns request by request."""
    client, rounds = Client(server), {name: [] for name in targets}
    for _ in range(ROUNDS):
        took = {name: [] for name in targets}
        for _ in range(REQUESTS):
            for name, path in targets.items():
                took[name].append(client.ttfb(path() if callable(path) else path))
        for name in targets:
            rounds[name].append(took[name])
    return rounds


def main():
    server = make_server()
    try:
        server.start()
        server.stop()
        fill(server.state / "vitrine.db")
        server.start()
        api = server.api()
        repos = [api.create_repo(f"bench-{i}", repo_type="space", space_sdk="static").repo_id for i in range(WRITERS)]
        ending, done = threading.Event(), []
        threads = [threading.Thread(target=commits, args=(server, repo, ending, done)) for repo in repos]
        rng = random.Random(2)
        targets = {"healthz": "/healthz", "gallery": "/", "gallery page 40": "/?p=39", "gallery tag": "/?tag=vision&sort=created",
                   "search": lambda: f"/?q={rng.choice(WORDS)}+{rng.choice(WORDS)[:3]}",
                   "search liked": lambda: f"/?q={rng.choice(WORDS)}&sort=likes",
                   "space written to": lambda: f"/spaces/{rng.choice(repos)}",
                   "space": lambda: f"/spaces/user{(i := rng.randrange(SPACES // 20) * 20 + 1) % 20}/app-{i}"}
        for t in threads:
            t.start()
        rounds = measure(server, targets)
        ending.set()
        for t in threads:
            t.join()
        report = Report("pages")
        for name in targets:
            for p in (0.5, 0.95):
                values = [percentile(took, p) for took in rounds[name]]
                peer = [percentile(took, p) for took in rounds["healthz"]]
                if name != "healthz":
                    report.line(f"{name} p{int(p * 100)}", values, "ms", "healthz", peer, 0, True, 20.0 if p > 0.5 else 5.0)
        print(f"spaces: {SPACES}, commits meanwhile: {sum(done)}", file=sys.stderr)
    finally:
        server.stop()
        __import__("shutil").rmtree(server.state.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
