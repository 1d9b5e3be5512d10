"""The data plane against nginx and against a forwarder that does not parse, on the same backend, in interleaved rounds.

`make bench B=edge`; EDGE_ROUNDS, EDGE_SECS and EDGE_SCENARIOS change its length. Edge runs alone, with the
harness of its tests as launcher and server. The method is proxy/README.md's.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

from bench import Report

HERE = pathlib.Path(__file__).resolve().parent
PROXY = HERE / "proxy"
sys.path.insert(0, str(HERE.parent / "helpers"))
from edge_harness import Harness  # noqa: E402

# scenario, metric, unit, peer, target, smaller is better, allowance (ARCHITECTURE 10)
TARGETS = [
    ("http64", "rps", "1/s", "nginx", 1.30, False, 0),
    ("http64", "rps", "1/s", "limit", 0.95, False, 0),
    ("http64", "cpu_us", "us", "nginx", 0.70, True, 0),
    ("ws64", "rps", "1/s", "nginx", 1.10, False, 0),
    ("ws64", "cpu_us", "us", "nginx", 0.90, True, 0),
    ("get1g", "mbs", "MB/s", "nginx", 1.20, False, 0),
    ("get1g", "cpu_s_gb", "s/GB", "nginx", 0.60, True, 0),
    ("put1g", "mbs", "MB/s", "nginx", 1.20, False, 0),
    ("put1g", "cpu_s_gb", "s/GB", "nginx", 0.60, True, 0),
    ("idle_ws", "kib_conn", "KiB", "nginx", 0, True, 1.0),
    ("idle_http", "kib_conn", "KiB", "nginx", 0, True, 0.6),
    ("rate2k_idle", "p99", "us", "nginx", 0.85, True, 0),
]
DEFAULT = "http64,ws64,get1g,put1g,idle_http,idle_ws"


def backend(cpu):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    return port, subprocess.Popen([PROXY / "be", "-a", "127.0.0.1", "-p", str(port)], preexec_fn=lambda: os.sched_setaffinity(0, cpu))


def main():
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
        sys.exit("nginx is not installed: make deps")
    subprocess.run(["make", "-s", "-C", PROXY], check=True)
    cpus = sorted(os.sched_getaffinity(0))
    port, be = backend(set(cpus[1:2] or cpus))
    scenarios = os.environ.get("EDGE_SCENARIOS", DEFAULT)
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder) / "raw"
        try:
            with Harness() as h:
                h.server.route("bench", 0, port)
                subprocess.run([sys.executable, PROXY / "compare.py", "--target", f"edge=http://127.0.0.1:{h.port}", "--host", "bench.localhost",
                                "--pid", str(h.proc.pid), "--backend", f"127.0.0.1:{port}", "--peers", "limit,nginx", "--only", scenarios,
                                "--rounds", os.environ.get("EDGE_ROUNDS", "3"), "--secs", os.environ.get("EDGE_SECS", "2"), "--tries", "1",
                                "--wait", "2", "--raw", raw], check=True, stdout=subprocess.DEVNULL)
        finally:
            be.kill()
            be.wait()
        rows = [json.loads(line) for line in raw.read_text().splitlines()]
    report = Report("edge")
    for scenario, metric, unit, peer, target, at_most, allowance in TARGETS:
        by = {(r["subject"], r["round"]): r[metric] for r in rows if r["scenario"] == scenario and metric in r}
        both = [n for s, n in by if s == "edge" and by.get((peer, n))]
        if both:
            report.line(f"{scenario} {metric}", [by["edge", n] for n in both], unit, peer, [by[peer, n] for n in both], target, at_most, allowance)
    print(f"runs: {len(rows)}, most of other work's CPU in one: {max(r.get('noise', 0) for r in rows)}", file=sys.stderr)


if __name__ == "__main__":
    main()
