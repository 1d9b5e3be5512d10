"""vitrine dev --local: real apps in a sandbox that an ordinary user makes, and what they cannot do from there."""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("VITRINE_BIN", "build/release/bin")
UID = 4321                                     # nobody's; not root is all that counts
AS_USER = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i", "PATH=/usr/bin:/bin", "HOME=/nonexistent"]

APP = """
import http.server, json, os, pathlib
pathlib.Path("beside").write_text("x")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"env": dict(os.environ), "files": sorted(os.listdir()), "uid": os.getuid()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
print("up \\x1b]0;evil\\x07 \\u009b31m", flush=True)
http.server.ThreadingHTTPServer((os.environ["GRADIO_SERVER_NAME"], int(os.environ["GRADIO_SERVER_PORT"])), Answer).serve_forever()
"""


class Local:
    """A running `vitrine dev --local`."""

    def __init__(self, folder, *options):
        self.process = subprocess.Popen([*AS_USER, BIN / "vitrine", "dev", "--local", folder, "--port", "0", *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.said, self.url = "", None
        for line in self.process.stderr:
            self.said += line
            if found := re.search(r"answers at (http://localhost:\d+)", line):
                self.url = found[1]
                break

    def end(self, sig=signal.SIGINT):
        self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, self.said + err


@pytest.fixture
def folder():
    """Readable by the ordinary user, unlike pytest's."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="vitrine-local-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def put(folder, sdk, files, more=""):
    (folder / "README.md").write_text(f"---\ntitle: T\nsdk: {sdk}\n{more}---\n")
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def finish(folder, *options, timeout=60):
    r = subprocess.run([*AS_USER, BIN / "vitrine", "dev", "--local", folder, "--port", "0", *options], capture_output=True, text=True, errors="replace", timeout=timeout)
    return r.returncode, r.stdout, r.stderr


def script(folder, code):
    return finish(put(folder, "gradio", {"app.py": code}))


def left_of(marker):
    """Processes of the ordinary user whose command names MARKER."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker.encode() in open(f"/proc/{pid}/cmdline", "rb").read():
                found.append(int(pid))
        except OSError:
            pass
    return found


def test_a_static_folder_answers(folder):
    app = Local(put(folder, "static", {"index.html": "<h1>here</h1>"}))
    assert httpx.get(app.url).text == "<h1>here</h1>"
    assert app.end()[0] == 0


def test_a_python_app_gets_its_environment_and_leaves_the_folder_as_it_is(folder):
    app = Local(put(folder, "gradio", {"app.py": APP}), "--env", "COLOUR=red")
    seen = httpx.get(app.url).json()
    assert seen["env"]["COLOUR"] == "red" and seen["env"]["GRADIO_SERVER_PORT"] == "7860" and seen["env"]["SYSTEM"] == "spaces"
    assert seen["files"] == ["README.md", "app.py", "beside"] and seen["uid"] == 1000
    big = os.urandom(1 << 20)
    assert httpx.post(app.url, content=big).content == big
    code, out, _ = app.end()
    assert code == 0 and out.startswith("up ?]0;evil?") and "\x1b" not in out and "\x9b" not in out
    assert sorted(os.listdir(folder)) == ["README.md", "app.py"]
    assert left_of(str(folder)) == []


def test_what_is_outside_cannot_be_reached(folder):
    """The same attempts succeed for the same user without a sandbox."""
    host = socket.create_server(("127.0.0.1", 0))
    door = socket.socket(socket.AF_UNIX)
    door.bind("\0vitrine-local-test-%d" % os.getpid())
    door.listen()
    secret = folder.parent / (folder.name + "-secret")
    secret.write_text("of the user")
    os.chown(secret, UID, UID)
    os.chmod(secret, 0o600)
    victim = subprocess.Popen([*AS_USER, "sleep", "600"])
    attempts = f"""
import ctypes, os, signal, socket
def unix():
    s = socket.socket(socket.AF_UNIX); s.connect("\\0vitrine-local-test-{os.getpid()}")
def call(n, *a):
    if ctypes.CDLL(None, use_errno=True).syscall(n, *a) < 0: raise OSError(ctypes.get_errno(), "no")
attempts = dict(
    file=lambda: open("{secret}").read(),
    tcp=lambda: socket.create_connection(("127.0.0.1", {host.getsockname()[1]}), 2),
    abstract=unix,
    signal=lambda: os.kill({victim.pid}, 0),
    proc=lambda: open("/proc/{victim.pid}/status").read(),
    userns=lambda: call(272, 0x10000000),
    write=lambda: open("{folder}/new", "w"),
)
for name, attempt in attempts.items():
    try:
        attempt(); print(name, "yes")
    except OSError as e:
        print(name, "no")
"""
    try:
        os.chmod(folder, 0o777)
        plain = subprocess.run([*AS_USER, "python3", "-c", attempts], capture_output=True, text=True, check=True).stdout.split("\n")
        code, out, err = script(folder, attempts)
        assert plain.count("") == 1 and all(line.endswith("yes") for line in plain if line), plain
        lines = [line for line in out.split("\n") if line]
        assert code == 0 and len(lines) == 7 and all(line.endswith("no") for line in lines), out + err
    finally:
        victim.kill()
        victim.wait()
        secret.unlink()
        host.close()
        door.close()


def test_the_app_has_no_rights_and_its_filter_and_limits(folder):
    code, out, err = script(folder, """
import os, resource
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"], resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_CORE)[1])
print(sorted(os.listdir("/")), sorted(os.listdir("/home")), [p for p in os.listdir("/proc") if p.isdigit()])
print([f for f in ("/etc/x", "/usr/x", "/dev/x", "/proc/sys/x", "/x") if os.access(os.path.dirname(f), os.W_OK)])
""")
    lines = out.split("\n")
    assert code == 0 and lines[0] == "0000000000000000 0000000000000000 1 2 4096 0", out + err
    assert "'work'" not in lines[1] and "'root'" not in lines[1] and "['user'] ['2']" in lines[1]
    assert lines[2] == "[]"


def test_visitors_who_come_at_once_are_all_answered(folder):
    app = Local(put(folder, "gradio", {"app.py": APP}))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(httpx.get(app.url).status_code)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [200] * 8
    app.end()


def test_who_comes_while_the_app_starts_waits_for_it(folder):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    put(folder, "gradio", {"app.py": "print('begun', flush=True)\n" + APP})
    process = subprocess.Popen([*AS_USER, BIN / "vitrine", "dev", "--local", folder, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"begun\n"              # the door is open before the program starts, which listens later
    assert httpx.get(f"http://127.0.0.1:{port}").status_code == 200
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


def test_with_the_users_network_it_is_not_offered_to_neighbours(folder):
    """--network: its namespace is the host's."""
    put(folder, "gradio", {"app.py": "import os; print(os.environ['GRADIO_SERVER_NAME'], open('/proc/net/route').read().count('\\n'))"})
    routes = open("/proc/net/route").read().count("\n")
    code, out, err = finish(folder, "--network")
    assert code == 0 and out == f"127.0.0.1 {routes}\n", err


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_it_ends(folder, sig):
    marker = folder.name
    app = Local(put(folder, "gradio", {"app.py": f"import subprocess\nsubprocess.Popen(['sleep', '987654321'])\n# {marker}\n" + APP}))
    assert left_of("987654321")
    app.process.send_signal(sig)
    app.process.communicate(timeout=20)         # its pipes end with the last process that holds them
    assert left_of(marker) == []
    pids = left_of("987654321")
    for pid in pids:                            # on its way out: wait for it, by event
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([fd], [], [], 10)[0]
        os.close(fd)


@pytest.mark.parametrize("files, more, said", [
    ({"app.py": "raise SystemExit(3)"}, "", "the app ended with status 3"),
    ({"app.py": "import os; os.abort()"}, "", "ended by signal 6"),
    ({}, "", "app.py is not there"),
    ({"app.py": ""}, "app_file: other.py\n", "other.py is not there"),
])
def test_every_failure_has_its_sentence(folder, files, more, said):
    code, _, err = finish(put(folder, "gradio", files, more))
    assert code == 1 and said in err, err


def test_wrong_use_is_explained(folder):
    put(folder, "docker", {"Dockerfile": "FROM x"})
    assert "cannot be run" in finish(folder)[2]
    put(folder, "gradio", {"app.py": ""})
    assert "no virtual environment" in finish(folder, "--venv", str(folder))[2]
    (folder / "README.md").write_text("---\nsdk: [\n---\n")
    assert "README.md: line" in finish(folder)[2]
    root = subprocess.run([BIN / "vitrine", "dev", "--local", folder], capture_output=True, text=True)
    assert root.returncode == 1 and "vitrine serve" in root.stderr
    assert subprocess.run([*AS_USER, BIN / "vitrine", "dev", folder], capture_output=True).returncode == 2


def test_a_virtual_environment_is_seen_where_it_is(folder):
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    site = next((folder / ".venv/lib").glob("python3*/site-packages"))
    (site / "only_here.py").write_text("word = 'found'")
    code, out, err = script(folder, "import only_here, sys; print(only_here.word, sys.prefix)")
    assert code == 0 and out == f"found {folder}/.venv\n", err


@pytest.mark.parametrize("user", [[], AS_USER])
def test_what_is_weaker_is_said(user):
    r = subprocess.run([*user, BIN / "vitrine-local", "--check"], capture_output=True, text=True)
    said = json.loads(r.stdout)
    assert r.returncode == 0 and said["works"] and {"memory, CPU and disk", "user ids", "network"} <= {row["what"] for row in said["weaker"]}


def test_a_machine_without_user_namespaces_is_told_so():
    """In a user namespace of its own whose count of further ones is 0."""
    r = subprocess.run([*AS_USER, "unshare", "-U", "--map-current-user", "--keep-caps", "sh", "-c", f"echo 0 > /proc/sys/user/max_user_namespaces; exec {BIN}/vitrine-local --check"],
                       capture_output=True, text=True)
    said = json.loads(r.stdout)
    assert r.returncode == 1 and not said["works"] and "user namespaces" in said["why"]
