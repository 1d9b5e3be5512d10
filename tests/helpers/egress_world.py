"""A small Internet for vitrine-egress: three network namespaces of the test's own.

    slot ── lo only, the launcher's rules ──▶ listeners ──▶ vitrine-egress in `host` ── veth ── `net`

`net` has the addresses that a sandbox must reach and those that it must not, so that a refusal is a decision
and not an address that nobody has. The test plays the launcher.
"""
import array
import ctypes
import ipaddress
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NONE, WEB, ANY, BUILD = range(4)
OPEN, CLOSE = 0, 1
REFUSED, TRAFFIC = 0, 1
WHY = "pass no-network address own-address port too-many-connections gateway-full".split()
PUBLIC, PUBLIC6, RESOLVER = "203.0.113.5", "2001:db8::7", "198.51.100.53"
OWN = "203.0.113.77"                            # public, and the host's own
PRIVATE = ["10.77.0.9", "172.16.3.4", "192.168.7.7", "100.64.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1", "198.19.0.9"]
PRIVATE6 = ["fd00:ec2::254", "fd12::5", "64:ff9b::a4d:9", "2002:a4d:9::1", "2001::5"]
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def sh(command, **kw):
    subprocess.run(command, shell=True, check=True, capture_output=True, text=True, **kw)


def needs():
    """The reason why this machine cannot run it, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [t for t in ("ip", "nft", "nsenter", "unshare") if not shutil.which(t)]
    return f"{', '.join(missing)} not installed" if missing else None


class Namespace:
    def __init__(self, name):
        self.name = name
        sh(f"ip netns add {name} && ip -n {name} link set lo up")

    def ip(self, line):
        sh(f"ip -n {self.name} {line}")

    def call(self, fn, *args):
        """FN in this namespace, on a thread of its own; sockets that it makes stay here."""
        result = {}

        def run():
            try:
                with open(f"/run/netns/{self.name}") as f:
                    if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result["value"] = fn(*args)
            except BaseException as e:
                result["error"] = e
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if "error" in result:
            raise result["error"]
        return result.get("value")

    def listen(self, address, port, kind=socket.SOCK_STREAM):
        def make():
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ":" in address:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            if kind == socket.SOCK_STREAM:
                s.listen(512)
            return s
        return self.call(make)

    def connect(self, address, port, timeout=15):
        """A connected socket; connecting ends at the redirect's listener, so a refusal shows at the first recv."""
        def make():
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            s.settimeout(timeout)
            s.connect((address, port))
            return s
        return self.call(make)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


class Server(threading.Thread):
    """Accepts on one listener and runs HANDLE(connection) for each; `seen` counts connections."""

    def __init__(self, listener, handle):
        super().__init__(daemon=True)
        self.listener, self.handle, self.seen = listener, handle, 0
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.seen += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with c:
            try:
                self.handle(c)
            except OSError:
                pass


def dns_query(name, kind=1, number=0x1234, edns=None, flags=0x0100):
    question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
    opt = b"" if edns is None else b"\0" + struct.pack(">HHIH", 41, edns, 0, 0)
    return struct.pack(">HHHHHH", number, flags, 1, 0, 0, 1 if opt else 0) + question + opt


def dns_question(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]


def dns_answer(query, addresses=(), rcode=0, truncated=False, question=None, number=None):
    """An answer to QUERY with A or AAAA records."""
    records = b""
    for a in addresses:
        raw = socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a)
        records += b"\xc0\x0c" + struct.pack(">HHIH", 28 if ":" in a else 1, 1, 1, len(raw)) + raw
    flags = 0x8180 | rcode | (0x0200 if truncated else 0)
    head = struct.pack(">HHHHHH", struct.unpack(">H", query[:2])[0] if number is None else number, flags, 1, len(addresses), 0, 0)
    return head + (question or dns_question(query)[2]) + records


def dns_addresses(reply):
    """(rcode, truncated, [addresses]) of a reply as this file and the stub write it."""
    _, flags, _, count, _, _ = struct.unpack(">HHHHHH", reply[:12])
    at, found = 12 + len(dns_question(reply)[2]), []
    for _ in range(count):
        kind, _, _, size = struct.unpack(">HHIH", reply[at + 2:at + 12])
        found.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, reply[at + 12:at + 12 + size]))
        at += 12 + size
    return flags & 15, bool(flags & 0x0200), found


class Resolver:
    """A DNS server in `net`: ANSWER(query, tcp) gives the datagrams to send. `asked` are the questions seen."""

    def __init__(self, namespace, address=RESOLVER):
        self.names, self.asked, self.answer = {}, [], self.from_names
        self.udp = namespace.listen(address, 53, socket.SOCK_DGRAM)
        Server(namespace.listen(address, 53), self.serve_tcp)
        threading.Thread(target=self.serve_udp, daemon=True).start()

    def from_names(self, query, tcp):
        name, kind, _ = dns_question(query)
        found = [a for a in self.names.get(name.lower(), []) if (":" in a) == (kind == 28)]
        return [dns_answer(query, found, 0 if name.lower() in self.names else 3)]

    def serve_udp(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            self.asked.append((*dns_question(query)[:2], "udp"))
            for reply in self.answer(query, False):
                self.udp.sendto(reply, peer)

    def serve_tcp(self, c):
        f = c.makefile("rb")
        while head := f.read(2):
            query = f.read(struct.unpack(">H", head)[0])
            self.asked.append((*dns_question(query)[:2], "tcp"))
            for reply in self.answer(query, True):
                c.sendall(struct.pack(">H", len(reply)) + reply)


class World:
    def __init__(self, tmp, binary, allow=(), v6=True, own_port=7860, hosts="127.0.0.1 localhost\n10.77.0.9 secret.corp\n", resolvers=(RESOLVER,)):
        mark = os.urandom(3).hex()
        self.host, self.net = Namespace(f"vt{mark}h"), Namespace(f"vt{mark}n")
        self.slots, self.mark, self.generation = {}, mark, 0
        a, b = f"a{mark}", f"b{mark}"
        sh(f"ip -n {self.host.name} link add {a} type veth peer name {b} netns {self.net.name}")
        self.host.ip(f"addr add 10.55.0.1/24 dev {a}")
        self.net.ip(f"addr add 10.55.0.2/24 dev {b}")
        self.host.ip(f"link set {a} up")
        self.net.ip(f"link set {b} up")
        self.host.ip("route add default via 10.55.0.2")
        for address in [PUBLIC, RESOLVER, *PRIVATE]:
            self.net.ip(f"addr add {address}/32 dev lo")
        if v6:
            self.host.ip(f"addr add 2001:db8:1::1/64 dev {a} nodad")
            self.net.ip(f"addr add 2001:db8:1::2/64 dev {b} nodad")
            self.host.ip("-6 route add default via 2001:db8:1::2")
            for address in [PUBLIC6, *PRIVATE6]:
                self.net.ip(f"addr add {address}/128 dev lo nodad")
        else:
            sh(f"ip netns exec {self.host.name} sysctl -qw net.ipv6.conf.{a}.disable_ipv6=1")
        self.resolver = Resolver(self.net)
        (tmp / "resolv.conf").write_text("".join(f"nameserver {r}\n" for r in resolvers))
        (tmp / "hosts").write_text(hosts)
        self.host.ip(f"addr add {OWN}/32 dev lo")
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.reports, reporter = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        (tmp / "allow").write_text("".join(f"allow={x}\n" for x in allow))
        allowed = os.open(tmp / "allow", os.O_RDONLY)
        self.log = open(tmp / "egress.log", "w+")
        # Without capabilities, as the launcher starts it.
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f"mount --bind {tmp}/resolv.conf /etc/resolv.conf && mount --bind {tmp}/hosts /etc/hosts && "
             f"exec nsenter --net=/run/netns/{self.host.name} setpriv --bounding-set -all --inh-caps -all --no-new-privs "
             f"{binary} --launcher-fd {theirs.fileno()} --report-fd {reporter.fileno()} --own-port {own_port} --allow-fd {allowed}"],
            pass_fds=[theirs.fileno(), reporter.fileno(), allowed], stderr=self.log)
        theirs.close()
        reporter.close()
        os.close(allowed)

    def send(self, kind, body, fds=()):
        head = struct.pack("<HHIII", 1, kind, 0, len(body), 0)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.ours.sendmsg([head + body], rights)

    def open_slot(self, index, policy, reuse=None):
        """A sandbox's namespace as the launcher makes it, told to egress. Returns the namespace."""
        self.generation += 1
        ns = self.slots[index] = reuse or Namespace(f"vt{self.mark}s{index}")
        if not reuse:
            rules = re.search(r'RULES = """(.*?)"""', (ROOT / "sandbox/launcher/net_table.py").read_text(), re.S)[1]
            sh(f"ip netns exec {ns.name} nft -f -", input=rules)
            ns.ip("addr add 10.255.255.2/32 dev lo")
            ns.ip("addr add fd00:7669::2/128 dev lo nodad")
            ns.ip("route add default dev lo src 10.255.255.2")
            ns.ip("-6 route add default dev lo src fd00:7669::2")
            ns.listeners = [ns.listen("127.0.0.1", 3129), ns.listen("::1", 3129), ns.listen("127.0.0.1", 5353, socket.SOCK_DGRAM),
                            ns.listen("127.0.0.1", 5353)]
        ns.slot = struct.pack("<II", index, self.generation)
        self.send(OPEN, ns.slot + struct.pack("<II", policy, 0) + b"0123456789abcdef01234567\0" + b"\0" * 3, [s.fileno() for s in ns.listeners])
        return ns

    def close_slot(self, ns):
        self.send(CLOSE, ns.slot)

    def report(self, ns, kind, timeout=15):
        """The next report of KIND (REFUSED, TRAFFIC) on this sandbox, as a dict; others are dropped."""
        deadline = time.monotonic() + timeout
        self.reports.setblocking(True)
        while (left := deadline - time.monotonic()) > 0:
            self.reports.settimeout(left)
            data = self.reports.recv(4096)
            _, got, _, size, _ = struct.unpack_from("<HHIII", data)
            body = data[16:]
            assert size == len(body)
            if got != kind or body[:8] != ns.slot:
                continue
            if kind == TRAFFIC:
                return dict(zip(("out", "in", "connections", "refused"), struct.unpack_from("<4Q", body, 16)))
            port, is_last, why, policy = struct.unpack_from("<HHII", body, 24)
            return {"addr": str(ipaddress.ip_address(body[8:24]).ipv4_mapped or ipaddress.ip_address(body[8:24])), "port": port,
                    "is_last": is_last, "why": WHY[why], "policy": policy, "space": body[36:60].decode()}
        raise TimeoutError

    def log_text(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def stop(self):
        """Ends the launcher's part and takes everything down. Returns egress's exit status."""
        try:
            self.ours.close()
            status = self.process.wait(30)
            assert "runtime error" not in self.log_text(), self.log_text()      # sanitizers, where they are built in
            return status
        finally:
            self.process.kill()
            for ns in [*self.slots.values(), self.host, self.net]:
                ns.remove()
            self.log.close()
