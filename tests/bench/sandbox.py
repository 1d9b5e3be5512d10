"""From the request to main() of a small static program: our sandbox, bare posix_spawn, bubblewrap, crun; one after the other in each round.

Ours does more than the others here do: cgroups with limits, an overlay, a seccomp filter, masked /proc, and pid 1 of its own. "waiting":
a sandbox was made in idle time; "cold": all that waited are taken. Before each of them the machine rests as long, because a process
that wakes it pays for that. Then what each step of ours costs, from probes on the launcher's functions.
"""
import ctypes
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import bench

sys.path.insert(0, str(bench.ROOT / "tests/helpers"))
import launcher_harness as h  # noqa: E402

ROUNDS, REST_S, WAITING = int(os.environ.get("ROUNDS", "40")), 0.08, 2
TRACING = "/sys/kernel/tracing"
STAMP = b"""#include <stdio.h>
#include <time.h>
int main(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); printf("%lld\\n", (long long)t.tv_sec * 1000000000 + t.tv_nsec); return 0; }
"""


def stamp_of(fd):
    text = b""
    while not text.endswith(b"\n"):
        select.select([fd], [], [])
        got = os.read(fd, 100)
        if not got:
            raise RuntimeError("the program did not start")
        text += got
    os.close(fd)
    return int(text)


def spawned(argv):
    r, w = os.pipe()
    begun = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
    os.close(w)
    ms = (stamp_of(r) - begun) / 1e6
    os.waitpid(pid, 0)
    return ms


def ours(launcher, egress, cold=False):
    for _ in range(WAITING if cold else 0):
        ours(launcher, h.EGRESS_NONE)
    begun = time.monotonic_ns()
    slot = launcher.run(["/bin/stamp"], egress=egress)
    ms = (stamp_of(slot.log_fd) - begun) / 1e6
    slot.exited()
    if egress:
        for _ in range(2):                                      # OPEN and CLOSE
            for fd in launcher.peers["egress"].recv().fds:
                os.close(fd)
    return ms


def crun_bundle(work, base):
    """As bubblewrap's here: all namespaces, the image read-only, /proc, /dev, /tmp; with a cgroup. Returns the command."""
    bundle = os.path.join(work, "bundle")
    os.mkdir(bundle)
    mounts = [{"destination": at, "type": kind, "source": kind} for at, kind in (("/proc", "proc"), ("/dev", "tmpfs"), ("/tmp", "tmpfs"))]
    config = {"ociVersion": "1.0.0", "root": {"path": base, "readonly": True}, "mounts": mounts,
              "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/stamp"], "cwd": "/", "noNewPrivileges": True},
              "linux": {"namespaces": [{"type": n} for n in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
                        "resources": {"memory": {"limit": 256 << 20}, "pids": {"limit": 64}}}}
    with open(os.path.join(bundle, "config.json"), "w") as f:
        json.dump(config, f)
    # crun refuses hosts with both kinds of cgroups: in a mount namespace of our own there is only one.
    libc = ctypes.CDLL(None, use_errno=True)
    if os.path.isdir("/sys/fs/cgroup/unified"):
        if libc.unshare(0x20000) < 0 or libc.mount(b"", b"/", None, 0x44000, None) < 0 or libc.umount2(b"/sys/fs/cgroup/unified", 2) < 0:
            sys.exit("cannot hide /sys/fs/cgroup/unified from crun")
    return [shutil.which("crun"), "--root", os.path.join(work, "crun"), "--cgroup-manager=cgroupfs", "run", "--bundle", bundle]


def probes(program):
    """A probe at the entry and the return of each step: offset in the file by name."""
    sections = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout
    loads = [[int(x, 16) for x in line.split()[1:5]] for line in sections.split("\n") if line.split()[:1] == ["LOAD"]]
    rows = []
    for line in subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.split("\n"):
        m = re.match(r"([0-9a-f]+) [tT] (step_\w+|slot_spawn|child_make|plan_make|launch|netns_\w+|cgroup_\w+|scratch_make|userns_idmap)$", line)
        if m:
            at = int(m[1], 16)
            rows += [(m[2], at - address + offset) for offset, address, _, size in loads if address <= at < address + size]
    return rows


def put(path, text, mode="w"):
    fd = os.open(os.path.join(TRACING, path), os.O_WRONLY | (os.O_APPEND if mode == "a" else os.O_TRUNC))
    os.write(fd, text.encode())
    os.close(fd)


def steps(launcher, report):
    if not os.path.exists(os.path.join(TRACING, "uprobe_events")):
        return print("no uprobes on this kernel: no costs of single steps", file=sys.stderr)
    program = os.path.join(launcher.bin, "vitrine-launcher")
    try:
        for name, at in probes(program):
            put("uprobe_events", f"p:vitrine/{name}_in {program}:{at:#x}\n", "a")
            put("uprobe_events", f"r:vitrine/{name}_out {program}:{at:#x}\n", "a")
        put("trace_clock", "mono")
        put("trace", "")
        put("events/vitrine/enable", "1")
        totals = []
        for _ in range(ROUNDS):
            time.sleep(REST_S)
            totals.append(ours(launcher, h.EGRESS_WEB) * 1000)
        put("events/vitrine/enable", "0")
        begun, took = {}, {}
        for m in re.finditer(r"-(\d+) +\[\d+\] +\S+ +([\d.]+): (\w+)_(in|out): ", open(os.path.join(TRACING, "trace")).read()):
            if m[4] == "in":
                begun[m[1], m[3]] = float(m[2]) * 1e6
            elif (m[1], m[3]) in begun:
                took.setdefault(m[3], []).append(float(m[2]) * 1e6 - begun.pop((m[1], m[3])))
        took.pop("step_plan", None)                             # waits in it
        for name, values in sorted(took.items(), key=lambda row: -bench.median(row[1])):
            n = min(len(values), len(totals))
            report.line(name.removeprefix("step_") + ", one step", values[-n:], "us", "start to main() with probes", totals[-n:], 1.0)
    finally:
        if os.path.exists(os.path.join(TRACING, "events/vitrine/enable")):
            put("events/vitrine/enable", "0")
        put("uprobe_events", "")


def main():
    if os.geteuid() != 0:
        sys.exit("the launcher needs root")
    work = tempfile.mkdtemp()
    stamp = os.path.join(work, "stamp")
    subprocess.run(["cc", "-O2", "-static", "-x", "c", "-o", stamp, "-"], input=STAMP, check=True)
    launcher = h.Launcher(files={"bin/stamp": open(stamp, "rb").read(), "proc": None, "dev": None, "tmp": None}).start()
    base = os.path.join(launcher.dir, "base")
    bwrap = [shutil.which("bwrap"), "--unshare-all", "--ro-bind", base, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/stamp"]
    crun, number = crun_bundle(work, base), iter(range(10**6))
    ways = {"plain": lambda: spawned([stamp]), "bubblewrap": lambda: spawned(bwrap), "crun": lambda: spawned(crun + [f"bench-{os.getpid()}-{next(number)}"]),
            "none": lambda: ours(launcher, h.EGRESS_NONE), "egress": lambda: ours(launcher, h.EGRESS_WEB),
            "none, cold": lambda: ours(launcher, h.EGRESS_NONE, True), "egress, cold": lambda: ours(launcher, h.EGRESS_WEB, True)}
    took = {name: [] for name in ways}
    report = bench.Report("sandbox")
    try:
        for i in range(ROUNDS + 3):
            for name, way in ways.items():
                time.sleep(REST_S)
                ms = way()
                if i >= 3:                                      # images mounted, id maps made
                    took[name].append(ms)
        for name, allowance in (("none", 0.6), ("egress", 0.6), ("none, cold", 1.3), ("egress, cold", 1.9)):
            report.line(f"start to main(), {name}", took[name], "ms", "posix_spawn", took["plain"], 1.0, allowance=allowance)
        for peer, target in (("bubblewrap", 0.5), ("crun", 0.333)):
            report.line("start to main(), none", took["none"], "ms", peer, took[peer], target)
            report.line("start to main(), none, cold", took["none, cold"], "ms", peer, took[peer], target)
        print("least of all rounds, ms: " + ", ".join(f"{name} {min(values):.2f}" for name, values in took.items()), file=sys.stderr)
        steps(launcher, report)
    finally:
        launcher.stop()
        launcher.close()
        shutil.rmtree(work)


main()
