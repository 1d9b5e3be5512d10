"""What the server answers edge about visitors of private apps: the control plane alone, with a test in edge's place."""
import json
import pathlib
import struct
import sys
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import BIN  # noqa: E402
from helpers.control import Control, HEAD, ROUTE  # noqa: E402

ASK, ANSWER = struct.Struct("<Q25s515sI"), struct.Struct("<Q25s515sIII")
TOKEN, COOKIE, SIGN, SIGN_ONCE = range(4)
DENIED, ALLOWED = range(2)
PER_USER = 256


@pytest.fixture(scope="module")
def server():
    control = Control(BIN).start()
    yield control
    assert control.stop() == 0, control.log()
    control.remove()


class Person:
    """Somebody with a private Space."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.token = server.admin(cmd="user-add", name=name)["token"]
        server.create("app", token=self.token, private=True)
        about = json.loads(server.ask("GET", f"/api/spaces/{name}/app", token=self.token)[2])
        self.space, self.label = about["_id"], about["subdomain"]

    def sign(self):
        status, headers, text = self.server.ask("GET", f"/-/apps/sign?app={self.label}&to=/", token=self.token)
        assert status == 302, text
        return urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["__sign"][0]


class Edge:
    def __init__(self, server):
        self.sock, self.count = server.edge(), 0

    def ask(self, space, kind, credential):
        """(verdict, the cookie that it was exchanged for)"""
        self.count += 1
        body = ASK.pack(self.count, space.encode(), credential.encode(), kind)
        self.sock.send(HEAD.pack(1, ROUTE.index("ACCESS"), 0, len(body), 0) + body)
        while True:
            data = self.sock.recv(8192)
            if ROUTE[HEAD.unpack(data[:16])[1]] == "ACCESS_IS":
                number, _, session, verdict, _, _ = ANSWER.unpack(data[16:16 + ANSWER.size])
                assert number == self.count
                return verdict, session.rstrip(b"\0").decode()


def test_claims_open_one_space_and_what_they_are_for(server):
    ada, bob, edge = Person(server, "ada"), Person(server, "bob"), Edge(server)
    assert edge.ask(ada.space, TOKEN, ada.token)[0] == ALLOWED
    assert edge.ask(ada.space, TOKEN, bob.token)[0] == DENIED
    assert edge.ask(bob.space, SIGN_ONCE, ada.sign())[0] == DENIED
    assert edge.ask(ada.space, SIGN, ada.sign())[0] == DENIED           # not by a POST or a socket
    assert edge.ask(ada.space, COOKIE, ada.sign())[0] == DENIED
    verdict, cookie = edge.ask(ada.space, SIGN_ONCE, sign := ada.sign())
    assert verdict == ALLOWED and edge.ask(ada.space, SIGN_ONCE, sign)[0] == DENIED
    assert edge.ask(ada.space, COOKIE, cookie)[0] == ALLOWED and edge.ask(bob.space, COOKIE, cookie)[0] == DENIED
    assert edge.ask(ada.space, SIGN_ONCE, cookie)[0] == DENIED


def test_one_user_does_not_keep_others_from_signing_in(server):
    eve, mallory, edge = Person(server, "eve"), Person(server, "mallory"), Edge(server)
    verdicts = [edge.ask(mallory.space, SIGN_ONCE, mallory.sign())[0] for _ in range(PER_USER + 1)]
    assert verdicts == [ALLOWED] * PER_USER + [DENIED]
    assert edge.ask(eve.space, SIGN_ONCE, eve.sign())[0] == ALLOWED
