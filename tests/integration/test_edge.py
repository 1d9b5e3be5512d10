"""vitrine-edge alone, with the harness as its launcher and server: routing, rewriting, streams, holds, faults."""
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "helpers"))
from edge_harness import (APP, DOWN, EMBED_OFF, ENTRY, Harness, LAUNCH, ROUTE, STATIC, WAITING, message,  # noqa: E402
                          read_request, space_id)
from conftest import wait_for  # noqa: E402
from edge_client import Answer, App, SECS, echo, first_readable, get, named, read_answer, seen, until  # noqa: E402, F401


@pytest.fixture
def h():
    with Harness() as harness:
        yield harness


@pytest.fixture
def app():
    a = App(echo)
    yield a
    a.close()


def routed(h, label):
    """The route is known to edge once SEEN answers a request through it."""
    get(h, f"{label}.localhost")
    assert seen(h, label)


# ---- routing ----

def test_hosts_lead_where_they_should(h, app):
    h.server.route("ada-chat", APP, app.port)
    routed(h, "ada-chat")
    assert get(h, "Ada-Chat.LOCALHOST:7860", "/x%2F..//y?z").json()["target"] == "/x%2F..//y?z"
    platform = dict(get(h, f"localhost:{h.port}", "/api/spaces").json()["headers"])
    assert platform["x-vitrine-peer"] == "127.0.0.1" and platform["x-vitrine-proto"] == "http"
    assert "x-vitrine-why" not in platform and re.fullmatch("[0-9a-f]{16}", platform["x-request-id"])
    assert get(h, "127.0.0.1:1").status == 200


def test_an_unknown_host_never_reaches_an_app(h, app):
    h.server.route("ada-chat", APP, app.port)
    routed(h, "ada-chat")
    for host in ("nobody.localhost", "evil.example", "ada-chat.localhost.evil.example", "a.ada-chat.localhost"):
        a = get(h, host)
        assert a.status == 404 and dict(a.json()["headers"])["x-vitrine-why"] == "unknown"
        assert a.get("cache-control") == "no-store" and a.get("x-request-id")
    assert len(app.requests) == 1


def test_spoofed_headers_are_replaced(h, app):
    h.server.route("a", APP, app.port)
    a = get(h, "a.localhost:81", extra="X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nX-Vitrine-User: root\r\nX-IP-Token: t\r\n"
            "X-Streamlit-User: u\r\nForwarded: for=1\r\nCookie: vitrine_session=s; mine=1\r\nAuthorization: Bearer hf_abc\r\n")
    got = dict(a.json()["headers"])
    assert got == {"host": "a.localhost:81", "cookie": "mine=1", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
                   "x-forwarded-host": "a.localhost:81"}


def test_static_and_down_go_to_the_server(h, app):
    h.server.route("st", STATIC, headers="Cross-Origin-Opener-Policy: same-origin\r\n")
    h.server.route("dn", DOWN)
    for label, why, status in (("st", "static", 200), ("dn", "down", 503)):
        a = get(h, f"{label}.localhost", extra="X-Vitrine-Space: evil\r\nX-Vitrine-Why: static\r\n")
        got = dict(a.json()["headers"])
        assert (a.status, got["x-vitrine-why"], got["x-vitrine-space"]) == (status, why, space_id(label))
        assert (a.get("cross-origin-opener-policy") is not None) == (label == "st")
    assert not app.requests


def test_route_lines_are_added_and_bad_ones_ignored(h, app):
    h.server.route("a", APP, app.port, flags=EMBED_OFF, headers="cross-origin-embedder-policy: require-corp\r\n")
    h.server.route("b", APP, app.port, slot=(2, 1), headers="X: 1\r\n\r\nsmuggled")
    a, b = get(h, "a.localhost"), get(h, "b.localhost")
    assert a.get("cross-origin-embedder-policy") == "require-corp" and "frame-ancestors" in a.get("content-security-policy")
    assert b.status == 200 and not b.get("x")


def test_a_new_release_takes_new_requests_and_open_ones_stay(h):
    go = threading.Event()

    def slow(app, conn):
        app.note(read_request(conn, b""))
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nol")
        go.wait(SECS)
        conn.sendall(b"dold")
    old, new = App(slow), App(named(b"new"))
    h.server.route("a", APP, old.port)
    s = h.connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
    until(s, b"\r\n\r\nol")
    h.server.route("a", APP, new.port, slot=(2, 7))
    while get(h, "a.localhost").body != b"new":
        pass
    go.set()
    assert until(s, b"dold")
    s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
    assert read_answer(s).body == b"new"
    assert len(old.requests) == 1 and (2, 7, 16, 4) in h.launcher.dials


# ---- messages ----

def test_pipelined_requests_are_answered_in_order(h, app):
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (i, b"a.localhost" if i % 2 else b"localhost") for i in range(200)))
        rest = b""
        for i in range(200):
            a = read_answer(s, rest)
            rest = a.rest
            assert a.json()["target"] == f"/{i}"


@pytest.mark.parametrize("raw,status", [
    (b"GET / HTTP/1.1\r\nHost: a.localhost\r\nX: " + b"x" * 17000, 431),
    (b"GET / HTTP/1.1\r\nHost: a.localhost\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 9000) for i in range(4)), 431),
    (b"GET / HTTP/1.1\r\nHost: a.localhost\r\n" + b"X: 1\r\n" * 120 + b"\r\n", 431),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\nHost: a.localhost\n\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    (b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: a.localhost\r\n\r\n", 505),
    (b"CONNECT a.localhost:80 HTTP/1.1\r\nHost: a.localhost\r\n\r\n", 405),
    (b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 5\r\nExpect: nonsense\r\n\r\n", 417),
])
def test_bad_heads_are_refused_and_closed(h, app, raw, status):
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(raw)
        a = read_answer(s)
        assert a.status == status and a.get("connection") == "close" and a.get("cache-control") == "no-store" and a.get("x-request-id")
        assert set(a.json()) == {"error", "code"} and a.get("x-error-code") == a.json()["code"]
        assert s.recv(1) == b""
    assert not app.requests


def test_a_second_request_on_a_refused_connection_is_not_read(h, app):
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: a.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\nGET /smuggled HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        assert read_answer(s).status == 400
        assert s.recv(1) == b""
    assert not app.requests


def test_an_app_that_closes_without_an_answer_is_a_502(h):
    app = App(lambda a, conn: a.note(read_request(conn, b"")))
    h.server.route("a", APP, app.port)
    a = get(h, "a.localhost", method="POST", extra="Content-Length: 2\r\n", body=b"hi")
    assert a.status == 502 and a.json()["code"] == "app-closed"
    page = get(h, "a.localhost", extra="Accept: text/html\r\n")
    assert page.status == 502 and page.get("content-type").startswith("text/html") and b"<h1>" in page.body
    assert len(app.requests) == 2


def test_a_stale_connection_is_replaced_for_a_get_only(h):
    """The app answers once on each connection, then closes at the next request, as after a keep-alive time-out."""
    def once(app, conn):
        app.note(read_request(conn, b""))
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        second = read_request(conn, b"")
        app.note(second and ("dropped", second[0]))
    app = App(once)
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"GET /1 HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        assert read_answer(s).body == b"OK"
        s.sendall(b"GET /2 HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        assert read_answer(s).body == b"OK"
        assert ("dropped", "GET") in app.requests
        s.sendall(b"POST /3 HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 2\r\n\r\nhi")
        assert read_answer(s).status == 502
    assert app.requests.count(("dropped", "POST")) == 1


# ---- streams ----

def test_each_event_passes_before_the_next_is_made(h):
    """Ordered by events: the app writes event N + 1 only after the client has shown that N arrived."""
    arrived = threading.Semaphore(0)

    def stream(app, conn):
        read_request(conn, b"")
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(50):
            event = b"data: %d\n\n" % i
            conn.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            assert arrived.acquire(timeout=SECS)
        conn.sendall(b"0\r\n\r\n")
    app = App(stream)
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\nAccept: text/event-stream\r\n\r\n")
        buf = b""
        for i in range(50):
            buf = until(s, b"data: %d\n\n\r\n" % i, buf)
            arrived.release()
        until(s, b"0\r\n\r\n", buf[-5:])


def test_a_websocket_is_a_pipe_from_the_first_byte(h):
    def ws(app, conn):
        request = read_request(conn, b"")
        app.note(request)
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly from app;" + request[4])
        while data := conn.recv(65536):
            conn.sendall(data)
        conn.sendall(b"last words")
    app = App(ws)
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"GET /_stcore/stream HTTP/1.1\r\nHost: a.localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                  b"Sec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: streamlit, x, y\r\nOrigin: http://a.localhost\r\n\r\nearly from client;")
        buf = until(s, b"early from client;")
        assert buf.startswith(b"HTTP/1.1 101") and b"early from app;" in buf
        blob = os.urandom(300000)
        sender = threading.Thread(target=s.sendall, args=(blob,))
        sender.start()
        got = b""
        while len(got) < len(blob):
            got += s.recv(65536)
        sender.join()
        assert got == blob
        s.shutdown(socket.SHUT_WR)
        until(s, b"last words")
        assert s.recv(1) == b""
    headers = dict(app.requests[0][2])
    assert headers["sec-websocket-protocol"] == "streamlit, x, y" and headers["origin"] == "http://a.localhost"
    assert headers["upgrade"] == "websocket"


def test_a_websocket_keeps_its_app_awake_by_what_visitors_say(h):
    """CONTRACTS 9.3: a byte of the visitor's is activity; pings and what the app sends are none."""
    def ws(app, conn):
        request = read_request(conn, b"")
        conn.sendall(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + request[4])
        while data := conn.recv(65536):
            conn.sendall(data)
    app, other = App(ws), App(named(b"other"))
    h.server.route("a", APP, app.port)
    h.server.route("b", APP, other.port)
    ping, text = b"\x89\x80mask", b"\x81\x82maskhi"
    with h.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        until(s, b"\r\n\r\n")
        assert seen(h, "a")
        time.sleep(5.1)                 # edge says so at most once in 5 s
        s.sendall(ping)
        until(s, ping)
        assert get(h, "b.localhost").body == b"other" and seen(h, "b")      # said in order: what of the ping would have been is there
        assert h.server.heard.count(("SEEN", space_id("a"))) == 1
        s.sendall(text)
        until(s, text)
        assert h.server.wait_heard("SEEN", "a", count=2)


def test_the_platforms_websockets_have_their_own_socket(h):
    with h.connect() as s:
        s.sendall(b"GET /-/ws/logs HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")
        assert until(s, b"hello").startswith(b"HTTP/1.1 101")
        s.sendall(b"again")
        until(s, b"again")
    a = get(h, "localhost", "/other", extra="Upgrade: websocket\r\nConnection: Upgrade\r\n")
    assert a.status == 200 and "upgrade" not in dict(a.json()["headers"])


def memory_kb(pid):
    return int(re.search(r"Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read())[1])


SIZE = 256 << 20
BLOCK = os.urandom((1 << 20) + 7)               # no power of two: a piece in the wrong place shows


def bulk(app, conn):
    """Reads a whole upload of SIZE without keeping it; answers a download with SIZE bytes."""
    buf = until(conn, b"\r\n\r\n")
    head, _, rest = buf.partition(b"\r\n\r\n")
    if head.startswith(b"POST"):
        left = SIZE - len(rest)
        while left > 0:
            left -= len(conn.recv(1 << 20))
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        return
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
    left = SIZE
    while left > 0:
        conn.sendall(BLOCK[:left])
        left -= len(BLOCK)


def test_large_bodies_pass_both_ways_in_flat_memory(h):
    app = App(bulk)
    h.server.route("a", APP, app.port)
    block, peak = b"x" * (1 << 20), 0
    base = memory_kb(h.proc.pid)
    with h.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for i in range(SIZE >> 20):
            s.sendall(block)
            if i % 16 == 0:
                peak = max(peak, memory_kb(h.proc.pid))
        assert read_answer(s).body == b"done"
    with h.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        rest, got = until(s, b"\r\n\r\n").partition(b"\r\n\r\n")[2], 0
        while got < SIZE:
            want = BLOCK[:SIZE - got]
            while len(rest) < len(want):
                data = s.recv(1 << 20)
                assert data
                rest += data
            assert rest[:len(want)] == want
            got, rest = got + len(want), rest[len(want):]
            if got % 16 == 0:
                peak = max(peak, memory_kb(h.proc.pid))
        assert not rest
    assert peak - base < 4096, f"grew by {peak - base} KB"


def test_a_client_that_leaves_is_known_to_the_app(h):
    gone = threading.Event()

    def wait(app, conn):
        app.note(read_request(conn, b""))
        conn.settimeout(SECS)
        if conn.recv(1) == b"":
            gone.set()
    app = App(wait)
    h.server.route("a", APP, app.port)
    for reset in (False, True):
        gone.clear()
        s = h.connect()
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        app.wait(lambda: len(app.requests) == 1 + reset)
        if reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        assert gone.wait(SECS)


def test_an_app_killed_in_mid_answer_looks_cut_short(h):
    def die(app, conn):
        read_request(conn, b"")
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    app = App(die)
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        buf = b""
        try:
            while data := s.recv(65536):
                buf += data
        except ConnectionResetError:
            pass
    assert b"hello" not in buf or not buf.endswith(b"0\r\n\r\n")


def test_slow_readers_do_not_hold_up_others(h):
    app = App(bulk)
    fast = App(echo)
    h.server.route("slow", APP, app.port)
    h.server.route("fast", APP, fast.port, slot=(2, 1))
    stuck = [h.connect() for _ in range(32)]
    for s in stuck:
        s.sendall(b"GET / HTTP/1.1\r\nHost: slow.localhost\r\n\r\n")
        until(s, b"\r\n\r\n")
    for i in range(50):
        assert get(h, "fast.localhost", f"/{i}").json()["target"] == f"/{i}"
    assert memory_kb(h.proc.pid) < 16384
    for s in stuck:
        s.close()


# ---- holds ----

def test_a_held_request_is_released_when_the_app_is_up(h, app):
    h.server.route("a", WAITING)
    done = []
    threads = [threading.Thread(target=lambda i=i: done.append(get(h, "a.localhost", f"/{i}", method="POST", extra="Content-Length: 2\r\n", body=b"hi")))
               for i in range(20)]
    for t in threads:
        t.start()
    assert h.server.wait_heard("WAKE", "a")
    h.server.route("a", APP, app.port)
    for t in threads:
        t.join(SECS)
    assert [a.status for a in done] == [200] * 20 and {a.json()["length"] for a in done} == {2}
    assert h.server.heard.count(("WAKE", space_id("a"))) <= 2


def test_a_navigation_gets_the_waiting_page_and_wakes_the_app(h):
    h.server.route("a", WAITING)
    a = get(h, "a.localhost", extra="Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n")
    assert a.status == 503 and dict(a.json()["headers"])["x-vitrine-why"] == "waiting"
    assert h.server.wait_heard("WAKE", "a")


@pytest.mark.parametrize("extra,method", [("User-Agent: Googlebot/2.1\r\n", "GET"), ("Sec-Purpose: prefetch\r\n", "GET"), ("", "HEAD")])
def test_quiet_visits_wake_nothing(h, extra, method):
    h.server.route("a", WAITING)
    assert get(h, "a.localhost", extra=extra, method=method).status == 503
    h.server.route("b", WAITING)
    assert get(h, "b.localhost", extra="Accept: text/html\r\n").status == 503
    assert h.server.wait_heard("WAKE", "b")
    assert ("WAKE", space_id("a")) not in h.server.heard


def test_an_app_that_refuses_connections_is_reported_and_waited_for(h):
    spare = App(echo)
    port = spare.port
    spare.close()
    h.server.route("a", APP, port)
    done = []
    t = threading.Thread(target=lambda: done.append(get(h, "a.localhost")))
    t.start()
    assert h.server.wait_heard("FAILING", "a")
    back = App(echo, port)
    t.join(SECS)
    assert done and done[0].status == 200
    assert {d[3] for d in h.launcher.dials} == {4, 6}
    back.close()


def test_a_slot_that_is_gone_is_reported(h, app):
    h.launcher.refuse = True
    h.server.route("a", APP, app.port)
    done = []
    t = threading.Thread(target=lambda: done.append(get(h, "a.localhost")))
    t.start()
    assert h.server.wait_heard("FAILING", "a")
    h.launcher.refuse = False
    h.server.route("a", APP, app.port, slot=(5, 2))
    t.join(SECS)
    assert done and done[0].status == 200


def test_an_app_on_the_ipv6_loopback_is_found(h):
    app = App(echo)
    six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    app.sock, v4 = six, app.sock
    threading.Thread(target=app.accept, daemon=True).start()
    v4.close()
    h.server.route("a", APP, six.getsockname()[1])
    assert get(h, "a.localhost").status == 200
    assert get(h, "a.localhost").status == 200


def test_whoever_is_slow_is_told_so_in_the_end(h):
    """Every limit on time up to 30 s at once, so that it takes 30 s and not three minutes."""
    h.server.route("a", WAITING)
    h.server.route("st", WAITING, sdk=2)
    begun = time.monotonic()
    wanted = {
        "head": (b"GET / HTTP/1.1\r\nHost: a.loc", 408, 29, "head-timeout"),
        "hold": (b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n", 503, 29, "starting"),
        "ws": (b"GET / HTTP/1.1\r\nHost: a.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 503, 13, "starting"),
        "stcore": (b"GET /_stcore/health HTTP/1.1\r\nHost: st.localhost\r\n\r\n", 503, 13, "starting"),
    }
    silent, socks = h.connect(), {}
    for name, (raw, *_) in wanted.items():
        socks[name] = h.connect()
        socks[name].sendall(raw)
    dripping = h.connect()
    dripping.sendall(b"GET / HTTP/1.1\r\n")
    for name in ("ws", "stcore", "head", "hold"):
        _, status, least, code = wanted[name]
        socks[name].settimeout(40)
        buf = socks[name].recv(65536)
        assert time.monotonic() - begun > least
        a = read_answer(socks[name], buf)
        assert (a.status, a.json()["code"]) == (status, code)
        if status == 503:
            assert a.get("retry-after") and a.json()["stage"] == "APP_STARTING"
        if name == "stcore":
            dripping.sendall(b"X: 1\r\n")
    assert read_answer(dripping).status == 408
    silent.settimeout(40)
    assert silent.recv(1) == b""


def test_more_held_requests_than_the_limit_are_refused_at_once(h):
    """One app may have three quarters of them, so that the others still wake."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20000),) * 2)
    kept = []
    for label, limit in (("a", 3072), ("b", 4096 - 3072)):
        h.server.route(label, WAITING)
        socks = []
        for i in range(limit + 1):
            socks.append(h.connect())
            socks[-1].sendall(b"GET /%d HTTP/1.1\r\nHost: %s.localhost\r\n\r\n" % (i, label.encode()))
        refused = first_readable(socks)
        a = read_answer(refused)
        assert a.status == 503 and a.json()["code"] == "too-many-waiting" and a.get("retry-after")
        assert h.server.wait_heard("WAKE", label)
        kept += socks
    assert get(h, "localhost").status == 200
    for s in kept:
        s.close()


def test_a_deleted_route_is_unknown(h, app):
    h.server.route("a", APP, app.port)
    assert get(h, "a.localhost").status == 200
    h.server.unroute("a")
    while get(h, "a.localhost").status == 200:
        pass
    assert get(h, "a.localhost").status == 404


# ---- limits ----

def cpu_ms(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_more_connections_than_the_limit_wait_and_cost_nothing():
    """64 descriptors are 29 connections: the limit edge_connections, made small."""
    with Harness(files=64) as h:
        socks = [h.connect() for _ in range(29)]
        for s in socks:
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(s).status == 200
        late = h.connect()
        late.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        before = cpu_ms(h.proc.pid)
        assert not select.select([late], [], [], 0.5)[0]
        assert cpu_ms(h.proc.pid) - before < 100
        socks[0].sendall(b"GET /still HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(socks[0]).json()["target"] == "/still"
        socks.pop().close()
        assert read_answer(late).json()["target"] == "/late"
        for s in socks:
            s.close()
        late.close()


def test_running_out_of_descriptors_delays_and_breaks_nothing(app):
    """64 descriptors, most of them taken by sockets of apps: accepting, dialing and reaching the server fail with EMFILE for a while."""
    with Harness(files=64) as h:
        idle = open_files(h.proc.pid)
        h.server.route("a", APP, app.port)
        h.server.route("b", APP, app.port, slot=(2, 1))
        h.server.route("c", APP, app.port, slot=(3, 1))
        h.launcher.most = 8                          # the batch is smaller than what is left, so that it fits at last
        socks = []
        for i in range(28):
            socks.append(h.connect())
            socks[-1].sendall(b"GET /%d HTTP/1.1\r\nHost: %s.localhost\r\nConnection: close\r\n\r\n" % (i, b"abc"[i % 3:i % 3 + 1]))
        before = cpu_ms(h.proc.pid)
        begun = time.monotonic()
        for i, s in enumerate(socks):
            a = read_answer(s)
            assert a.status == 200 and a.json()["target"] == f"/{i}"
            s.close()
        assert cpu_ms(h.proc.pid) - before < 200 + (time.monotonic() - begun) * 300
        for label in "abc":
            h.server.unroute(label)
        get(h, "localhost")
        end = time.monotonic() + SECS
        while open_files(h.proc.pid) > idle + 2:     # one to the server may rest
            assert time.monotonic() < end, "descriptors leak"
            get(h, "localhost", extra="Connection: close\r\n")


@pytest.fixture
def hasty():
    """An edge whose seconds are hundredths: 30 s are 0.3 s."""
    with Harness(args=["--test-speed", "100"]) as harness:
        yield harness


def test_an_idle_connection_is_closed_in_the_end(hasty):
    with hasty.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(s).status == 200
        begun = time.monotonic()
        assert s.recv(1) == b""
        assert 0.8 < time.monotonic() - begun < 5


def test_an_upload_that_flows_is_not_cut(hasty):
    """Longer than the limits of a first head (0.3 s here), of an idle connection (0.9 s) and of one that stalls (3 s)."""
    app = App(echo)
    hasty.server.route("a", APP, app.port)
    routed(hasty, "a")
    with hasty.connect() as s:
        for length in (25, 16):
            s.sendall(b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: %d\r\n\r\n" % length)
            for _ in range(length):
                time.sleep(0.15)                     # the pace of the client is what is tested
                s.sendall(b"x")
            assert read_answer(s).json()["length"] == length
    app.close()


def test_an_upload_that_stalls_is_cut(hasty):
    app = App(echo)
    hasty.server.route("a", APP, app.port)
    routed(hasty, "a")
    with hasty.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 2\r\n\r\nx")
        begun = time.monotonic()
        s.settimeout(SECS)
        assert s.recv(1) == b""
        assert time.monotonic() - begun > 2.5
    assert len(app.requests) == 1
    app.close()


@pytest.mark.parametrize("length", [60000, 64 << 20])
def test_an_app_that_is_busy_may_read_its_upload_late(hasty, length):
    """Later than the limit of a client that stalls (3 s): it is not the client that does."""
    def late(app, conn):
        left = length - len(until(conn, b"\r\n\r\n").partition(b"\r\n\r\n")[2])
        time.sleep(3.5)                              # the app's pace is what is tested
        while left > 0 and (data := conn.recv(1 << 20)):
            left -= len(data)
        if left == 0:
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
    app = App(late)
    hasty.server.route("a", APP, app.port)
    with hasty.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: %d\r\n\r\n" % length)
        s.settimeout(SECS)
        sender = threading.Thread(target=send_quietly, args=(s, b"x" * length))
        sender.start()
        assert until(s, b"done")
        sender.join()
    app.close()


def send_quietly(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass


def test_an_app_silent_about_100_continue_is_spoken_for(h):
    """After 1 s. The app's own 100 does not follow a second time, and an app that answers first is believed."""
    def silent(app, conn):
        buf = until(conn, b"\r\n\r\n")
        assert b"100-continue" in buf.lower()
        body = until(conn, b"hi", buf.partition(b"\r\n\r\n")[2])
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" + body)

    def eager(app, conn):
        until(conn, b"\r\n\r\n")
        conn.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
    apps = App(silent), App(eager)
    h.server.route("silent", APP, apps[0].port)
    h.server.route("eager", APP, apps[1].port, slot=(2, 1))
    head = "POST / HTTP/1.1\r\nHost: %s.localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with h.connect() as s:
        begun = time.monotonic()
        s.sendall((head % "silent").encode())
        assert read_answer(s).status == 100
        assert time.monotonic() - begun > 0.9
        s.sendall(b"hi")
        a = read_answer(s)
        assert (a.status, a.body) == (200, b"hi")
    with h.connect() as s:
        s.sendall((head % "eager").encode())
        a = read_answer(s)
        assert a.status == 413 and a.get("connection") == "close"
    for a in apps:
        a.close()


def test_pipelined_requests_behind_a_held_one_stay_in_the_kernel(h):
    """Memory of a hold is one head (limits.def), whatever the client sends behind it."""
    h.server.route("a", WAITING)
    base, socks, junk = memory_kb(h.proc.pid), [], b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n" * 3000
    for _ in range(200):
        s = h.connect()
        s.setblocking(False)
        s.send(junk)
        socks.append(s)
    assert h.server.wait_heard("WAKE", "a")
    assert get(h, "localhost").status == 200
    assert memory_kb(h.proc.pid) - base < 200 * 48
    for s in socks:
        s.close()


# ---- what peers may not do ----

def test_bytes_behind_an_answer_are_never_the_next_one(h):
    """Both in one turn of the loop: the next request, and behind it what the app still said on the resting connection."""
    stray = threading.Event()

    def chatty(app, conn):
        buf = b""
        for i in range(2):
            request = read_request(conn, buf)
            if not request:
                return
            app.note(request)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
            if stray.wait(SECS) and len(app.requests) == 1:
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
                said.set()
    said = threading.Event()
    app = App(chatty)
    h.server.route("a", APP, app.port)
    with h.connect() as s:
        s.sendall(b"GET /1 HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        assert read_answer(s).body == b"good"
        get(h, "localhost")                          # edge has gone to sleep since
        h.proc.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, h.proc.pid, os.WSTOPPED)
        s.sendall(b"GET /2 HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
        stray.set()
        assert said.wait(SECS)
        h.proc.send_signal(signal.SIGCONT)
        assert read_answer(s).body == b"good"
    app.close()


def test_a_switch_of_protocols_whose_head_cannot_be_sent_is_none(h):
    """The cookie grows when it is written anew: without a head, the tunnel would let the app write its own."""
    def app_of(head):
        def handler(app, conn):
            read_request(conn, b"")
            conn.sendall(head + b"Set-Cookie: a=b" + b";" * 60000 + b"Domain=localhost\r\n\r\nHTTP/1.1 200 OK\r\nX-Own: 1\r\n\r\n")
        return App(handler)
    heads = (b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", b"HTTP/1.1 103 Early Hints\r\n", b"HTTP/1.1 200 OK\r\n")
    for i, head in enumerate(heads):
        app = app_of(head)
        h.server.route(f"a{i}", APP, app.port, slot=(i + 1, 1))
        a = get(h, f"a{i}.localhost", extra="Upgrade: websocket\r\nConnection: Upgrade\r\n")
        assert a.status == 502 and a.json()["code"] == "bad-response" and not a.get("x-own")
        app.close()


def bad_messages(table, names):
    """What no honest peer sends: too short for a head, of a later version, of unknown kind, in the wrong direction, too short, too long."""
    yield b"x"
    yield struct.pack("<HHIII", 99, table[names[0]], 0, 8, 0) + bytes(8)
    yield struct.pack("<HHIII", 1, 999, 0, 8, 0) + bytes(8)
    yield struct.pack("<HHIII", 1, table[names[1]], 0, 32, 0) + bytes(32)
    yield struct.pack("<HHIII", 1, table[names[0]], 0, 3, 0) + b"abc"
    yield struct.pack("<HHIII", 1, table[names[0]], 0, 600, 0) + bytes(600)
    yield os.urandom(4096)


def test_malformed_messages_of_the_server_cost_the_connection_and_no_route(h, app):
    h.server.route("a", APP, app.port)
    routed(h, "a")
    entry = lambda **k: ENTRY.pack(*{"label": b"a", "space": space_id("a").encode(), "kind": 0, "flags": 0, "index": 1, "generation": 1,  # noqa: E731
                                     "port": app.port, "sdk": 0, "headers": b"", **k}.values())
    wrong = [message(ROUTE["SET"], e) for e in (entry(label=b""), entry(label=b"x" * 64), entry(space=b"../../../etc/passwd12345"),
                                                entry(kind=9), entry(port=0), entry(port=70000), entry(headers=b"y" * 512))]
    wrong.append(message(ROUTE["DEL"], b"z" * 64))
    for raw in [*bad_messages(ROUTE, ("SET", "WAKE")), *wrong]:
        with h.server.cond:
            edge, h.server.edge = h.server.edge, None
        edge.send(raw)
        h.wait_connected()                           # again: it has hung up
        assert get(h, "a.localhost").status == 200
    files = [socket.socket() for _ in range(3)]
    before = open_files(h.proc.pid)
    with h.server.cond:
        edge, h.server.edge = h.server.edge, None
    socket.send_fds(edge, [message(ROUTE["SYNCED"], bytes(8))], [f.fileno() for f in files])
    h.wait_connected()
    assert get(h, "a.localhost").status == 200
    assert open_files(h.proc.pid) <= before + 1
    for f in files:
        f.close()


def test_malformed_messages_of_the_launcher_are_survived(h, app):
    h.server.route("a", APP, app.port)
    files = [socket.socket() for _ in range(16)]
    before = open_files(h.proc.pid)
    for raw in bad_messages(LAUNCH, ("SOCKETS", "DIAL")):
        h.launcher.mine.send(raw)
        socket.send_fds(h.launcher.mine, [raw], [f.fileno() for f in files])
    unasked = message(LAUNCH["SOCKETS"], struct.pack("<IIII", 1, 1, 16, 0), 4711)
    socket.send_fds(h.launcher.mine, [unasked], [f.fileno() for f in files])
    assert get(h, "localhost", extra="Connection: close\r\n").status == 200
    wait_for(lambda: open_files(h.proc.pid) <= before + 1)   # one to the server may rest; the visitor's goes after its answer
    assert get(h, "a.localhost").status == 200
    for f in files:
        f.close()


def test_a_dead_launcher_ends_edge(h):
    h.launcher.mine.shutdown(socket.SHUT_RDWR)
    assert h.proc.wait(SECS) == 1


# ---- deaths ----

def test_apps_go_on_while_the_server_is_dead_and_platform_requests_wait(h, app):
    h.server.route("a", APP, app.port)
    routed(h, "a")
    tunnel = App(lambda a, c: (read_request(c, b""), c.sendall(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
                               [c.sendall(d) for d in iter(lambda: c.recv(4096), b"")]))
    h.server.route("t", APP, tunnel.port, slot=(2, 1))
    s = h.connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: t.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    until(s, b"\r\n\r\n")
    get(h, "localhost", "/pooled")
    h.server.stop()
    assert get(h, "a.localhost").status == 200
    s.sendall(b"still here")
    until(s, b"still here")
    done = []
    t = threading.Thread(target=lambda: done.append(get(h, "localhost", "/held")))
    t.start()
    assert get(h, "a.localhost").status == 200
    assert not done
    h.server.start()
    t.join(SECS)
    assert done and done[0].json()["target"] == "/held"
    h.wait_connected()


def test_a_platform_request_is_sent_once_more_when_the_server_breaks_off(h):
    h.server.drop_next = 1
    assert get(h, "localhost", "/again").status == 200
    assert h.server.requests.count(("GET", "/again")) == 2
    h.server.drop_next = 1
    a = get(h, "localhost", "/once", method="POST", extra="Content-Length: 1\r\n", body=b"x")
    assert a.status == 502 and a.json()["code"] == "platform-closed"
    assert h.server.requests.count(("POST", "/once")) == 1


def test_routes_that_a_new_server_does_not_know_are_gone(h, app):
    h.server.route("a", APP, app.port)
    h.server.route("b", APP, app.port)
    assert get(h, "b.localhost").status == 200
    h.server.stop()
    del h.server.routes["b"]
    h.server.start()
    h.wait_connected()
    while get(h, "b.localhost").status == 200:
        pass
    assert get(h, "a.localhost").status == 200


def test_a_killed_edge_refuses_nobody(h, app):
    h.server.route("a", APP, app.port)
    assert get(h, "a.localhost").status == 200
    h.stop_edge(signal.SIGKILL)
    s = h.connect()                                 # into the backlog of the listener, which is not edge's own
    s.sendall(b"GET /held HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
    h.start_edge()
    assert read_answer(s).json()["target"] == "/held"


def test_a_fresh_edge_holds_app_hosts_until_it_knows_the_routes():
    app = App(echo)
    with Harness(serve=False) as h:
        done = []
        t = threading.Thread(target=lambda: done.append(get(h, "a.localhost")))
        t.start()
        h.server.synced = False
        h.server.start()
        h.wait_connected()
        assert get(h, "localhost").status == 200
        assert not done
        h.server.route("a", APP, app.port)
        h.server.say("SYNCED", bytes(8))
        t.join(SECS)
        assert done and done[0].status == 200
    app.close()


def test_sigterm_finishes_what_is_under_way(h):
    go = threading.Event()

    def slow(app, conn):
        app.note(read_request(conn, b""))
        go.wait(SECS)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")
    app = App(slow)
    h.server.route("a", APP, app.port)
    idle, busy = h.connect(), h.connect()
    busy.sendall(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n")
    app.wait(lambda: app.requests)
    h.proc.send_signal(signal.SIGTERM)
    assert idle.recv(1) == b""
    go.set()
    a = read_answer(busy)
    assert a.body == b"last" and a.get("connection") == "close"
    assert h.proc.wait(SECS) == 0


# ---- the traps ----

def trap_names():
    sys.path.insert(0, str(TESTS / "traps"))
    import traps
    return [name for name, _ in traps.load(str(TESTS / "traps" / "cases.py"))]


@pytest.fixture(scope="module")
def trap_results(tmp_path_factory):
    """All traps in one run: they take turns on the backend's log."""
    out = tmp_path_factory.mktemp("traps") / "result.json"

    def spare():
        with socket.create_server(("127.0.0.1", 0)) as s:
            return s.getsockname()[1]
    port, control = spare(), spare()
    backend = subprocess.Popen([sys.executable, TESTS / "traps/trapbe.py", "--port", str(port), "--bind", "127.0.0.1", "--control", str(control)])
    try:
        for p in (port, control):
            end = time.monotonic() + SECS
            while True:
                try:
                    socket.create_connection(("127.0.0.1", p), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < end
        with Harness() as h:
            h.server.route("traps", APP, port)
            routed(h, "traps")
            subprocess.run([sys.executable, TESTS / "traps/traps.py", "--target", f"http://127.0.0.1:{h.port}", "--host", "traps.localhost",
                            "--control", str(control), "--json", out], timeout=500)
    finally:
        backend.kill()
        backend.wait()
    return json.loads(out.read_text())


@pytest.mark.parametrize("name", trap_names())
def test_trap(trap_results, name):
    assert trap_results[name] == ""
