"""One real vitrine for the whole run: started as an operator would, stopped with SIGTERM, and checked for leftovers.

The images are shared between runs (--images), the state is fresh. VITRINE_URL and VITRINE_TOKEN point the
tests at a server that already runs instead.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / os.environ.get("VITRINE_BIN", "build/release/bin")
# Started in the background of a script, Ctrl-C is ignored, and so it would be in every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
IN_CI = os.environ.get("CI") == "true"


def missing(reason):
    """A capability that this machine lacks: a reason to skip here, a failure in CI."""
    if IN_CI:
        pytest.fail(f"missing in CI: {reason}")
    pytest.skip(reason)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A `vitrine serve` of the tests' own."""

    def __init__(self, state, port, token, domain="localhost"):
        self.state, self.port, self.token, self.domain = state, port, token, domain
        self.admin_token = token
        self.url = f"http://{domain}:{port}"
        self.owner = "admin"
        self.process = None
        self.images = None              # the default ones, which all servers share
        self.env = {}
        self.options = []
        self.log = state.parent / f"{state.name}.log"

    def start(self, timeout=600):
        env = dict(os.environ, VITRINE_ADMIN_TOKEN=self.token, **self.env)
        more = ["--images", self.images] if self.images else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "vitrine", "serve", "--state", self.state, "--listen", f"{self.domain}:{self.port}", *more, *self.options],
                env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        up = threading.Event()

        def read():
            for line in self.process.stdout:
                with open(self.log, "a") as f:
                    f.write(line)
                if "stop " in line and "Ctrl-C" in line:
                    up.set()
            up.set()
        threading.Thread(target=read, daemon=True).start()
        if not up.wait(timeout) or self.process.poll() is not None:
            raise RuntimeError(f"vitrine serve did not come up:\n{self.log.read_text()[-4000:]}")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        return self.process.returncode if self.process else None

    def children(self, name):
        """Pids of this server's own programs called NAME, outside of sandboxes."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                kids = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                cmdline = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if pathlib.PurePath(cmdline).name == name:
                found.append(pid)       # a child of that name is a sandbox that waits for its app
            else:
                todo += [int(k) for k in kids]
        return found

    def client_env(self, home=None):
        """Environment for an unmodified Hugging Face client in a process of its own."""
        home = home or tempfile.mkdtemp(prefix="hf-home-")
        return dict(os.environ, HF_ENDPOINT=self.url, HF_TOKEN=self.token, HF_HOME=home, HF_HUB_DISABLE_UPDATE_CHECK="1",
                    HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1", VITRINE_URL=self.url, VITRINE_TOKEN=self.token,
                    NO_PROXY="localhost,.localhost,127.0.0.1,::1", no_proxy="localhost,.localhost,127.0.0.1,::1",
                    PATH=f"{ROOT}/build/venv/bin:{BIN}:{os.environ['PATH']}")

    def cli(self, *args, timeout=300, **kw):
        return subprocess.run([BIN / "vitrine", *map(str, args)], env=self.client_env(), capture_output=True, text=True, timeout=timeout, **kw)

    def admin(self, *args):
        return subprocess.run([BIN / "vitrine", "admin", *args, "--state", self.state], capture_output=True, text=True, timeout=60)

    def app_url(self, label):
        return f"http://{label}.{self.domain}:{self.port}"

    def api(self):
        from huggingface_hub import HfApi
        return HfApi(endpoint=self.url, token=self.token)

    def deploy(self, name, files, timeout=600):
        """Create ada/NAME from {path: text or bytes} by the CLI; returns the finished process."""
        with tempfile.TemporaryDirectory() as folder:
            for path, content in files.items():
                p = pathlib.Path(folder, path)
                p.parent.mkdir(parents=True, exist_ok=True)
                p.write_bytes(content if isinstance(content, bytes) else content.encode())
            return self.cli("deploy", folder, "--name", f"{self.owner}/{name}", timeout=timeout)


def make_server(port=None, token=None):
    base = pathlib.Path(os.environ.get("VITRINE_TEST_STATE", "/var/tmp")) / f"vitrine-test-{uuid.uuid4().hex[:8]}"
    base.mkdir(parents=True)
    return Server(base / "state", port or free_port(), token or "hf_" + uuid.uuid4().hex)


class Running(Server):
    """A server that somebody else started (VITRINE_URL)."""

    def __init__(self, url, token):
        super().__init__(pathlib.Path(os.environ.get("VITRINE_STATE", "/nonexistent/state")), int(url.rsplit(":", 1)[1]), token)
        self.url = url


@pytest.fixture(scope="session")
def server():
    if os.environ.get("VITRINE_URL"):
        yield Running(os.environ["VITRINE_URL"], os.environ["VITRINE_TOKEN"])
        return
    if os.geteuid() != 0:
        missing("sandboxes need root")
    s = make_server()
    s.start()
    yield s
    code = s.stop()
    shutil.copyfile(s.log, ROOT / "build" / "test-server.log")
    shutil.rmtree(s.state.parent, ignore_errors=True)
    assert code == 0, f"vitrine serve ended with {code} on SIGTERM; its log is build/test-server.log"


@pytest.fixture
def own_server():
    """A server of this one test, for tests that kill it."""
    if os.geteuid() != 0:
        missing("sandboxes need root")
    s = make_server()
    s.start()
    yield s
    s.stop()
    shutil.copyfile(s.log, ROOT / "build" / "test-own-server.log")
    shutil.rmtree(s.state.parent, ignore_errors=True)


def wait_for(what, timeout=60, every=0.05):
    """Poll WHAT() until it is true; returns its value. The last resort where no event can be waited for."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"still not true after {timeout} s: {what}")
        time.sleep(every)
