"""From the request to main() of a small static program: our sandbox, bare posix_spawn, bubblewrap; one after the other in each round.

Ours does more than bubblewrap here does: cgroups with limits, an overlay, a seccomp filter, masked /proc, and pid 1 of its own.
"""
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import bench

sys.path.insert(0, str(bench.ROOT / "tests/helpers"))
import launcher_harness as h  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "40"))
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


def ours(launcher, egress):
    begun = time.monotonic_ns()
    slot = launcher.run(["/bin/stamp"], egress=egress)
    ms = (stamp_of(slot.log_fd) - begun) / 1e6
    slot.exited()
    if egress:
        for _ in range(2):                                      # OPEN and CLOSE
            for fd in launcher.peers["egress"].recv().fds:
                os.close(fd)
    return ms


def main():
    if os.geteuid() != 0:
        sys.exit("the launcher needs root")
    work = tempfile.mkdtemp()
    stamp = os.path.join(work, "stamp")
    subprocess.run(["cc", "-O2", "-static", "-x", "c", "-o", stamp, "-"], input=STAMP, check=True)
    launcher = h.Launcher(files={"bin/stamp": open(stamp, "rb").read(), "proc": None, "dev": None, "tmp": None}).start()
    base = os.path.join(launcher.dir, "base")
    bwrap = [shutil.which("bwrap"), "--unshare-all", "--ro-bind", base, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/stamp"]
    ways = {"plain": lambda: spawned([stamp]), "bubblewrap": lambda: spawned(bwrap), "none": lambda: ours(launcher, h.EGRESS_NONE),
            "egress": lambda: ours(launcher, h.EGRESS_WEB)}
    took = {name: [] for name in ways}
    try:
        for i in range(ROUNDS + 3):
            for name, way in ways.items():
                ms = way()
                if i >= 3:                                      # images mounted, id maps made
                    took[name].append(ms)
    finally:
        launcher.stop()
        launcher.close()
        shutil.rmtree(work)
    report = bench.Report("sandbox")
    report.line("start to main(), no egress", took["none"], "ms", "posix_spawn", took["plain"], 1.0, allowance=1.3)
    report.line("start to main(), with egress rules", took["egress"], "ms", "posix_spawn", took["plain"], 1.0, allowance=1.9)
    report.line("start to main(), no egress", took["none"], "ms", "bubblewrap", took["bubblewrap"], 0.5)


main()
