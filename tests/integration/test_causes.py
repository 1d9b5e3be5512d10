"""Explain this state: every cause is produced for real through the public port, and told alike by API, page, app host and command line.

The table of what was seen is written to build/causes.md. docs/causes.md is that table, kept in the repository: a cause
without its row there fails the last test.
"""
import base64
import html
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import httpx
import pytest

from conftest import ROOT, free_port, make_server, missing, wait_for

DEF = ROOT / "runtime/space/causes.def"
HEAD = "---\ntitle: T\nsdk: gradio\nsdk_version: 6.31.0\nstartup_duration_timeout: {timeout}\n---\n"
SERVE = ("import http.server, threading, time\nclass H(http.server.BaseHTTPRequestHandler):\n"
         "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'up')\n"
         "    def do_HEAD(self): self.send_response(200); self.end_headers()\n"
         "s = http.server.ThreadingHTTPServer(('0.0.0.0', {port}), H)\n")
FOREIGN = ("import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
           "ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\n")
UNSHARE = ("import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nif libc.unshare(0x20000) < 0:\n"
           "    raise OSError(ctypes.get_errno(), 'unshare: ' + os.strerror(ctypes.get_errno()))\n")
# At once and in huge pages: as fast as the kernel can clear memory.
EAT = ("import mmap\nm = mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nm.madvise(mmap.MADV_HUGEPAGE)\n"
       "for i in range(0, 5 << 30, 4096): m[i] = 1\n")
RESET = ("import socket, struct\ns = socket.create_server(('127.0.0.1', 9000))\nc = socket.create_connection(('127.0.0.1', 9000))\na, _ = s.accept()\n"
         "a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\na.close()\nc.recv(1)\n")
FILL = "f = open('/tmp/full', 'wb')\nwhile True: f.write(b'x' * (32 << 20))\n"


def app(text, timeout="30s", **more):
    return {"README.md": HEAD.format(timeout=timeout), "app.py": text, **{k.replace("_", "."): v for k, v in more.items()}}


# code, stage, files, words of the sentence, words of the next action, kind and target of the action, how it is produced
CASES = [
    ("BAD_FRONT_MATTER", "CONFIG_ERROR", {"README.md": "---\ntitle: x\nsdk: gradio\n  emoji: [\n---\n", "app.py": ""}, ["line 4"], ["push"], "edit", "README.md",
     "a README.md whose block is not YAML"),
    ("NO_FRONT_MATTER", "CONFIG_ERROR", {"README.md": "hello\n", "app.py": ""}, ["settings block"], ["sdk: gradio"], "edit", "README.md", "a README.md without a block"),
    ("BAD_SDK", "CONFIG_ERROR", {"README.md": "---\nsdk: fortran\n---\n", "app.py": ""}, ["fortran", "line 2"], ["sdk:"], "edit", "README.md", "sdk: fortran"),
    ("SDK_NOT_YET", "CONFIG_ERROR", {"README.md": "---\nsdk: docker\n---\n", "Dockerfile": "FROM x\n"}, ["docker"], ["gradio"], "edit", "README.md", "sdk: docker"),
    ("NO_APP_FILE", "NO_APP_FILE", {"README.md": HEAD.format(timeout="30s") , "other.py": ""}, ["app.py"], ["app_file"], "edit", "app.py", "no app.py"),
    ("UNRESOLVABLE", "BUILD_ERROR", app("", requirements_txt="idna==99.99\n"), ["idna==99.99"], ["requirements.txt"], "edit", "requirements.txt", "idna==99.99"),
    ("CONFLICT", "BUILD_ERROR", app("", requirements_txt="idna==3.6\nidna==3.7\n"), ["idna==3.6", "idna==3.7"], ["Loosen"], "edit", "requirements.txt",
     "idna==3.6 and idna==3.7"),
    ("PYTHON_VERSION", "BUILD_ERROR", app("", requirements_txt="audioop-lts==0.2.1\n"), ["audioop-lts==0.2.1", "3.13", "3.11"], ["older"], "edit",
     "requirements.txt", "audioop-lts, which is for Python 3.13"),
    ("INSTALL_FAILED", "BUILD_ERROR", app("", requirements_txt="sklearn==0.0.post12\n"), ["Failed to build", "sklearn"], ["build log"], "logs", "build",
     "the package sklearn, whose build only says that it is not the one you want"),
    ("PACKAGES_FAILED", "BUILD_ERROR", app("", packages_txt="no-such-package-here\n"), ["no-such-package-here"], ["Debian 12"], "edit", "packages.txt",
     "a name that Debian does not have"),
    ("MISSING_MODULE", "RUNTIME_ERROR", app("import cv2\n"), ["'cv2'"], ["opencv-python-headless", "requirements.txt"], "edit", "requirements.txt", "import cv2"),
    ("MISSING_LIBRARY", "RUNTIME_ERROR", app("import ctypes\nctypes.CDLL('libGL.so.1')\n"), ["libGL.so.1"], ["libgl1", "packages.txt"], "edit", "packages.txt",
     "loading libGL.so.1, as opencv-python does"),
    ("MISSING_PROGRAM", "RUNTIME_ERROR", app("import subprocess\nsubprocess.run(['ffmpeg', '-version'])\n"), ["'ffmpeg'"], ["ffmpeg", "packages.txt"], "edit",
     "packages.txt", "running ffmpeg"),
    ("SYNTAX_ERROR", "RUNTIME_ERROR", app("x = 1\nif x\n"), ["app.py", "line 2"], ["Fix"], "edit", "app.py", "an if without its colon"),
    ("CRASH_LOOP", "RUNTIME_ERROR", app("raise RuntimeError('marker-of-the-crash')\n"), ["3 times", "status 1"], ["traceback"], "restart", "",
     "an app that raises, three times"),
    ("EXITED", "RUNTIME_ERROR", app("print('done')\n"), ["status 0"], ["demo.launch()"], "logs", "run", "an app that just ends"),
    ("KILLED", "RUNTIME_ERROR", app("import os\nos.kill(os.getpid(), 11)\n"), ["signal 11"], ["log"], "logs", "run", "SIGSEGV, three times"),
    ("OUT_OF_MEMORY", "RUNTIME_ERROR", app(EAT, "120s"), ["memory"], ["less"], "restart", "", "allocating without end"),
    ("FOREIGN_SYSCALL", "RUNTIME_ERROR", app(FOREIGN), ["32-bit"], ["x86_64"], "logs", "run", "int 0x80 by hand"),
    ("BLOCKED_SYSCALL", "RUNTIME_ERROR", app(UNSHARE), ["unshare", "not permitted"], ["without it"], "logs", "run", "unshare(2)"),
    ("APP_DISK_FULL", "RUNTIME_ERROR", app(FILL), ["/tmp", "full"], ["/data"], "logs", "run", "writing to /tmp without end"),
    ("NETWORK_REFUSED", "RUNTIME_ERROR", app("import urllib.request\nurllib.request.urlopen('http://10.0.0.1/', timeout=9)\n"), ["10.0.0.1:80"], ["public"], "logs",
     "run", "a request to http://10.0.0.1/"),
    ("NETWORK_LIKELY", "RUNTIME_ERROR", app(RESET), ["reset", "probably"], ["public"], "logs", "run",
     "a peer that resets the connection"),
    ("PORT_ELSEWHERE", "RUNTIME_ERROR", app(SERVE.format(port=9000) + "s.serve_forever()\n", "4s"), ["9000", "7860"], ["7860"], "logs", "run", "listening on 9000"),
    ("NO_PORT", "RUNTIME_ERROR", app("import time\ntime.sleep(600)\n", "3s"), ["3 s", "7860"], ["startup_duration_timeout"], "edit", "README.md",
     "an app that sleeps; startup_duration_timeout: 3s"),
    ("NO_ANSWER", "RUNTIME_ERROR", app("import socket, time\ns = socket.create_server(('0.0.0.0', 7860))\ntime.sleep(600)\n", "3s"), ["7860", "3 s"],
     ["startup_duration_timeout"], "edit", "README.md", "a listener that never answers"),
]
# Passing states, and those that somebody wants: each has a test below.
ACTED = {
    "CRASHED": "the same crash, between two tries", "STARTING": "an app that needs a while", "BUILD_STEP": "any build under way", "BUILD_QUEUED": "more builds than run at once",
    "SUPERSEDED": "a push during a build", "PAUSED": "POST …/pause", "ASLEEP": "sleep time 1 s and no visitor", "PORT_CLOSED": "an app that closes its listener and lives on",
    "REPO_TOO_BIG": "a push of 120,000 files: 300 folders, each the same", "DISK_FULL": "a build on a server's disk that is too small for it",
    "BUILD_DISK": "a build that installs more than --build-disk",
    "INDEX_UNREACHABLE": "a server whose index is a closed port", "PLATFORM_RESTARTING": "kill -9 of the server, and a launcher that takes its time",
    "IMAGE_MISSING": "the app's image deleted behind the server's back", "SECRETS_UNREADABLE": "a server started without its keys/master.key",
    "START_TURN": "a start of the server with six apps that need a while",
}
NOT_HERE = {
    "ENV_TOO_BIG": "a unit test: 30 GB", "BUILD_TIMEOUT": "a unit test in virtual time: an hour", "BUILD_MEMORY": "a unit test: 8 GB",
    "BUILD_FAILED": "a unit test: no step that ends otherwise is known", "BUILD_SANDBOX": "a unit test with a launcher that refuses",
    "VARIABLES_TOO_BIG": "a unit test: 1.2 MB of variables, which the API refuses", "NOT_EXECUTABLE": "a unit test",
    "SANDBOX_FAILED": "a unit test with a launcher that refuses", "NO_SLOT": "a unit test: all slots taken",
}
seen = {}


def rows_of_def():
    return re.findall(r"^CAUSE\((\w+),\s*(\w+),", DEF.read_text(), re.M)


def name_of(code):
    return "why-" + code.lower().replace("_", "-")


def push(server, name, files):
    """One commit, as git would bring it: huggingface_hub's own looks at README.md first and refuses what is wrong there."""
    server.api().create_repo(f"{server.owner}/{name}", repo_type="space", space_sdk="gradio", exist_ok=True)
    lines = [{"key": "header", "value": {"summary": "x", "description": ""}}]
    lines += [{"key": "file", "value": {"path": p, "encoding": "base64", "content": base64.b64encode(t.encode()).decode()}} for p, t in files.items()]
    answer = httpx.post(f"{server.url}/api/spaces/{server.owner}/{name}/commit/main", content="\n".join(map(json.dumps, lines)), timeout=60,
                        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text


def runtime(server, name):
    return httpx.get(f"{server.url}/api/spaces/{server.owner}/{name}/runtime", headers={"Authorization": f"Bearer {server.token}"}).json()


def cause(server, name):
    return runtime(server, name).get("cause") or {}


def page(server, name):
    answer = httpx.get(f"{server.url}/spaces/{server.owner}/{name}", headers={"Accept": "text/html", "Authorization": f"Bearer {server.token}"})
    assert answer.status_code == 200
    return html.unescape(answer.text)


def note(code, c, how):
    seen[code] = (how, c["message"], c["next"], c["action"]["kind"])


@pytest.fixture(scope="module")
def pushed(server):
    """All of them at once: builds queue, runs overlap."""
    for code, _, files, *_ in CASES:
        push(server, name_of(code), files)
    return server


def test_builds_say_what_they_wait_for(pushed):
    """Right after the pushes: some build, some wait, and none is silent."""
    got = {}

    def both():
        for code, *_ in CASES:
            c = cause(pushed, name_of(code))
            if c.get("code") in ("BUILD_STEP", "BUILD_QUEUED"):
                got.setdefault(c["code"], c)
            assert c or runtime(pushed, name_of(code))["stage"] == "RUNNING", name_of(code)
        return len(got) == 2 or not got
    push(pushed, "why-queue-1", app("1", packages_txt="no-such-package-1\n"))
    push(pushed, "why-queue-2", app("2", packages_txt="no-such-package-2\n"))
    push(pushed, "why-queue-3", app("3", packages_txt="no-such-package-3\n"))
    push(pushed, "why-queue-3", app("4", packages_txt="no-such-package-4\n"))
    both()
    third = cause(pushed, "why-queue-3")
    if third.get("code") == "SUPERSEDED":
        note("SUPERSEDED", third, ACTED["SUPERSEDED"])
    for code, c in got.items():
        assert c["action"]["kind"] == "wait"
        note(code, c, ACTED[code])
    assert "SUPERSEDED" in seen and got


@pytest.mark.parametrize("row", CASES, ids=[c[0] for c in CASES])
def test_cause(pushed, row):
    code, stage, _, words, next_words, kind, target, how = row
    server, name = pushed, name_of(code)
    now = wait_for(lambda: (lambda r: r["stage"] in ("CONFIG_ERROR", "NO_APP_FILE", "BUILD_ERROR", "RUNTIME_ERROR") and r)(runtime(server, name)), 120, 0.2)
    c = now["cause"]
    assert (now["stage"], c["code"]) == (stage, code), c
    assert now["errorMessage"] == c["message"]
    for word in words:
        assert word in c["message"], (word, c)
    for word in next_words:
        assert word in c["next"], (word, c)
    assert (c["action"]["kind"], c["action"]["target"]) == (kind, target)
    assert c["since"]
    if code == "CRASH_LOOP":
        assert "Traceback" in c["evidence"] and "marker-of-the-crash" in c["evidence"]
    shown = page(server, name)
    assert c["message"] in shown and c["next"] in shown
    assert c["action"]["label"] in shown or kind == "restart"
    down = httpx.get(server.app_url(f"{server.owner}-{name}"), headers={"Accept": "application/json"})
    assert down.status_code == 503 and down.json()["cause"]["code"] == code and "evidence" not in down.json()["cause"]
    if code in ("CONFLICT", "MISSING_LIBRARY", "NO_APP_FILE"):
        said = server.cli("status", f"{server.owner}/{name}")
        assert c["message"] in said.stdout + said.stderr and c["next"] in said.stdout + said.stderr
    note(code, c, how)


def test_a_crash_between_two_tries_says_when_it_is_started_again(server):
    push(server, "why-again", app("raise RuntimeError('x')\n"))
    c = wait_for(lambda: (lambda c: c.get("code") == "CRASHED" and c)(cause(server, "why-again")), 60)
    assert "It is started again in" in c["message"] and c["retryAt"]
    note("CRASHED", c, ACTED["CRASHED"])


def test_starting_paused_asleep(server):
    push(server, "why-acted", app("import time\ntime.sleep(3)\n" + SERVE.format(port=7860) + "s.serve_forever()\n"))
    c = wait_for(lambda: (lambda c: c.get("code") == "STARTING" and c)(cause(server, "why-acted")), 60)
    note("STARTING", c, ACTED["STARTING"])
    waits = httpx.get(server.app_url(f"{server.owner}-why-acted"), headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert waits.status_code == 503 and "has not answered on port 7860" in waits.text
    wait_for(lambda: runtime(server, "why-acted")["stage"] == "RUNNING", 60)
    api, space = server.api(), f"{server.owner}/why-acted"
    assert runtime(server, "why-acted")["gcTimeout"] == 172800
    api.set_space_sleep_time(space, 1)
    wait_for(lambda: runtime(server, "why-acted")["stage"] == "SLEEPING", 30)
    assert runtime(server, "why-acted")["gcTimeout"] == 1
    note("ASLEEP", cause(server, "why-acted"), ACTED["ASLEEP"])
    robot = httpx.get(server.app_url(f"{server.owner}-why-acted"), headers={"User-Agent": "somebot/1"})
    assert robot.status_code == 503 and runtime(server, "why-acted")["stage"] == "SLEEPING"
    api.set_space_sleep_time(space, -1)
    assert runtime(server, "why-acted")["gcTimeout"] is None
    assert httpx.get(server.app_url(f"{server.owner}-why-acted"), timeout=40).text == "up"      # a visit wakes it, and is held until it answers
    assert api.pause_space(space).stage == "PAUSED"
    c = cause(server, "why-acted")
    assert f"by {server.owner} on 20" in c["message"]
    assert c["message"] in page(server, "why-acted")
    note("PAUSED", c, ACTED["PAUSED"])
    api.delete_repo(space, repo_type="space")


def test_a_listener_that_closes_is_found(server):
    push(server, "why-closed", app(SERVE.format(port=7860) + "threading.Thread(target=s.serve_forever).start()\ntime.sleep(1)\n"
                                   "s.shutdown()\ns.server_close()\nprint('closed')\ntime.sleep(600)\n"))
    url = server.app_url(f"{server.owner}-why-closed")

    def visited():
        try:
            httpx.get(url, timeout=1)
        except httpx.HTTPError:
            pass                        # held or refused: what edge then says is the point
        return (lambda c: c.get("code") == "PORT_CLOSED" and c)(cause(server, "why-closed"))
    c = wait_for(visited, 60, 0.3)
    assert "7860" in c["message"]
    note("PORT_CLOSED", c, ACTED["PORT_CLOSED"])
    server.api().delete_repo(f"{server.owner}/why-closed", repo_type="space")


def test_too_many_files(server, tmp_path):
    """Few objects, many files: the limit is about what a checkout would be."""
    name, env = "why-repo-too-big", dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", NO_PROXY="*")

    def git(*args, text=None):
        return subprocess.run(["git", "-C", tmp_path, *args], input=text, env=env, capture_output=True, text=True, check=True).stdout.strip()

    def tree(rows):
        return git("mktree", text="".join(f"{mode} {kind} {oid}\t{path}\n" for mode, kind, oid, path in rows))
    server.api().create_repo(f"{server.owner}/{name}", repo_type="space", space_sdk="gradio")
    git("init", "-q")
    readme, empty = (git("hash-object", "-w", "--stdin", text=t) for t in (HEAD.format(timeout="30s"), ""))
    folder = tree([("100644", "blob", empty, f"f{i}") for i in range(400)])
    top = tree([("040000", "tree", folder, f"d{i}") for i in range(300)] + [("100644", "blob", readme, "README.md"), ("100644", "blob", empty, "app.py")])
    commit = git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit-tree", "-m", "many", top)
    git("push", "-qf", server.url.replace("://", f"://admin:{server.token}@") + f"/spaces/{server.owner}/{name}", f"{commit}:refs/heads/main")
    c = wait_for(lambda: (lambda r: r["stage"] == "BUILD_ERROR" and r["cause"])(runtime(server, name)), 60, 0.2)
    assert c["code"] == "REPO_TOO_BIG" and "100000 files" in c["message"] and c["action"]["kind"] == "edit"
    note("REPO_TOO_BIG", c, ACTED["REPO_TOO_BIG"])


def borrow_images(server, to, put, envs):
    """The images that every server shares, by PUT (a link or a copy) in a folder of a server's own; with the environment of why-acted or without."""
    home = pathlib.Path.home() / ".cache/vitrine/images"
    shutil.copytree(home / "cache", to / "cache", symlinks=True, copy_function=put, dirs_exist_ok=True, ignore=lambda *_: {"make-images.log"})
    with sqlite3.connect(f"file:{server.state}/vitrine.db?mode=ro", uri=True) as db:
        known = {h for (h,) in db.execute("SELECT env FROM builds JOIN repos ON repos.id = builds.repo WHERE name = 'why-crash-loop' AND env != ''")}
    for kind in ("base", "tools"):
        shutil.copyfile(home / f"{kind}.current", to / f"{kind}.current")
        put(home / f"{kind}-{(home / f'{kind}.current').read_text().strip()}.erofs", to)
    for h in known if envs else ():
        put(home / f"env-{h}.erofs", to)


def link(a, b):
    try:
        os.link(a, b / pathlib.Path(a).name if pathlib.Path(b).is_dir() else b)
    except OSError:
        shutil.copy2(a, b)              # another file system


@pytest.fixture(scope="module")
def odd(pushed):
    """A server of this file's own, to be broken: its images are links to what is there, its package index is a closed port."""
    if not hasattr(pushed.process, "pid"):
        missing("a server that somebody else runs lends no images")
    s = make_server()
    s.images = s.state.parent / "images"
    s.images.mkdir()
    s.env = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{free_port()}/simple", "UV_HTTP_RETRIES": "0"}
    wait_for(lambda: runtime(pushed, name_of("CRASH_LOOP"))["stage"] in ("RUNTIME_ERROR", "APP_STARTING"), 120, 0.2)
    borrow_images(pushed, s.images, link, True)
    s.start()
    yield s
    s.stop()
    shutil.copyfile(s.log, ROOT / "build" / "test-odd-server.log")
    shutil.rmtree(s.state.parent, ignore_errors=True)


TURNS = 6


def test_images_and_index_that_are_not_there(odd):
    before = set(odd.images.glob("app-*"))
    push(odd, "why-image", app(SERVE.format(port=7860) + "s.serve_forever()  # an image of its own\n"))
    wait_for(lambda: runtime(odd, "why-image")["stage"] == "RUNNING", 60, 0.1)
    image = (set(odd.images.glob("app-*")) - before).pop()
    odd.api().pause_space(f"{odd.owner}/why-image")
    for i in range(TURNS):
        push(odd, f"why-turn-{i}", app("import time\ntime.sleep(2)\n" + SERVE.format(port=7860) + "s.serve_forever()\n"))
    push(odd, "why-index", app("", requirements_txt="idna\n"))
    odd.api().add_space_secret(f"{odd.owner}/why-turn-0", "THE_SECRET", "x")
    c = wait_for(lambda: (lambda r: r["stage"] == "BUILD_ERROR" and r["cause"])(runtime(odd, "why-index")), 60, 0.2)
    assert c["code"] == "INDEX_UNREACHABLE" and "/simple/" in c["message"] and c["action"] == {"kind": "operator", "label": "Restart", "target": "vitrine check"}
    note("INDEX_UNREACHABLE", c, ACTED["INDEX_UNREACHABLE"])
    for i in range(TURNS):
        wait_for(lambda i=i: runtime(odd, f"why-turn-{i}")["stage"] == "RUNNING", 60, 0.1)
    odd.stop()
    key = odd.state / "keys" / "master.key"
    key.rename(key.with_name("away"))
    odd.start()
    turns = [c for c in (cause(odd, f"why-turn-{i}") for i in range(TURNS)) if c.get("code") == "START_TURN"]
    assert turns and turns[0]["action"]["kind"] == "wait"
    note("START_TURN", turns[0], ACTED["START_TURN"])
    c = wait_for(lambda: (lambda c: c.get("code") == "SECRETS_UNREADABLE" and c)(cause(odd, "why-turn-0")), 60, 0.1)
    assert "THE_SECRET" not in c["message"] and "master.key" in c["next"]
    assert any("THE_SECRET" in line for line in odd.api().fetch_space_logs(f"{odd.owner}/why-turn-0"))
    note("SECRETS_UNREADABLE", c, ACTED["SECRETS_UNREADABLE"])
    assert "keys/master.key was missing" in odd.log.read_text()
    image.unlink()
    odd.api().restart_space(f"{odd.owner}/why-image")
    c = wait_for(lambda: (lambda c: c.get("code") == "IMAGE_MISSING" and c)(cause(odd, "why-image")), 60, 0.1)
    assert "The app image" in c["message"] and c["action"]["kind"] == "factory"
    note("IMAGE_MISSING", c, ACTED["IMAGE_MISSING"])
    odd.api().restart_space(f"{odd.owner}/why-image")           # builds what is missing; a factory rebuild would ask the index
    wait_for(lambda: runtime(odd, "why-image")["stage"] == "RUNNING", 60, 0.1)


def test_the_server_is_killed_and_comes_back(odd):
    """The launcher is stopped as soon as it has started the next server, which then waits for it: a moment made long."""
    url, (launcher,), (server,) = odd.app_url(f"{odd.owner}-why-turn-1"), odd.children("vitrine-launcher"), odd.children("vitrine-server")
    wait_for(lambda: runtime(odd, "why-turn-1")["stage"] == "RUNNING", 60, 0.1)
    assert httpx.get(url, timeout=20).text == "up"              # edge has sockets in its network now; the launcher makes them
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: [p for p in odd.children("vitrine-server") if p != server], 20, 0.001)
    os.kill(launcher, signal.SIGSTOP)
    try:
        c = cause(odd, "why-turn-1")
        assert c["code"] == "PLATFORM_RESTARTING" and c["action"]["kind"] == "wait"
        assert c["message"] in page(odd, "why-turn-1")
        assert httpx.get(url, timeout=20).text == "up"          # what runs is not disturbed
        note("PLATFORM_RESTARTING", c, ACTED["PLATFORM_RESTARTING"])
    finally:
        os.kill(launcher, signal.SIGCONT)
    wait_for(lambda: runtime(odd, "why-turn-1")["stage"] == "RUNNING" and not cause(odd, "why-turn-1"), 60, 0.1)


def test_a_disk_that_is_full(odd, server):
    """Room for the images of the platform, and for nothing that a build would install."""
    s = make_server()
    s.images = s.state.parent / "images"
    s.images.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", s.images], check=True)
    try:
        borrow_images(server, s.images, shutil.copy2, False)
        s.start()
        push(s, "why-disk", app(""))
        c = wait_for(lambda: (lambda r: r["stage"] == "BUILD_ERROR" and r["cause"])(runtime(s, "why-disk")), 120, 0.2)
        assert c["code"] == "DISK_FULL" and c["action"] == {"kind": "operator", "label": "Build again", "target": "vitrine check"}
        note("DISK_FULL", c, ACTED["DISK_FULL"])
    finally:
        s.stop()
        subprocess.run(["umount", "-l", s.images], check=True)
        shutil.rmtree(s.state.parent, ignore_errors=True)


def cells_of(row):
    return [c.replace("\\|", "|").strip("` ") for c in re.split(r"(?<!\\)\|", row)[1:-1]]


def pattern_of(text):
    """What a row of causes.def may read as; a crash adds when it is tried again."""
    return ".*".join(re.escape(p.replace('\\"', '"')) for p in re.split("%[ds]", text)) + "( It is started again in .*)?"


def test_the_table_has_every_cause():
    lines = ["# Why a Space is in its state", "",
             "What this is for: every cause that vitrine tells, how the tests produce it, and what it says to do. Written by",
             "`tests/integration/test_causes.py` to `build/causes.md`; copy it here when a row of `runtime/space/causes.def` changes.", "",
             "| cause | stage | produced by | sentence | next action | action |", "| --- | --- | --- | --- | --- | --- |"]
    texts = dict(re.findall(r'^CAUSE\((\w+),\s*\w+,\s*"((?:[^"\\]|\\.)*)"', DEF.read_text(), re.M))
    nexts = dict(re.findall(r'^CAUSE\((\w+),\s*\w+,\s*"(?:[^"\\]|\\.)*",\s*"((?:[^"\\]|\\.)*)"', DEF.read_text(), re.M))
    kinds = dict(re.findall(r'^CAUSE\((\w+),.*,\s*(\w+), "[^"]*", "[^"]*"\)$', DEF.read_text(), re.M))
    for code, stage in rows_of_def():
        how, text, then, kind = seen.get(code, (NOT_HERE.get(code) or ACTED.get(code), texts[code].replace('\\"', '"'), nexts[code], kinds[code].lower()))
        assert how or any(c[0] == code for c in CASES), f"{code} is neither produced nor explained"
        cells = [f"`{code}`", stage, how or next(c[7] for c in CASES if c[0] == code), text, then, kind]
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    pathlib.Path(ROOT, "build").mkdir(exist_ok=True)
    pathlib.Path(ROOT, "build/causes.md").write_text("\n".join(lines) + "\n")
    kept = (ROOT / "docs/causes.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", kept, re.M) == [code for code, _ in rows_of_def()], "docs/causes.md has other rows: copy build/causes.md there"
    for row in lines[7:]:
        code, stage, how, text, then, kind = cells_of(row)
        there = next((cells_of(r) for r in kept.splitlines() if r.startswith(f"| `{code}` |")), None)
        assert there and there[:3] == [code, stage, how] and there[5] == kind, f"docs/causes.md is stale at {code}: copy build/causes.md there"
        for said, fixed in ((there[3], texts[code]), (there[4], nexts[code])):
            assert re.fullmatch(pattern_of(fixed), said), f"docs/causes.md is stale at {code}: copy build/causes.md there"


def test_a_disk_of_its_own_that_is_full(odd, server):
    """What an app and a build may write is bounded by the operator: the page says which bound it was, and others have theirs."""
    s = make_server()
    s.images = s.state.parent / "images"
    s.images.mkdir()
    s.options = ["--app-disk", "64M", "--build-disk", "64M"]
    try:
        borrow_images(server, s.images, link, True)
        s.start()
        push(s, "why-app-disk", app(FILL.replace("/tmp", "/home/user")))
        push(s, "why-build-disk", app("", requirements_txt="scipy\n"))
        c = wait_for(lambda: (lambda c: c.get("code") == "APP_DISK_FULL" and c)(cause(s, "why-app-disk")), 60, 0.05)
        assert "its disk of 6" in c["message"] and "no room" in c["message"] and c["message"] in page(s, "why-app-disk")
        c = wait_for(lambda: (lambda r: r["stage"] == "BUILD_ERROR" and r["cause"])(runtime(s, "why-build-disk")), 200, 0.2)
        assert c["code"] == "BUILD_DISK" and "its disk's 6" in c["message"] and c["action"]["kind"] == "edit"
        note("BUILD_DISK", c, ACTED["BUILD_DISK"])
    finally:
        s.stop()
        shutil.rmtree(s.state.parent, ignore_errors=True)
