#!/usr/bin/env python3
"""Runs vitrine-edge alone: plays its launcher (DIAL is answered with sockets of this network namespace) and its
server (route.sock, http.sock and ws.sock in a run directory).

As a program, for traps.py and compare.py:
    edge_harness.py --app LABEL=PORT [--bin FILE] [--domain NAME] [--port N]
prints `edge http://127.0.0.1:PORT PID` and runs until the end of standard input.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = struct.Struct("<HHIII")
ENTRY = struct.Struct("<64s25s3xIIIIII512s")
ACCESS = struct.Struct("<Q25s515sI")
ACCESS_IS = struct.Struct("<Q25s515sIII")
FORGET = struct.Struct("<25s25s6x")
APP, STATIC, WAITING, DOWN = range(4)
PRIVATE, EMBED_OFF = 1, 2
TOKEN, COOKIE, SIGN, SIGN_ONCE = range(4)
DENIED, ALLOWED, UNCERTAIN = range(3)


def message_types(header, prefix):
    """Message numbers from the X-macro of a table in sandbox/proto, so that they cannot drift."""
    text = open(os.path.join(ROOT, "sandbox/proto", header)).read()
    table = text[text.index(f"#define {prefix}_MSGS(X)"):]
    return {name: i for i, name in enumerate(re.findall(r"X\((\w+),", table[:table.index("\n\n")]))}


LAUNCH = message_types("launch.h", "LAUNCH")
ROUTE = message_types("route.h", "ROUTE")


def binary():
    """The program under test: in the folder $VITRINE_BIN, else of the release build."""
    return os.path.join(ROOT, os.environ.get("VITRINE_BIN", "build/release/bin"), "vitrine-edge")


def space_id(label):
    return (label.encode().hex() + "0" * 24)[:24]


def message(kind, body, seq=0):
    return HEAD.pack(1, kind, seq, len(body), 0) + body


class Launcher(threading.Thread):
    """Answers DIAL. `refuse`: as for a slot that is gone."""

    def __init__(self):
        super().__init__(daemon=True)
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.refuse, self.dials, self.most = False, [], 32

    def run(self):
        while True:
            try:
                data = self.mine.recv(8192)
            except OSError:
                return
            if not data:
                return
            _, kind, seq, _, _ = HEAD.unpack_from(data)
            index, generation, count, family = struct.unpack_from("<IIII", data, HEAD.size)
            assert kind == LAUNCH["DIAL"], kind
            self.dials.append((index, generation, count, family))
            if self.refuse:
                self.mine.send(message(LAUNCH["SOCKETS"], struct.pack("<IIII", index, generation, 0, 4), seq))
                continue
            count = min(count, self.most)
            made = [socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET) for _ in range(count)]
            body = struct.pack("<IIII", index, generation, count, 0)
            socket.send_fds(self.mine, [message(LAUNCH["SOCKETS"], body, seq)], [s.fileno() for s in made])
            for s in made:
                s.close()


def read_request(conn, buf):
    """(method, target, headers, body, rest) or None"""
    while b"\r\n\r\n" not in buf:
        data = conn.recv(65536)
        if not data:
            return None
        buf += data
    head, _, rest = buf.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = [(k.lower(), v.strip()) for k, _, v in (x.partition(":") for x in lines[1:])]
    length = int(dict(headers).get("content-length", "0"))
    while len(rest) < length:
        data = conn.recv(65536)
        if not data:
            return None
        rest += data
    return method, target, headers, rest[:length], rest[length:]


class Server:
    """The control plane as edge sees it: says routes, hears WAKE, SEEN, FAILING, answers with what it was asked."""
    STATUS = {"unknown": 404, "waiting": 503, "down": 503}

    def __init__(self, run_dir):
        self.run_dir, self.routes, self.heard, self.requests = run_dir, {}, [], []
        self.cond, self.edge, self.synced = threading.Condition(), None, True
        self.listeners = {n: self.listen(n, t) for n, t in
                          (("route", socket.SOCK_SEQPACKET), ("http", socket.SOCK_STREAM), ("ws", socket.SOCK_STREAM))}
        self.alive, self.conns, self.drop_next = False, set(), 0
        self.visitors, self.asked, self.silent = {}, [], False     # (kind, credential): (verdict, ttl_ms, user, session)

    def listen(self, name, kind):
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind(os.path.join(self.run_dir, name + ".sock"))
        s.listen(4096)
        return s

    def start(self):
        self.alive = True
        for name, target in (("route", self.serve_routes), ("http", self.serve_http), ("ws", self.serve_ws)):
            threading.Thread(target=self.accept, args=(self.listeners[name], target), daemon=True).start()

    def stop(self):
        """As by kill -9: connections break, the listening sockets stay (they are the launcher's)."""
        with self.cond:
            self.alive = False
            conns, self.conns, self.edge = self.conns, set(), None
        for s in self.listeners.values():
            poke = socket.socket(socket.AF_UNIX, s.type)
            try:
                poke.connect(s.getsockname())
            except OSError:
                pass
            poke.close()
        for c in conns:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener, target):
        while True:
            conn, _ = listener.accept()
            with self.cond:
                if not self.alive:
                    conn.close()
                    return
                self.conns.add(conn)
            threading.Thread(target=self.guard, args=(target, conn), daemon=True).start()

    def guard(self, target, conn):
        try:
            target(conn)
        except OSError:
            pass
        finally:
            with self.cond:
                self.conns.discard(conn)
            conn.close()

    def serve_routes(self, conn):
        with self.cond:
            self.edge = conn
            for entry in self.routes.values():
                conn.send(message(ROUTE["SET"], entry))
            if self.synced:
                conn.send(message(ROUTE["SYNCED"], bytes(8)))
            self.cond.notify_all()
        names = {v: k for k, v in ROUTE.items()}
        while data := conn.recv(8192):
            _, kind, _, _, _ = HEAD.unpack_from(data)
            if kind == ROUTE["ACCESS"]:
                self.on_access(data[HEAD.size:])
                continue
            with self.cond:
                self.heard.append((names[kind], data[HEAD.size:HEAD.size + 24].decode()))
                self.cond.notify_all()

    def on_access(self, body):
        ident, space, credential, kind = ACCESS.unpack(body)
        what = (kind, credential.rstrip(b"\0").decode("latin1"))
        with self.cond:
            self.asked.append((ident, space.rstrip(b"\0").decode(), *what))
            verdict, ttl, user, session = self.visitors.get(what, (DENIED, 5000, "", ""))
            if session:
                del self.visitors[what]         # once
            self.cond.notify_all()
            if not self.silent:
                self.answer(ident, verdict, ttl, user, session)

    def answer(self, ident, verdict, ttl=60000, user="", session=""):
        self.edge.send(message(ROUTE["ACCESS_IS"], ACCESS_IS.pack(ident, user.encode(), session.encode(), verdict, ttl, 0)))

    def forget(self, space="", user=""):
        self.say("FORGET", FORGET.pack(space.encode(), user.encode()))

    def wait_asked(self, count, secs=5):
        with self.cond:
            assert self.cond.wait_for(lambda: len(self.asked) >= count, secs), self.asked

    def serve_http(self, conn):
        buf = b""
        while True:
            request = read_request(conn, buf)
            if not request:
                return
            method, target, headers, body, buf = request
            with self.cond:
                self.requests.append((method, target))
                self.cond.notify_all()
                if self.drop_next > 0:
                    self.drop_next -= 1
                    return
            why = dict(headers).get("x-vitrine-why")
            text = json.dumps({"method": method, "target": target, "headers": headers, "length": len(body)}).encode()
            conn.sendall(b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"
                         % (self.STATUS.get(why, 200), len(text)) + (b"" if method == "HEAD" else text))

    def serve_ws(self, conn):
        request = read_request(conn, b"")
        if not request:
            return
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + request[4])
        while data := conn.recv(65536):
            conn.sendall(data)

    def say(self, kind, body):
        with self.cond:
            if self.edge:
                self.edge.send(message(ROUTE[kind], body))

    def route(self, label, kind=APP, port=0, slot=(1, 1), flags=0, sdk=0, headers=""):
        entry = ENTRY.pack(label.encode(), space_id(label).encode(), kind, flags, slot[0], slot[1], port, sdk, headers.encode())
        self.routes[label] = entry
        self.say("SET", entry)

    def unroute(self, label):
        self.routes.pop(label, None)
        self.say("DEL", struct.pack("64s", label.encode()))

    def wait_heard(self, kind, label, count=1, secs=5):
        want = (kind, space_id(label))
        with self.cond:
            return self.cond.wait_for(lambda: self.heard.count(want) >= count, secs)

    def wait_requests(self, count, secs=5):
        with self.cond:
            return self.cond.wait_for(lambda: len(self.requests) >= count, secs)


class Harness:
    """`files`: edge's limit of descriptors. `args`: more of its options."""

    def __init__(self, program=None, domain="localhost", port=0, serve=True, files=None, args=()):
        self.program, self.domain, self.files, self.args = program or binary(), domain, files, list(args)
        self.run_dir = tempfile.mkdtemp(prefix="edge-")
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.server = Server(self.run_dir)
        self.proc = None
        if serve:
            self.server.start()
        self.start_edge()
        if serve:
            self.wait_connected()

    def wait_connected(self):
        with self.server.cond:
            assert self.server.cond.wait_for(lambda: self.server.edge, 10), "edge does not connect to route.sock"

    def start_edge(self):
        self.launcher = Launcher()
        self.launcher.start()
        fds = (self.listener.fileno(), self.launcher.theirs.fileno())
        limit = ["prlimit", f"--nofile={self.files}"] if self.files else []
        self.proc = subprocess.Popen([*limit, self.program, "--listen-fd", str(fds[0]), "--launch-fd", str(fds[1]), "--domain", self.domain,
                                      "--public-port", str(self.port), "--run-dir", self.run_dir, *self.args], pass_fds=fds)
        self.launcher.theirs.close()

    def stop_edge(self, sig=signal.SIGKILL):
        self.proc.send_signal(sig)
        status = self.proc.wait(10)
        with self.server.cond:
            self.server.edge = None
        self.launcher.mine.close()
        return status

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), 10)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def close(self):
        if self.proc.poll() is None:
            self.stop_edge(signal.SIGKILL)
        self.server.stop()
        self.listener.close()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--app", action="append", default=[], metavar="LABEL=PORT")
    ap.add_argument("--bin", help="vitrine-edge to run")
    ap.add_argument("--domain", default="localhost")
    ap.add_argument("--port", type=int, default=0)
    a = ap.parse_args()
    with Harness(a.bin, a.domain, a.port) as h:
        for i, app in enumerate(a.app):
            label, port = app.split("=")
            h.server.route(label, APP, int(port), slot=(i + 1, 1))
        print(f"edge http://127.0.0.1:{h.port} {h.proc.pid}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
