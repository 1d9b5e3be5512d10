"""vitrine-edge alone in front of private apps (CONTRACTS 9.3, C-PROXY-34): what it asks, remembers, hides, refuses."""
import pathlib
import socket
import sys
import time
import urllib.parse

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "helpers"))
from edge_client import App, echo, get, read_answer, until  # noqa: E402
from edge_harness import (ALLOWED, APP, COOKIE, DENIED, DOWN, Harness, PRIVATE, SIGN, SIGN_ONCE, STATIC, TOKEN, UNCERTAIN,  # noqa: E402
                          WAITING, space_id)

ADA, BOB = "a" * 24, "b" * 24
CHROME = "User-Agent: Mozilla/5.0 Chrome/120\r\n"
PAGE = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
FRAME = PAGE.replace("document", "iframe")


@pytest.fixture
def h():
    with Harness(args=["--test-speed", "10"]) as harness:
        yield harness


@pytest.fixture
def app(h):
    a = App(echo)
    h.server.route("ada-x", APP, a.port, flags=PRIVATE)
    h.server.visitors[(TOKEN, "hf_ada")] = (ALLOWED, 60000, ADA, "")
    yield a
    a.close()


def bearer(token):
    return f"Authorization: Bearer {token}\r\n"


def look(h, target="/", extra="", host="ada-x.localhost", **kw):
    return get(h, f"{host}:{h.port}", target, extra, **kw)


def known(h):
    """Edge has the route when a stranger's token is asked about."""
    end = time.monotonic() + 5
    while look(h, extra=bearer("hf_nobody")).status != 404 or not h.server.asked:
        assert time.monotonic() < end
    h.server.asked.clear()


# ---- tokens ----

def test_a_token_opens_and_is_asked_about_once(h, app):
    known(h)
    for extra in (bearer("hf_ada"), "authorization: bearer   hf_ada\r\n", "x-hf-authorization: Bearer hf_ada\r\n"):
        got = look(h, "/a?b", extra)
        assert got.status == 200 and got.json()["target"] == "/a?b"
        assert {"authorization", "x-hf-authorization"}.isdisjoint(dict(got.json()["headers"]))
    assert [a[1:] for a in h.server.asked] == [(space_id("ada-x"), TOKEN, "hf_ada")]


def test_strangers_get_what_a_host_without_an_app_gets(h, app):
    known(h)
    for extra in ("", bearer("hf_wrong"), bearer("x" * 513), "Cookie: vitrine_app=forged\r\n", "Authorization: Basic aGZfYWRh\r\n"):
        private, nobody = look(h, extra=extra), look(h, extra=extra, host="nobody-x.localhost")
        assert private.status == nobody.status == 404
        hide = ("host", "x-request-id")
        assert [x for x in private.json()["headers"] if x[0] not in hide] == [x for x in nobody.json()["headers"] if x[0] not in hide]
        assert "x-vitrine-space" not in dict(private.json()["headers"])
    private, nobody = look(h, "/p?q=1", PAGE), look(h, "/p?q=1", PAGE, host="nobody-x.localhost")
    assert private.status == nobody.status == 302
    assert private.get("location") == f"http://localhost:{h.port}/-/apps/sign?app=ada-x&to=/p%3Fq%3D1"
    assert nobody.get("location") == private.get("location").replace("ada-x", "nobody-x")
    assert not app.requests


def test_the_apps_own_authorization_passes_beside_a_cookie(h, app):
    h.server.visitors[(COOKIE, "good.1.c")] = (ALLOWED, 60000, ADA, "")
    known(h)
    got = dict(look(h, extra=bearer("sk-of-the-app") + "Cookie: mine=1; vitrine_app=good.1.c; vitrine_session=s\r\n").json()["headers"])
    assert got["authorization"] == "Bearer sk-of-the-app" and got["cookie"] == "mine=1"
    got = dict(look(h, extra=bearer("sk-of-the-app") + "x-hf-authorization: Bearer hf_ada\r\n").json()["headers"])
    assert got["authorization"] == "Bearer sk-of-the-app"
    h.server.visitors[(TOKEN, "own-form")] = (ALLOWED, 60000, ADA, "")
    for extra in (bearer("own-form"), bearer("own-form") + "x-hf-authorization: Bearer own-form\r\n"):
        assert "authorization" not in dict(look(h, extra=extra).json()["headers"])


def test_every_kind_of_route_says_who_looks(h, app):
    known(h)
    for kind, why in ((STATIC, "static"), (DOWN, "down"), (WAITING, "waiting")):
        h.server.route("ada-x", kind, flags=PRIVATE)
        for _ in range(100):
            got = look(h, extra=bearer("hf_ada") + f"X-Vitrine-User: {BOB}\r\nX_Vitrine_User: {BOB}\r\nUser-Agent: a bot\r\n")
            if dict(got.json()["headers"]).get("x-vitrine-why") == why:
                break
        headers = [v for k, v in got.json()["headers"] if k.replace("_", "-") == "x-vitrine-user"]
        assert headers == [ADA] and dict(got.json()["headers"])["x-vitrine-space"] == space_id("ada-x")
        assert "x-vitrine-user" not in dict(look(h, extra=f"X-Vitrine-User: {ADA}\r\n").json()["headers"])
    h.server.route("ada-y", STATIC)
    assert "x-vitrine-user" not in dict(look(h, extra=f"X-Vitrine-User: {ADA}\r\n" + bearer("hf_ada"), host="ada-y.localhost").json()["headers"])


# ---- claims ----

def test_a_sign_in_becomes_a_cookie_and_leaves_the_address(h, app):
    known(h)
    for agent, kind, cookie in (("", PAGE, "vitrine_app=s.1.t; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"),
                                (CHROME, PAGE, "__Host-vitrine=s.1.t; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"),
                                (CHROME, FRAME, "__Host-vitrine=s.1.t; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=None; Partitioned")):
        h.server.visitors[(SIGN_ONCE, "one.1.m")] = (ALLOWED, 60000, ADA, "s.1.t")
        h.server.forget()
        got = look(h, "//evil.example/%2F?a=1&__sign=one.1.m&b", agent + kind)
        assert got.status == 302 and got.get("location") == f"http://ada-x.localhost:{h.port}//evil.example/%2F?a=1&b"
        assert got.get("set-cookie") == cookie and got.get("cache-control") == "no-store"
        h.server.forget()
        again = look(h, "/?__sign=one.1.m", agent + kind)      # spent
        assert again.status == 302 and "/-/apps/sign?app=ada-x&to=/" in again.get("location") and "one.1.m" not in again.get("location")
    assert not app.requests


def test_a_cookie_opens_and_a_spent_sign_in_leaves_the_address(h, app):
    h.server.visitors[(COOKIE, "good.1.c")] = (ALLOWED, 60000, ADA, "")
    known(h)
    got = look(h, "/?__sign=old.1.x&k=v", PAGE + "Cookie: vitrine_app=good.1.c\r\n")
    assert (got.status, got.get("location"), got.get("set-cookie")) == (302, f"http://ada-x.localhost:{h.port}/?k=v", None)
    assert look(h, "/", "Cookie: a=b; vitrine_app=good.1.c\r\n").status == 200
    assert look(h, "/", "Cookie: __Host-vitrine=good.1.c\r\n").status == 404        # not this client's name
    assert look(h, "/", CHROME + "Cookie: __Host-vitrine=no.1.c; __Host-vitrine=good.1.c\r\n").status == 200
    assert look(h, "/", CHROME + "Cookie: vitrine_app=good.1.c\r\n").status == 404   # any page below the domain could set that one


def test_a_jwt_opens_many_times_and_the_app_never_sees_it(h, app):
    h.server.visitors.update({(kind, "j.1.w"): (ALLOWED, 60000, ADA, "") for kind in (SIGN, SIGN_ONCE)})
    known(h)
    for target, seen in (("/file=a?__sign=j.1.w", "/file=a"), ("/?x&%5f%5Fsign=j.1.w&&y=%26", "/?x&&y=%26"), ("/?__sig%6e=j.1.w&a", "/?a")):
        assert look(h, target).json()["target"] == seen
    assert look(h, "/u?__sign=j.1.w", method="POST").json()["target"] == "/u"
    assert len(h.server.asked) == 2


@pytest.mark.parametrize("query", ["__sign=one.1.m&__sign=one.1.m", "__sign=one.1.m&%5F_sign=x", "__SIGN=one.1.m", "__sign%20=one.1.m", "__sign",
                                   "__sign=", "__sign=one%2E1.m", "__sign=" + "a" * 513, "a;__sign=one.1.m", "__sign=one.1.m#",
                                   "__sign=one.1.m\"", "%255F_sign=one.1.m"])
def test_tricks_with_the_query_are_never_asked_about(h, app, query):
    h.server.visitors[(SIGN_ONCE, "one.1.m")] = (ALLOWED, 60000, ADA, "s.1.t")
    known(h)
    assert look(h, "/?" + query).status in (400, 404)
    assert not h.server.asked and not app.requests


def test_a_sign_in_is_not_spent_by_a_post_or_a_socket(h, app):
    h.server.visitors[(SIGN_ONCE, "one.1.m")] = (ALLOWED, 60000, ADA, "s.1.t")
    known(h)
    assert look(h, "/?__sign=one.1.m", method="POST").status == 404
    assert look(h, "/?__sign=one.1.m", "Connection: upgrade\r\nUpgrade: websocket\r\n").status == 404
    assert [a[2] for a in h.server.asked] == [SIGN] and not app.requests         # what it may not be used for is remembered


def test_a_public_app_does_not_see_claims_either(h):
    app = App(echo)
    h.server.route("pub", APP, app.port)
    until_known = [look(h, "/?a&__sign=j.1.w", host="pub.localhost") for _ in range(2)][-1]
    assert until_known.json()["target"] == "/?a" and not h.server.asked
    app.close()


# ---- what it remembers ----

def test_one_question_for_all_who_wait(h, app):
    known(h)
    h.server.silent = True
    socks = [h.connect() for _ in range(8)]
    for s in socks:
        s.sendall(f"GET / HTTP/1.1\r\nHost: ada-x.localhost\r\n{bearer('hf_ada')}\r\n".encode())
    h.server.wait_asked(1)
    stranger = look(h, extra=bearer("hf_wait"))             # its own question has no answer: after a while it is told so
    assert stranger.status == 503 and stranger.json()["code"] == "access_unknown" and stranger.get("retry-after")
    ours = [a for a in h.server.asked if a[3] == "hf_ada"]
    assert len(ours) == 1
    h.server.silent = False
    h.server.answer(ours[0][0], ALLOWED, user=ADA)
    answers = [read_answer(s).status for s in socks]
    assert set(answers) <= {200, 503} and len(app.requests) == answers.count(200)


def test_forgetting_asks_again(h, app):
    known(h)
    assert look(h, extra=bearer("hf_ada")).status == 200
    for space, user in (("", ADA), (space_id("ada-x"), ""), ("", "")):
        before = len(h.server.asked)
        h.server.forget(space, user)
        assert look(h, extra=bearer("hf_ada")).status == 200
        assert len(h.server.asked) == before + 1
    h.server.forget(space_id("other"), BOB)
    assert look(h, extra=bearer("hf_ada")).status == 200 and len(h.server.asked) == before + 1
    h.server.visitors.clear()
    h.server.forget("", ADA)
    assert look(h, extra=bearer("hf_ada")).status == 404


def test_an_answer_of_before_is_not_believed(h, app):
    """The server looked, then somebody was revoked, then the answer came."""
    known(h)
    h.server.silent = True
    s = h.connect()
    s.sendall(f"GET / HTTP/1.1\r\nHost: ada-x.localhost\r\n{bearer('hf_ada')}\r\n".encode())
    h.server.wait_asked(1)
    h.server.visitors.clear()
    h.server.silent = False
    h.server.forget("", ADA)
    h.server.answer(h.server.asked[0][0], ALLOWED, user=ADA)
    assert read_answer(s).status == 404 and len(h.server.asked) == 2 and not app.requests


def tunnel(app, conn):
    until(conn, b"\r\n\r\n")
    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    app.note("tunnel")
    while data := conn.recv(4096):
        conn.sendall(data)


def upgraded(h, extra=""):
    s = h.connect()
    s.sendall(f"GET /ws HTTP/1.1\r\nHost: ada-x.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{extra}\r\n".encode())
    assert read_answer(s).status == 101
    return s


def test_sockets_are_checked_and_end_with_their_user(h):
    app = App(tunnel)
    h.server.route("ada-x", APP, app.port, flags=PRIVATE)
    h.server.visitors.update({(TOKEN, "hf_ada"): (ALLOWED, 60000, ADA, ""), (TOKEN, "hf_bob"): (ALLOWED, 60000, BOB, "")})
    known(h)
    assert look(h, "/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n").status == 404
    ada, bob = upgraded(h, bearer("hf_ada")), upgraded(h, bearer("hf_bob"))
    h.server.forget("", ADA)
    assert ada.recv(1) == b""
    bob.sendall(b"still")
    assert until(bob, b"still") == b"still"
    app.close()


def test_making_it_private_ends_the_sockets_of_those_who_looked(h):
    app = App(tunnel)
    h.server.route("ada-x", APP, app.port)
    while look(h, "/", "Connection: Upgrade\r\nUpgrade: websocket\r\n").status != 101:
        pass
    s = upgraded(h)
    h.server.route("ada-x", APP, app.port, flags=PRIVATE)
    assert s.recv(1) == b""
    app.close()


def test_without_a_server_what_is_known_goes_on_and_nothing_else(h, app):
    known(h)
    assert look(h, extra=bearer("hf_ada")).status == 200
    h.server.stop()
    assert look(h, extra=bearer("hf_ada")).status == 200
    refused = look(h, extra=bearer("hf_bob"))
    assert refused.status == 503 and refused.json()["code"] == "access_unknown"
    page = look(h, "/", PAGE + bearer("hf_bob"))
    assert page.status == 503 and b"<h1>" in page.body
    h.server.start()
    h.wait_connected()
    assert look(h, extra=bearer("hf_bob")).status == 404


def test_the_server_does_not_know_either(h, app):
    h.server.visitors[(TOKEN, "hf_hm")] = (UNCERTAIN, 0, "", "")
    known(h)
    assert look(h, extra=bearer("hf_hm")).json()["code"] == "access_unknown"
    assert look(h, extra=bearer("hf_hm")).status == 503 and len(h.server.asked) == 2


def test_what_is_known_ends(h, app):
    h.server.visitors[(TOKEN, "hf_brief")] = (ALLOWED, 10, ADA, "")         # a hundredth of a second, at ten times the speed
    known(h)
    assert look(h, extra=bearer("hf_brief")).status == 200
    end = time.monotonic() + 5
    while len(h.server.asked) < 2 and time.monotonic() < end:
        assert look(h, extra=bearer("hf_brief")).status == 200
    assert len(h.server.asked) >= 2


def test_more_visitors_than_it_remembers(h, app):
    """Its table is of a fixed size: who falls out of it is asked about again."""
    known(h)
    with h.connect() as s:
        for i in range(5000):
            h.server.visitors[(TOKEN, f"hf_{i}")] = (ALLOWED, 60000, ADA, "")
            s.sendall(f"GET / HTTP/1.1\r\nHost: ada-x.localhost\r\n{bearer(f'hf_{i}')}\r\n".encode())
            assert read_answer(s).status == 200


def test_malformed_answers_end_the_servers_connection(h, app):
    known(h)
    for verdict, user, session in ((7, "", ""), (ALLOWED, "not an id", ""), (ALLOWED, ADA, "a\r\nSet-Cookie: x"), (ALLOWED, ADA, "x" * 515)):
        with h.server.cond:
            edge = h.server.edge
        h.server.answer(1, verdict, user=user, session=session)
        with h.server.cond:
            assert h.server.cond.wait_for(lambda: h.server.edge not in (None, edge), 5)
    assert look(h, extra=bearer("hf_ada")).status == 200


def test_where_a_sign_in_leads_back_to(h, app):
    known(h)
    for target, to in (("/a b".replace(" ", "%20"), "/a%2520b"), ("/?x=1&y=/", "/%3Fx%3D1%26y%3D/"), ("/" + "a" * 7000, "/"), ("/?__sign=x", "/"),
                       ("//evil.example", "//evil.example")):
        got = look(h, target, PAGE)
        assert got.status == 302 and got.get("location") == f"http://localhost:{h.port}/-/apps/sign?app=ada-x&to={to}"
    with h.connect() as s:
        s.sendall(f"GET / HTTP/1.1\r\nHost: ada-x.localhost:80@evil.example\r\n{PAGE}\r\n".encode())
        assert "evil" not in (read_answer(s).get("location") or "")
    query = urllib.parse.urlsplit(look(h, "/p", PAGE).get("location")).query
    assert urllib.parse.parse_qs(query) == {"app": ["ada-x"], "to": ["/p"]}
