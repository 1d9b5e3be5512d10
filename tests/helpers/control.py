"""vitrine-server alone with a launcher of the tests' own behind it: the control plane without edge, root or sandboxes.

The sockets that the launcher would make are made here: a unix socket for HTTP and WebSockets, the route and the
admin socket. Nothing runs; LIST and IMAGES are empty, what would start a slot is refused.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = struct.Struct("<HHIII")


def messages(header, prefix):
    """Names of a channel's messages in the order of its table."""
    text = (ROOT / "sandbox/proto" / header).read_text()
    table = re.search(rf"#define {prefix}_MSGS\(X\)(.*?)\n\n", text, re.S).group(1)
    return re.findall(r"X\((\w+),", table)


LAUNCH = messages("launch.h", "LAUNCH")
ROUTE = messages("route.h", "ROUTE")


class FakeLauncher(threading.Thread):
    """Answers PROBE, LIST and IMAGES; can be made silent."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock, self.silent = sock, False

    def answer(self, name, seq, body):
        self.sock.send(HEAD.pack(1, LAUNCH.index(name), seq, len(body), 0) + body)

    def run(self):
        while True:
            try:
                data = self.sock.recv(8192)
            except OSError:
                return
            if not data:
                return
            _, kind, seq, _, _ = HEAD.unpack(data[:16])
            if self.silent:
                continue
            name = LAUNCH[kind]
            if name == "PROBE":
                self.answer("PROBE_IS", seq, struct.pack("<IIII64s400s", 2, 1, 1, 0, b"6.1", b""))
            elif name in ("LIST", "IMAGES", "IMAGE_DROP", "SCRATCH_DROP", "FREEZE", "THAW"):
                self.answer("DONE", seq, bytes(8))
            elif name != "STOP":
                self.answer("REFUSED", seq, struct.pack("<Ii32s200s", 12, 0, b"none", b"no sandboxes here"))


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost:7860", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    def __init__(self, bin_folder, token="hf_testtesttesttest"):
        self.bin, self.token = pathlib.Path(bin_folder), token
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="vitrine-control-"))
        self.process = self.launcher = None

    def listen(self, name, kind=socket.SOCK_STREAM):
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind(str(self.state / name))
        s.listen(64)
        return s

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for name in ("http", "ws", "route", "admin"):
            (self.state / name).unlink(missing_ok=True)
        fds = {"launch": theirs, "http": self.listen("http"), "ws": self.listen("ws"),
               "route": self.listen("route", socket.SOCK_SEQPACKET), "admin": self.listen("admin")}
        self.launcher = FakeLauncher(ours)
        self.launcher.start()
        args = [a for name, s in fds.items() for a in (f"--{name}-fd", str(s.fileno()))]
        with open(self.state / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "vitrine-server", "--state", self.state, "--listen-name", "localhost:7860", "--edge-uid", str(os.getuid()), *args],
                pass_fds=[s.fileno() for s in fds.values()], stderr=log, env=dict(os.environ, VITRINE_ADMIN_TOKEN=self.token))
        for s in fds.values():
            s.close()
        return self

    def stop(self):
        self.process.terminate()
        code = self.process.wait(15)
        self.launcher.sock.close()
        return code

    def remove(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def log(self):
        return (self.state / "log").read_text(errors="replace")

    def ask(self, method, path, body=None, token=None, **headers):
        """(status, headers, body as text)"""
        c = UnixHTTP(str(self.state / "http"))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        c.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = c.getresponse()
        text = answer.read().decode(errors="replace")
        c.close()
        return answer.status, answer.headers, text

    def create(self, name, token=None, **more):
        status, _, text = self.ask("POST", "/api/repos/create", json.dumps({"name": name, "type": "space", "sdk": "static", **more}),
                                   token=token or self.token, Content_Type="application/json")
        assert status == 200, text

    def admin(self, **command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.state / "admin"))
            s.sendall(json.dumps(command).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def edge(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(20)
        s.connect(str(self.state / "route"))
        return s

    @staticmethod
    def route_of(sock):
        """(name, label, kind) of the next message to edge."""
        data = sock.recv(8192)
        name = ROUTE[HEAD.unpack(data[:16])[1]]
        label = data[16:80].rstrip(b"\0").decode() if name != "SYNCED" else ""
        return name, label
