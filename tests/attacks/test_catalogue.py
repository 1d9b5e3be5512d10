"""The catalogue of attacks from inside an app (attack/), each three ways: plain, where it must succeed or the check could not fail;
in a sandbox of ours beside a victim's, where none may; and in bubblewrap as people use it, for comparison.

Writes build/attacks.json and build/attacks.md; docs/attacks.md is the latter from the reference machine.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/helpers"))
import launcher_harness as h  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the launcher needs root")

# What cannot succeed even plain on some kernels or in some machines: not there, or kept from root. A row is left out where plain fails; no other may be.
NOT_EVERYWHERE = {"modprobe_path", "sysrq", "kcore", "set_mm", "oom_score", "more_files", "af_alg", "af_vsock", "port_access", "dev_mem", "dev_port", "dev_disk",
                  "dev_fuse", "dev_tun", "dev_loop", "dev_console", "kmsg", "i386_entry", "user_fault", "user_fault_only", "perf", "bpf_map", "io_uring",
                  "tiocsti", "tiocsti_high", "mptcp", "nl_xfrm", "nl_netfilter", "memfd_exec_asked", "kallsyms", "sched_debug", "local_table", "queue",
                  "mknod_block", "cgroup_limit", "core_dumps", "compare", "unshare_time"}

# Before Linux 6.3 a memory file can be run, by anybody (SECURITY.md); it holds nothing that its owner could not write to a file.
OLD_KERNEL = set() if os.path.exists("/proc/sys/vm/memfd_noexec") else {"memfd_exec"}

HEAD = """
# Attacks on the sandbox

Made by `tests/attacks/test_catalogue.py` on the reference machine (Linux 6.18): the attacks of `tests/attacks/attack/` run as root without a
sandbox, in a sandbox beside a victim's, and in bubblewrap with everything unshared and all capabilities dropped. In the columns: what the
attack got. An attack that does not succeed plain (the kernel here lacks it) is shown but not counted.
""".lstrip().split("\n")

LEFT_OUT = """
12-16 | links, races, names and special files in a Space's data | tried by tests/attacks/test_worker_archives.py and tests/integration/test_launcher.py against the code that reads them
20 | page cache of the images | tried by tests/attacks/test_sandbox.py: the hash before and after
21 | file systems of users | no code mounts one
22, 23, 74-77, 79-86 | bombs of memory, disk, log, CPU | tests/integration/test_disks.py, test_limits.py, test_failures.py and unit tests of the log hit each limit; the p99 of neighbours meanwhile is not measured yet
28-30, 34, 35 | forks, zombies, escapes from the kill | tests/attacks/test_sandbox.py and tests/integration/test_launcher.py
39 | reuse of process numbers | by construction: only pidfds are signalled
41 | every number of a call | tests/unit/sandbox/launcher/seccomp_test.c, the golden list
42 | x32 | the kernel here has no x32 to succeed with; the sandbox's answer is in test_sandbox.py
50 | kexec_load, init_module, reboot, swapon, settimeofday, acct, quotactl, iopl | no harmless success plain; the sandbox's answer is in test_sandbox.py
52-55 | filters on filters, arguments changed meanwhile, other ABI after SIGSYS | 54 in test_sandbox.py; 52, 53, 55 not tried
56 | timing, rdtsc | accepted: sandbox/SECURITY.md
57 | stress-ng, trinity | not run
61-63, 65-73 | the way out | tests/attacks/test_egress.py, against the real gateway
88-95 | secrets at rest | tests/attacks/test_secrets.py
96-109 | the proxy | tests/integration/test_edge.py, test_traps_deployed.py
110, 111 | messages, races | tests/integration/test_launcher.py, tests/fuzz; random kills by tests/integration/test_slots.py
112-115 | builds and uploads | tests/attacks/test_worker_archives.py, tests/conformance; Dockerfiles are not offered
116 | GPU | no GPU lease yet
""".strip().split("\n")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("attack") / "attack"
    subprocess.run(["cc", "-std=gnu17", "-O1", "-static", "-o", path, *(ROOT / "tests/attacks/attack").glob("*.c")], check=True)
    return path


@pytest.fixture(scope="module")
def launcher(program):
    attack = program.read_bytes()
    yield from h.running(files={"bin/attack": attack, "bin/suid": attack, "var/tmp/keep": b"", "home/keep": b"", "proc": None, "dev": None, "tmp": None}, modes={"bin/suid": 0o4755})


def rows(text):
    out = {}
    for line in text.strip().split("\n"):
        number, name, *got = line.split()
        out[name] = (int(number), " ".join(got))
    return out


@pytest.fixture(scope="module")
def plain(program, tmp_path_factory):
    run = subprocess.run(["unshare", "-m", "-p", "-u", "-i", "-n", "--fork", "--kill-child", "sh", ROOT / "tests/attacks/plain.sh", tmp_path_factory.mktemp("plain"), program],
                         capture_output=True, text=True, timeout=120)
    found = rows(run.stdout)
    assert "net_names" in found, run.stderr
    return found


@pytest.fixture(scope="module")
def ours(launcher):
    victim = launcher.run(["attack", "victim"])
    victim.read_until(b"ready")
    text, end = launcher.run(["attack", "all"]).finish(60)
    assert end["end"] == h.EXITED and end["value"] == 0, (text, end)
    victim.stop()
    return rows(text)


@pytest.fixture(scope="module")
def bubblewrap(launcher):
    if not shutil.which("bwrap"):
        return {}
    base = os.path.join(launcher.dir, "base")
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--ro-bind", base, "/",
               "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/home", "/bin/attack"]
    with subprocess.Popen([*command, "victim"], stdout=subprocess.PIPE, text=True) as victim:
        line = victim.stdout.readline()
        run = subprocess.run([*command, "all"], capture_output=True, text=True, timeout=120)
        victim.kill()
    assert line == "ready\n", line
    return rows(run.stdout)


def test_the_attacks_succeed_without_a_sandbox(plain):
    assert len(plain) >= 150
    assert {name for name, (_, got) in plain.items() if got != "OK"} <= NOT_EVERYWHERE


def test_none_succeeds_in_the_sandbox(plain, ours, bubblewrap):
    assert set(ours) == set(plain)
    tried = [name for name, (_, got) in plain.items() if got == "OK"]
    table = [{"number": ours[name][0], "name": name, "plain": plain[name][1], "ours": ours[name][1], "bubblewrap": bubblewrap.get(name, (0, "not run"))[1]} for name in ours]
    (ROOT / "build/attacks.json").write_text(json.dumps(table, indent=1) + "\n")
    table.sort(key=lambda r: r["number"])
    lines = [*HEAD, f"{len(tried)} attacks succeed plain; {sum(ours[n][1] == 'OK' for n in tried)} of them in vitrine's sandbox, "
             f"{sum(bubblewrap.get(n, (0, ''))[1] == 'OK' for n in tried)} in bubblewrap.", "", "| No. | Attack | plain | vitrine | bubblewrap |", "|---|---|---|---|---|"]
    lines += [f"| {r['number']} | {r['name']} | {r['plain'].replace('OK', 'succeeds')} | {r['ours'].replace('OK', '**succeeds**')} | {r['bubblewrap'].replace('OK', 'succeeds')} |" for r in table]
    lines += ["", "Left out of this table, and why:", "", "| No. | What | Why, and where instead |", "|---|---|---|"] + [f"| {line} |" for line in LEFT_OUT]
    (ROOT / "build/attacks.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    assert len(tried) >= 110
    assert [name for name, (_, got) in ours.items() if got == "OK" and name not in OLD_KERNEL] == []
