"""What tests of vitrine-edge share: an app whose connections the test handles, a client that shows every byte."""
import json
import select
import socket
import threading

from edge_harness import read_request

SECS = 10


class App:
    """A backend whose connections the test handles: each one is given to `handler` in a thread of its own."""

    def __init__(self, handler, port=0):
        self.handler, self.requests, self.accepted = handler, [], 0
        self.cond = threading.Condition()
        self.sock = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            with self.cond:
                self.accepted += 1
                self.cond.notify_all()
            threading.Thread(target=self.guard, args=(conn,), daemon=True).start()

    def guard(self, conn):
        with conn:
            try:
                self.handler(self, conn)
            except OSError:
                pass

    def note(self, request):
        with self.cond:
            self.requests.append(request)
            self.cond.notify_all()

    def wait(self, ready):
        with self.cond:
            assert self.cond.wait_for(ready, SECS)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def echo(app, conn):
    """Answers every request with what it was."""
    buf = b""
    while True:
        request = read_request(conn, buf)
        if not request:
            return
        method, target, headers, body, buf = request
        app.note(request)
        text = json.dumps({"method": method, "target": target, "headers": headers, "length": len(body)}).encode()
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + (b"" if method == "HEAD" else text))


def named(name):
    def answer(app, conn):
        buf = b""
        while request := read_request(conn, buf):
            buf = request[4]
            app.note(request)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
    return answer


class Answer:
    def __init__(self, status, headers, body, rest=b""):
        self.status, self.headers, self.body, self.rest = status, headers, body, rest

    def all(self, name):
        return [v for k, v in self.headers if k == name]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def json(self):
        return json.loads(self.body)


def read_answer(s, buf=b"", head_only=False):
    s.settimeout(SECS)
    while b"\r\n\r\n" not in buf:
        data = s.recv(65536)
        assert data, f"closed after {buf!r}"
        buf += data
    head, _, buf = buf.partition(b"\r\n\r\n")
    lines = head.decode("latin1").split("\r\n")
    headers = [(k.lower(), v.strip()) for k, _, v in (x.partition(":") for x in lines[1:])]
    a = Answer(int(lines[0].split(" ")[1]), headers, b"", buf)
    if head_only or a.status in (101, 204, 304) or a.status < 200:
        return a
    length = int(a.get("content-length") or -1)
    while len(buf) < length or length < 0:
        data = s.recv(65536)
        if not data:
            break
        buf += data
    a.body, a.rest = (buf, b"") if length < 0 else (buf[:length], buf[length:])
    return a


def get(h, host, target="/", extra="", method="GET", body=b""):
    with h.connect() as s:
        s.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode("latin1") + body)
        return read_answer(s, head_only=method == "HEAD")


def until(s, what, buf=b""):
    s.settimeout(SECS)
    while what not in buf:
        data = s.recv(65536)
        assert data, f"closed after {buf!r}"
        buf += data
    return buf


def first_readable(socks):
    poll = select.poll()
    by = {s.fileno(): s for s in socks}
    for fd in by:
        poll.register(fd, select.POLLIN)
    ready = poll.poll(SECS * 1000)
    assert ready
    return by[ready[0][0]]


def seen(h, label):
    return h.server.wait_heard("SEEN", label)
