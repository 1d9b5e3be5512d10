"""vitrine-egress against hostile apps: which addresses and ports answer, how names resolve (C-SBX-14..16, sandbox.md 4.4)."""
import hashlib
import os
import socket
import struct
import sys
import threading
import time

import pytest

from conftest import BIN, missing

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "helpers"))
from egress_world import (ANY, BUILD, NONE, OWN, PRIVATE, PRIVATE6, PUBLIC, PUBLIC6, REFUSED, TRAFFIC, WEB, Server, World, dns_addresses, dns_answer,  # noqa: E402
                          dns_query, dns_question, needs)

PORTS = [80, 443, 8080, 25, 22, 3141]


def hello(c):
    c.sendall(b"hello")
    c.recv(100)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if needs():
        missing(needs())
    w = World(tmp_path_factory.mktemp("egress"), BIN / "vitrine-egress", allow=["pypi.corp:3141", "10.77.0.9:8443", "127.0.0.1:3142", "bad"])
    w.servers = {(a, p): Server(w.net.listen(a, p), hello) for a in [PUBLIC, PUBLIC6, *PRIVATE, *PRIVATE6] for p in PORTS}
    w.servers["loopback"] = Server(w.host.listen("127.0.0.1", 3142), hello)
    w.servers["index"] = Server(w.net.listen("10.77.0.9", 8443), hello)
    for index, policy in enumerate([NONE, WEB, ANY, BUILD]):
        w.open_slot(index, policy)
    w.web = w.slots[WEB]
    yield w
    assert w.stop() == 0                                # ends by itself when the launcher is gone


def reaches(ns, address, port):
    """True when bytes came back, False for a RST."""
    try:
        with ns.connect(address, port) as s:
            return s.recv(100) == b"hello"
    except ConnectionResetError:
        return False


def ask(ns, query, tcp=False, timeout=15):
    """The stub's reply to QUERY sent to some resolver on the Internet, or None."""
    if tcp:
        with ns.connect("8.8.8.8", 53, timeout) as s:
            s.sendall(struct.pack(">H", len(query)) + query)
            f = s.makefile("rb")
            head = f.read(2)
            return f.read(struct.unpack(">H", head)[0]) if head else None
    s = ns.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.settimeout(timeout)
        s.sendto(query, ("8.8.8.8", 53))
        try:
            return s.recv(65535)
        except TimeoutError:
            return None


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC6])
@pytest.mark.parametrize("port", [80, 443, 8080])
def test_the_web_is_reachable(world, address, port):
    assert reaches(world.web, address, port)


@pytest.mark.parametrize("policy", [WEB, ANY, BUILD])
@pytest.mark.parametrize("address", PRIVATE + PRIVATE6)
def test_private_and_metadata_addresses_are_reset(world, policy, address):
    seen = world.servers[address, 80].seen
    assert not reaches(world.slots[policy], address, 80)
    assert world.servers[address, 80].seen == seen


@pytest.mark.parametrize("address", ["::ffff:10.77.0.9", "::ffff:a4d:9", "167.772.77", "0xa4d0009", "012.77.0.011", "10.19721"])
def test_another_spelling_of_a_private_address_changes_nothing(world, address):
    """libc turns these into an address before any connection; what arrives is binary."""
    try:
        assert not reaches(world.web, address, 80)
    except socket.gaierror:
        pass                                                # this libc does not know the spelling
    assert world.servers["10.77.0.9", 80].seen == 0


def test_hosts_loopback_and_own_listeners_are_out_of_reach(world):
    server = Server(world.host.listen("127.0.0.1", 80), hello)
    with pytest.raises(ConnectionRefusedError):
        world.web.connect("127.0.0.1", 80)
    assert not reaches(world.web, "127.0.0.1", 3129)       # the gateway's own listener: its destination is loopback
    assert not reaches(world.web, "::1", 3129)
    assert server.seen == 0


@pytest.mark.parametrize("policy, port, good", [
    (WEB, 22, False), (WEB, 25, False), (WEB, 3141, False), (ANY, 22, True), (ANY, 3141, True), (ANY, 25, False), (BUILD, 22, False)])
def test_ports_follow_the_level(world, policy, port, good):
    assert reaches(world.slots[policy], PUBLIC, port) == good


def test_no_network_means_none(world):
    assert not reaches(world.slots[NONE], PUBLIC, 80)
    rcode, _, found = dns_addresses(ask(world.slots[NONE], dns_query("public.test")))
    assert (rcode, found) == (5, [])


def test_builds_reach_the_operators_index_and_apps_do_not(world):
    world.resolver.names["pypi.corp"] = ["10.77.0.9"]
    assert not reaches(world.slots[BUILD], "10.77.0.9", 3141)
    for ns in (world.web, world.slots[BUILD]):
        assert dns_addresses(ask(ns, dns_query("PyPI.corp"))) == (0, False, ["10.77.0.9"])
    assert reaches(world.slots[BUILD], "10.77.0.9", 3141)
    assert reaches(world.slots[BUILD], "10.77.0.9", 8443)
    assert not reaches(world.slots[BUILD], "10.77.0.9", 80)
    assert not reaches(world.web, "10.77.0.9", 3141)
    assert not reaches(world.web, "10.77.0.9", 8443)


def test_builds_reach_an_index_on_the_hosts_loopback_through_the_gate(world):
    assert reaches(world.slots[BUILD], "198.18.0.1", 3142)
    assert not reaches(world.web, "198.18.0.1", 3142)
    assert not reaches(world.slots[BUILD], "198.18.0.1", 22)


def test_names_resolve_by_udp_and_tcp(world):
    world.resolver.names["public.test"] = [PUBLIC, PUBLIC6]
    for tcp in (False, True):
        assert dns_addresses(ask(world.web, dns_query("public.test"), tcp)) == (0, False, [PUBLIC])
        assert dns_addresses(ask(world.web, dns_query("public.test", 28), tcp)) == (0, False, [PUBLIC6])
        assert dns_addresses(ask(world.web, dns_query("no.such"), tcp))[0] == 3
    assert ask(world.web, dns_query("public.test", number=0xbeef))[:2] == b"\xbe\xef"


def test_only_the_question_reaches_the_resolver(world):
    seen = []
    world.resolver.answer = lambda q, tcp: seen.append(q) or world.resolver.from_names(q, tcp)
    try:
        option = struct.pack(">HHIH", 41, 4096, 0, 12) + struct.pack(">HH", 10, 8) + b"smuggled"
        query = bytearray(dns_query("Public.TEST") + b"\0" + option)
        query[11] = 1
        assert dns_addresses(ask(world.web, bytes(query)))[0] == 0
    finally:
        world.resolver.answer = world.resolver.from_names
    assert b"smuggled" not in seen[0] and b"\6Public\4TEST\0" in seen[0]


@pytest.mark.parametrize("kind", [255, 252, 251, 10, 6, 2, 99])
def test_other_record_types_are_refused(world, kind):
    before = len(world.resolver.asked)
    assert ask(world.web, dns_query("public.test", kind))[3] & 15 == 4
    assert len(world.resolver.asked) == before


@pytest.mark.parametrize("name, kind", [("secret.corp", 1), ("SECRET.corp", 28), ("localhost", 1), ("x.localhost", 1),
                                        ("9.0.77.10.in-addr.arpa", 12), ("1.0.0.127.in-addr.arpa", 12), ("_x._tcp.1.168.192.in-addr.arpa", 12)])
def test_the_hosts_own_names_are_not_told(world, name, kind):
    before = len(world.resolver.asked)
    assert ask(world.web, dns_query(name, kind))[3] & 15 == 3
    assert len(world.resolver.asked) == before


def test_public_reverse_names_are_passed_on(world):
    assert ask(world.web, dns_query("5.113.0.203.in-addr.arpa", 12)) is not None
    assert world.resolver.asked[-1][:2] == ("5.113.0.203.in-addr.arpa", 12)


@pytest.mark.parametrize("junk", [b"", b"x", b"\0" * 11, os.urandom(300), dns_query("a.b", flags=0x8180), dns_query("a.b") * 2, b"\xff" * 512])
def test_malformed_queries_change_nothing(world, junk):
    before = len(world.resolver.asked)
    s = world.web.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(junk, ("8.8.8.8", 53))
    s.close()
    try:
        ask(world.web, junk, tcp=True)
    except (ConnectionError, struct.error):
        pass
    assert dns_addresses(ask(world.web, dns_query("no.such")))[0] == 3
    assert len(world.resolver.asked) == before + 1


def test_forged_answers_are_dropped_until_the_right_one_comes(world):
    def forge(query, tcp):
        number = struct.unpack(">H", query[:2])[0]
        good = dns_question(query)[2]
        return [dns_answer(query, ["6.6.6.6"], number=number ^ 1), dns_answer(query, ["6.6.6.6"], question=good.replace(b"forged", b"Forged")),
                b"", b"x", dns_answer(query, ["6.6.6.6"])[:20], dns_answer(query, [PUBLIC])]
    world.resolver.answer = forge
    try:
        assert dns_addresses(ask(world.web, dns_query("forged.test"))) == (0, False, [PUBLIC])
    finally:
        world.resolver.answer = world.resolver.from_names


def test_a_truncated_answer_is_got_by_tcp(world):
    many = [f"203.0.113.{n}" for n in range(100)]
    world.resolver.answer = lambda q, tcp: [dns_answer(q, many)] if tcp else [dns_answer(q, [], truncated=True)]
    try:
        assert dns_addresses(ask(world.web, dns_query("big.test")))[1]
        assert dns_addresses(ask(world.web, dns_query("big.test"), tcp=True)) == (0, False, many)
    finally:
        world.resolver.answer = world.resolver.from_names


def test_an_answer_too_large_for_the_client_is_truncated(world):
    world.resolver.answer = lambda q, tcp: [dns_answer(q, [f"203.0.113.{n}" for n in range(60)])]
    try:
        assert dns_addresses(ask(world.web, dns_query("big.test")))[1]
        assert len(dns_addresses(ask(world.web, dns_query("big.test", edns=1232)))[2]) == 60
    finally:
        world.resolver.answer = world.resolver.from_names


def test_a_silent_resolver_ends_in_servfail(world):
    world.resolver.answer = lambda q, tcp: []
    try:
        assert dns_addresses(ask(world.web, dns_query("slow.test")))[0] == 2
        assert world.resolver.asked[-2:] == [("slow.test", 1, "udp")] * 2
    finally:
        world.resolver.answer = world.resolver.from_names


def test_rebinding_is_decided_again_at_connect(world):
    answers = iter([[PUBLIC], ["10.77.0.9"], ["127.0.0.1"], ["169.254.169.254"]])
    world.resolver.answer = lambda q, tcp: [dns_answer(q, next(answers))]
    try:
        for good in (True, False, None, False):
            address = dns_addresses(ask(world.web, dns_query("rebind.test")))[2][0]
            if good is None:                        # the sandbox's own loopback
                with pytest.raises(ConnectionRefusedError):
                    world.web.connect(address, 80)
            else:
                assert reaches(world.web, address, 80) == good
    finally:
        world.resolver.answer = world.resolver.from_names


def test_look_ups_are_limited_per_slot(world):
    ns = world.open_slot(9, WEB)
    s = ns.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.settimeout(0.5)
        for n in range(2000):
            s.sendto(dns_query("x.localhost", number=n), ("8.8.8.8", 53))
        got = 0
        try:
            while s.recv(512):
                got += 1
        except TimeoutError:
            pass
    assert 200 <= got <= 900, got
    assert dns_addresses(ask(world.web, dns_query("public.test")))[0] in (0, 3)        # others are not affected


def test_half_close_is_passed_on_both_ways(world):
    def count(c):
        total = 0
        while chunk := c.recv(65536):
            total += len(chunk)
        c.sendall(str(total).encode())
    world.net_server = Server(world.net.listen("203.0.113.5", 8081), count)
    ns = world.slots[ANY]
    with ns.connect(PUBLIC, 8081) as s:
        s.sendall(b"x" * 3_000_000)
        s.shutdown(socket.SHUT_WR)
        assert s.makefile("rb").read() == b"3000000"


def test_bulk_passes_unchanged_both_ways_at_once(world):
    data = os.urandom(1 << 20) * 24
    got = {}

    def echo_other(c):
        sender = threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR)))
        sender.start()
        got["up"] = hashlib.sha256(c.makefile("rb").read()).digest()
        sender.join()
    Server(world.net.listen(PUBLIC, 8082), echo_other)
    with world.slots[ANY].connect(PUBLIC, 8082) as s:
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got["down"] = hashlib.sha256(s.makefile("rb").read()).digest()
        sender.join()
    assert got["down"] == hashlib.sha256(data).digest()
    deadline = time.monotonic() + 10
    while "up" not in got and time.monotonic() < deadline:
        time.sleep(0.01)
    assert got["up"] == got["down"]


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))


def test_a_reader_that_stops_holds_the_writer_back(world):
    release = threading.Event()
    Server(world.net.listen(PUBLIC, 8083), lambda c: release.wait(30))
    before, ticks = memory_kb(world.process.pid), cpu_ticks(world.process.pid)
    conns = [world.slots[ANY].connect(PUBLIC, 8083, timeout=0.3) for _ in range(8)]
    for s in conns:
        with pytest.raises(TimeoutError):
            s.sendall(b"x" * (64 << 20))
    assert memory_kb(world.process.pid) - before < 8 * 128 + 512
    time.sleep(0.3)
    assert cpu_ticks(world.process.pid) - ticks < 100      # it waits, it does not spin
    for s in conns:
        s.close()
    release.set()


def test_a_refused_or_reset_peer_resets_the_app(world):
    assert not reaches(world.slots[ANY], PUBLIC, 9)            # nobody listens there

    def slam(c):
        c.recv(10)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    Server(world.net.listen(PUBLIC, 8084), slam)
    with world.slots[ANY].connect(PUBLIC, 8084) as s:
        s.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            s.recv(10)


def test_connections_are_limited_and_come_back(world):
    ns = world.open_slot(10, WEB)
    open_ones = []
    for _ in range(256):
        s = ns.connect(PUBLIC, 80)
        assert s.recv(100) == b"hello"
        open_ones.append(s)
    assert not reaches(ns, PUBLIC, 80)
    assert reaches(world.web, PUBLIC, 80)
    for s in open_ones:
        s.close()
    deadline = time.monotonic() + 10
    while not reaches(ns, PUBLIC, 80):
        assert time.monotonic() < deadline


def test_a_closed_slot_loses_its_connections_and_a_late_close_changes_nothing(world):
    ended = threading.Event()
    Server(world.net.listen(PUBLIC, 8085), lambda c: c.sendall(b"hello") or c.recv(10) or ended.set())
    ns = world.open_slot(11, ANY)
    s = ns.connect(PUBLIC, 8085)
    assert s.recv(10) == b"hello"                               # the former generation has accepted it
    old = ns.slot
    deadline = time.monotonic() + 10
    world.open_slot(11, ANY, reuse=ns)                          # a new generation on the same index
    try:
        assert s.recv(10) == b""
    except ConnectionResetError:
        pass
    assert ended.wait(10)
    world.send(1, old)
    assert reaches(ns, PUBLIC, 80)
    world.close_slot(ns)
    while time.monotonic() < deadline:
        try:
            t = ns.connect(PUBLIC, 80, timeout=0.2)
            t.recv(1)
        except TimeoutError:
            break                                               # nobody accepts any more
        except ConnectionResetError:
            continue


def test_refusals_are_logged_without_flooding(world):
    ns = world.open_slot(12, WEB)
    for _ in range(50):
        assert not reaches(ns, "10.77.0.9", 80)
    lines = [line for line in world.log_text().splitlines() if "egress refused slot=12." in line]
    assert 1 <= len(lines) <= 10
    assert "space=0123456789abcdef01234567 dst=10.77.0.9:80 why=address" in lines[0]


def test_the_hosts_own_public_addresses_are_refused_but_for_the_platforms_port(world):
    servers = {p: Server(world.host.listen(OWN, p), hello) for p in (80, 443, 7860)}
    v6 = Server(world.host.listen("2001:db8:1::1", 443), hello)
    for policy in (WEB, ANY, BUILD):
        for address, port in ((OWN, 80), (OWN, 443), ("2001:db8:1::1", 443), (f"64:ff9b::{OWN}", 443), ("2002:cb00:714d::1", 443)):
            assert not reaches(world.slots[policy], address, port)
    assert servers[80].seen == servers[443].seen == v6.seen == 0
    assert reaches(world.slots[ANY], OWN, 7860)                 # where everybody on the Internet finds the platform
    assert not reaches(world.web, OWN, 7860)                    # a port that WEB has not


def test_an_address_that_the_host_gets_later_is_its_own_at_once(world):
    late = "203.0.113.88"
    world.net.ip(f"addr add {late}/32 dev lo")
    there = Server(world.net.listen(late, 443), hello)
    assert reaches(world.web, late, 443) and there.seen == 1
    world.host.ip(f"addr add {late}/32 dev lo")
    here = Server(world.host.listen(late, 443), hello)
    assert not reaches(world.web, late, 443)
    assert here.seen == 0 and there.seen == 1


def test_each_refused_destination_is_reported_once(world):
    ns = world.open_slot(20, WEB)
    for _ in range(3):
        for address, port in (("10.77.0.9", 80), (PUBLIC, 22), (OWN, 443), ("fd12::5", 443)):
            assert not reaches(ns, address, port)
    got = [world.report(ns, REFUSED) for _ in range(4)]
    assert [(m["addr"], m["port"], m["why"]) for m in got] == [
        ("10.77.0.9", 80, "address"), (PUBLIC, 22, "port"), (OWN, 443, "own-address"), ("fd12::5", 443, "address")]
    assert all(m["space"] == "0123456789abcdef01234567" and m["policy"] == WEB and not m["is_last"] for m in got)
    total = world.report(ns, TRAFFIC)
    while total["refused"] < 12:
        total = world.report(ns, TRAFFIC)
    assert total == {"out": 0, "in": 0, "connections": 0, "refused": 12}
    for port in range(1000, 1040):
        assert not reaches(ns, PUBLIC, port)
    told = [world.report(ns, REFUSED) for _ in range(28)]               # 32 of one run
    assert [m["is_last"] for m in told] == [0] * 27 + [1]
    assert world.report(ns, TRAFFIC)["refused"] > 12
    with pytest.raises(TimeoutError):
        world.report(ns, REFUSED, timeout=1.5)


def test_the_accounting_equals_the_bytes_sent(world):
    ns = world.open_slot(21, ANY)
    sent, answer = os.urandom(300_001), os.urandom(70_003)

    def answerer(c):
        n = 0
        while n < len(sent):
            n += len(c.recv(65536))
        c.sendall(answer)
    Server(world.net.listen(PUBLIC, 8086), answerer)
    for _ in range(3):
        with ns.connect(PUBLIC, 8086) as s:
            s.sendall(sent)
            assert s.makefile("rb").read() == answer
    total = world.report(ns, TRAFFIC)
    while total["in"] < 3 * len(answer):
        total = world.report(ns, TRAFFIC)
    assert total == {"out": 3 * len(sent), "in": 3 * len(answer), "connections": 3, "refused": 0}


def test_a_bandwidth_hog_is_held_to_its_rate_and_others_are_not(world):
    hog, rate = world.open_slot(22, ANY), 31_250_000
    size, got = rate * 5 // 4, []

    def swallow(c):
        n = 0
        while chunk := c.recv(1 << 20):
            n += len(chunk)
        got.append(n)
    Server(world.net.listen(PUBLIC, 8087), swallow)
    start = time.monotonic()
    with hog.connect(PUBLIC, 8087) as s:
        sender = threading.Thread(target=lambda: (s.sendall(b"x" * size), s.shutdown(socket.SHUT_WR)))
        sender.start()
        assert reaches(world.web, PUBLIC, 80)
        sender.join()
        assert s.recv(1) == b""
    took = time.monotonic() - start
    assert got == [size]
    assert 0.7 <= took <= 10, took                      # half a second's worth passes at once, the rest at the rate


def test_a_paced_connection_that_hangs_up_does_not_spin(world):
    hog = world.open_slot(23, ANY)
    release = threading.Event()
    Server(world.net.listen(PUBLIC, 8088), lambda c: [c.recv(65536) for _ in range(4)] and release.wait(10))
    ticks = cpu_ticks(world.process.pid)
    conns = [hog.connect(PUBLIC, 8088, timeout=0.2) for _ in range(4)]
    for s in conns:
        try:
            s.sendall(b"x" * (8 << 20))
        except TimeoutError:
            pass
        s.close()
    time.sleep(0.5)
    assert cpu_ticks(world.process.pid) - ticks < 60
    release.set()


def test_connecting_fast_waits_and_hurts_nobody_else(world):
    scanner = world.open_slot(24, WEB)
    start, done = time.monotonic(), 0
    for n in range(380):                                # 256 at once, then 100 a second
        assert not reaches(scanner, "10.77.0.9", 8080)
        done += 1
        if n == 300:
            assert reaches(world.web, PUBLIC, 80)
    assert time.monotonic() - start >= 1.0


@pytest.fixture
def small_world(tmp_path):
    if needs():
        missing(needs())
    made = []

    def make(**options):
        made.append(World(tmp_path, BIN / "vitrine-egress", **options))
        return made[-1]
    yield make
    for w in made:
        assert w.stop() == 0


def test_without_ipv6_its_addresses_are_not_told(small_world):
    w = small_world(v6=False)
    w.resolver.names["public.test"] = [PUBLIC, PUBLIC6]
    ns = w.open_slot(0, WEB)
    assert dns_addresses(ask(ns, dns_query("public.test", 28))) == (0, False, [])
    assert dns_addresses(ask(ns, dns_query("public.test"))) == (0, False, [PUBLIC])
    assert w.resolver.asked == [("public.test", 1, "udp")]


def test_the_next_resolver_is_asked_when_one_is_dead(small_world):
    w = small_world(resolvers=["203.0.113.5", "198.51.100.53"])
    w.resolver.names["public.test"] = [PUBLIC]
    ns = w.open_slot(0, WEB)
    for tcp in (False, True):
        assert dns_addresses(ask(ns, dns_query("public.test"), tcp)) == (0, False, [PUBLIC])


def test_a_name_of_etc_hosts_serves_builds_when_the_operator_names_it(small_world):
    w = small_world(allow=["index.corp:443"], hosts="10.77.0.9 Index.corp\n192.168.7.7 other.corp\n")
    Server(w.net.listen("10.77.0.9", 443), hello)
    build, web = w.open_slot(0, BUILD), w.open_slot(1, WEB)
    assert dns_addresses(ask(build, dns_query("index.corp"))) == (0, False, ["10.77.0.9"])
    assert dns_addresses(ask(build, dns_query("other.corp")))[0] == 3
    assert dns_addresses(ask(web, dns_query("index.corp")))[0] == 3
    assert reaches(build, "10.77.0.9", 443)


@pytest.mark.skipif(not os.environ.get("VITRINE_SOAK"), reason="takes 10 s: make soak")
def test_a_dial_that_nobody_answers_ends_after_ten_seconds(small_world):
    w = small_world()
    w.net.ip("route add blackhole 203.0.113.200/32")
    ns = w.open_slot(0, WEB)
    start = time.monotonic()
    assert not reaches(ns, "203.0.113.200", 80)
    assert 9 < time.monotonic() - start < 13
