"""kill -9 of each program: what must go on goes on, what was acknowledged is there."""
import os
import signal
import socket
import threading
import time

import httpx
import pytest

from conftest import wait_for

APP = ("import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n"
       "    protocol_version = 'HTTP/1.1'\n"
       "    def do_GET(self):\n"
       "        self.send_response(200); self.send_header('Content-Length', '5'); self.end_headers(); self.wfile.write(b'alive')\n"
       "    do_HEAD = do_GET\n"
       "http.server.ThreadingHTTPServer(('0.0.0.0', 7860), H).serve_forever()\n")
README = "---\ntitle: T\nsdk: gradio\nsdk_version: 6.31.0\n---\n"


@pytest.fixture
def running(own_server):
    run = own_server.deploy("survivor", {"app.py": APP, "README.md": README})
    assert run.returncode == 0, run.stdout + run.stderr
    return own_server


def tunnel(server, label):
    """A keep-alive connection to the app."""
    s = socket.create_connection(("127.0.0.1", server.port), 10)
    head = f"GET / HTTP/1.1\r\nHost: {label}.localhost:{server.port}\r\n\r\n".encode()

    def ask():
        s.sendall(head)
        got = b""
        while not got.endswith(b"alive"):
            piece = s.recv(4096)
            if not piece:
                raise ConnectionError("closed")
            got += piece
        return got
    return ask


def test_server_killed_apps_and_connections_carry_on(running):
    server = running
    ask = tunnel(server, "admin-survivor")
    assert ask()
    [pid] = server.children("vitrine-server")
    os.kill(pid, signal.SIGKILL)
    assert ask()                                                        # the same connection
    assert httpx.get(server.app_url("admin-survivor")).text == "alive"  # a new one
    answer = httpx.get(f"{server.url}/api/spaces/admin/survivor", headers={"Authorization": f"Bearer {server.token}"}, timeout=15)
    assert answer.status_code == 200                                    # held, not refused
    wait_for(lambda: server.api().get_space_runtime("admin/survivor").stage == "RUNNING", 20)
    assert server.children("vitrine-server") != [pid]
    assert ask()


def test_edge_killed_nobody_is_refused(running):
    server = running
    [pid] = server.children("vitrine-edge")
    refused, answered, stop = [], [], threading.Event()

    def visit():
        while not stop.is_set():
            try:
                s = socket.create_connection(("127.0.0.1", server.port), 10)
            except ConnectionRefusedError as e:
                refused.append(e)
                continue
            try:
                s.sendall(f"GET / HTTP/1.1\r\nHost: admin-survivor.localhost\r\nConnection: close\r\n\r\n".encode())
                s.settimeout(10)
                if b"alive" in s.makefile("rb").read():
                    answered.append(time.monotonic())
            except OSError:
                pass                    # in flight when edge died: may break
            finally:
                s.close()
    visitor = threading.Thread(target=visit)
    visitor.start()
    wait_for(lambda: len(answered) > 3)
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: answered[-1] > killed + 0.5, 20)
    stop.set()
    visitor.join()
    assert not refused
    assert server.api().get_space_runtime("admin/survivor").stage == "RUNNING"


def test_everything_killed_and_started_again(running):
    server = running
    api = server.api()
    sha = api.upload_file(path_or_fileobj=b"x = 1\n", path_in_repo="extra.py", repo_id="admin/survivor", repo_type="space").oid
    api.create_repo("admin/second", repo_type="space", space_sdk="static")
    pids = [p for name in ("vitrine-launcher", "vitrine-server", "vitrine-edge", "vitrine-egress") for p in server.children(name)]
    os.kill(server.process.pid, signal.SIGKILL)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    server.process.wait(10)
    server.start()
    api = server.api()
    assert api.space_info("admin/survivor").sha == sha
    assert api.repo_exists("admin/second", repo_type="space")
    wait_for(lambda: api.get_space_runtime("admin/survivor").stage == "RUNNING", 60)
    assert httpx.get(server.app_url("admin-survivor")).text == "alive"


def leftovers():
    """Mounts, cgroups, network namespaces and processes that carry our name."""
    found = [line for line in open("/proc/mounts") if "vitrine-test" in line or "vitrine/slot" in line]
    for root, dirs, _ in os.walk("/sys/fs/cgroup"):
        found += [f"{root}/{d}" for d in dirs if d.startswith("vitrine")]
        if root.count("/") > 5:
            dirs.clear()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            uid = os.stat(f"/proc/{pid}").st_uid
        except OSError:
            continue
        if 100000 <= uid < 100000 + 65536 * 300:
            found.append(f"process {pid} of uid {uid}")
    return found


def test_stop_leaves_nothing_behind():
    from conftest import make_server
    before = leftovers()
    server = make_server()
    server.start()
    run = server.deploy("passing", {"app.py": APP, "README.md": README})
    assert run.returncode == 0, run.stdout + run.stderr
    assert server.stop() == 0
    assert [x for x in leftovers() if x not in before] == []


def test_a_domain_that_does_not_resolve_here_is_served_all_the_same():
    from conftest import BIN, free_port
    import pathlib
    import shutil
    import subprocess
    import tempfile
    state = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp", prefix="vitrine-test-"))
    port = free_port()
    p = subprocess.Popen([BIN / "vitrine", "serve", "--state", state / "state", "--domain", "apps.example.invalid", "--listen", f"0.0.0.0:{port}"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert any("Ctrl-C" in line for line in p.stdout)
        answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"apps.example.invalid:{port}"})
        assert answer.status_code == 200
    finally:
        p.terminate()
        p.wait(30)
        shutil.rmtree(state, ignore_errors=True)
