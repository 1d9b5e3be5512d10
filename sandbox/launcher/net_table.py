#!/usr/bin/env python3
"""Writes net_table.c: the netlink messages that furnish a sandbox's network namespace.

The launcher replays constant bytes instead of linking libnftables (three libraries in the root process,
0.5 ms a start). Needs root, nft and strace; run it after changing RULES:  python3 sandbox/launcher/net_table.py
"""
import os
import re
import socket
import struct
import subprocess
import tempfile

# Everything leaves through lo and lands at the listeners of vitrine-egress; what it does not carry is refused.
RULES = """
table inet vitrine {
	chain nat {
		type nat hook output priority -100;
		meta nfproto ipv4 udp dport 53 redirect to :5353
		meta nfproto ipv4 tcp dport 53 redirect to :5353
		ip daddr 127.0.0.0/8 return
		ip daddr 10.255.255.2 return
		ip6 daddr ::1 return
		ip6 daddr fd00:7669::2 return
		meta l4proto tcp redirect to :3129
	}
	chain out {
		type filter hook output priority 0; policy drop;
		ip daddr 127.0.0.0/8 accept
		ip daddr 10.255.255.2 accept
		ip6 daddr ::1 accept
		ip6 daddr fd00:7669::2 accept
		ct status dnat accept
		reject
	}
}
"""
LO = 1                                                  # the index of lo in a new namespace
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE = 1, 4, 0x400
RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
IFF_UP, IFA_F_NODAD = 1, 2
V4, V6 = socket.inet_aton("10.255.255.2"), socket.inet_pton(socket.AF_INET6, "fd00:7669::2")


def attr(kind, data):
    return struct.pack("<HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind, flags, body):
    return struct.pack("<IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, 0, 0) + body


def address(family, bits, raw):
    return message(RTM_NEWADDR, NLM_F_CREATE, struct.pack("<BBBBI", family, bits, IFA_F_NODAD, 0, LO) + attr(1, raw) + attr(2, raw))


def route(family, source):
    head = struct.pack("<BBBBBBBBI", family, 0, 0, 0, 254, 4, 0, 1, 0)     # table main, static, universe, unicast
    return message(RTM_NEWROUTE, NLM_F_CREATE, head + attr(7, source) + attr(4, struct.pack("<I", LO)))


def recorded_rules():
    with tempfile.TemporaryDirectory() as d:
        rules, trace = os.path.join(d, "rules"), os.path.join(d, "trace")
        open(rules, "w").write(RULES)
        subprocess.run(["unshare", "-n", "strace", "-e", "trace=sendmsg", "-e", "write=3", "-o", trace, "nft", "-f", rules], check=True)
        lines = open(trace).read().splitlines()
    return b"".join(bytes.fromhex(m[1]) for m in (re.match(r" \| [0-9a-f]+  ([0-9a-f ]{48,50})", l) for l in lines) if m)


def acknowledged(batch):
    """Asks for an answer to each message between the batch's begin and end, so that silence is not success."""
    out, at, n = b"", 0, 0
    while at < len(batch):
        size, kind, flags, _, _ = struct.unpack_from("<IHHII", batch, at)
        inner = kind not in (16, 17)
        n += inner
        out += struct.pack("<IHHII", size, kind, flags | (NLM_F_ACK if inner else 0), 0, 0) + batch[at + 16:at + size]
        at += (size + 3) & ~3
    return out, n


def table(name, data, answers):
    rows = "".join("\t" + "".join(f"{b}," for b in data[i:i + 32]) + "\n" for i in range(0, len(data), 32))
    return f"static const unsigned char {name}_bytes[] = {{\n{rows}}};\nconst struct net_batch {name} = {{ {name}_bytes, sizeof({name}_bytes), {answers} }};\n\n"


def main():
    up = message(RTM_NEWLINK, 0, struct.pack("<BBHiII", 0, 0, 0, LO, IFF_UP, IFF_UP))
    ways = [address(socket.AF_INET, 32, V4), address(socket.AF_INET6, 128, V6), route(socket.AF_INET, V4), route(socket.AF_INET6, V6)]
    rules, answers = acknowledged(recorded_rules())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "net_table.c"), "w") as f:
        f.write("/* Made by net_table.py; do not edit. */\n#include \"launcher.h\"\n\n")
        f.write(table("net_lo", up, 1) + table("net_ways", b"".join(ways), len(ways)) + table("net_rules", rules, answers).rstrip() + "\n")


main()
