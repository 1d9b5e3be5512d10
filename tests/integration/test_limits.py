"""What bounds a sandbox beside its disk (test_disks.py) and its network (attacks/test_egress.py): each limit is hit and names itself.

The same tests with cgroup v1 and v2: the second kind runs in `make lab-debian`.
"""
import os
import pathlib
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))
import launcher_harness as h  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the launcher needs root")
MB = 1 << 20
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
BURN = "while :; do :; done"


@pytest.fixture(scope="module")
def sandbox():
    yield from h.running()


def stats(slot):
    names = ("memory", "memory_limit", "cpu_us", "pids", "frozen", "disk", "disk_free", "files", "files_free", "forks", "throttled")
    return dict(zip(names, struct.unpack_from("=8x3Q2I4Q2Q", slot.peer.ask("STATS", slot.name).body)))


def group_file(launcher, slot, controller, name):
    at = pathlib.Path("/sys/fs/cgroup") / ("" if V2 else controller) / f"vitrine-{launcher.process.pid}" / f"slot-{slot.index}" / name
    return at.read_text().strip() if at.exists() else None


def test_memory_is_one_sum_with_swap(sandbox):
    slot = sandbox.run(["sleep", "60"], memory=64 * MB)
    if V2:
        assert group_file(sandbox, slot, "memory", "memory.max") == str(64 * MB)
        assert group_file(sandbox, slot, "memory", "memory.swap.max") in ("0", None)
    else:
        assert group_file(sandbox, slot, "memory", "memory.limit_in_bytes") == str(64 * MB)
        assert group_file(sandbox, slot, "memory", "memory.memsw.limit_in_bytes") in (str(64 * MB), None)
    slot.stop()
    text, end = sandbox.run(["probe", "memory", "200"], memory=64 * MB).finish()
    assert (end["end"], end["value"]) == (h.OOM, 64)
    assert end["peak"] <= 64 * MB


@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_files_in_memory_are_memory(sandbox, where):
    text, end = sandbox.sh(f"dd if=/dev/zero of={where}/x bs=1M count=200; exit 1", memory=48 * MB, tmp=256 * MB)
    assert (end["end"], end["value"]) == (h.OOM, 48), text


@pytest.mark.skipif(not V2, reason="cgroup v1 ends the process alone")
def test_all_of_a_sandbox_ends_with_its_memory(sandbox):
    text, end = sandbox.sh("probe memory 200; echo survived", memory=64 * MB)
    assert end["end"] == h.OOM and "survived" not in text


def test_cpu_quota_holds_and_is_told(sandbox):
    slot = sandbox.run(["sh", "-c", f"({BURN}) & {BURN}"], cpu=250)
    while stats(slot)["throttled"] < 5:
        pass
    begun, spent = stats(slot), 0
    while (now := stats(slot))["throttled"] < begun["throttled"] + 5:
        pass
    spent = now["cpu_us"] - begun["cpu_us"]
    assert spent < 8 * 40000, "a quarter of a core is 25 ms in each period of 100 ms"
    end = slot.stop()
    assert end["throttled"] >= now["throttled"] and end["cpu_us"] >= now["cpu_us"]
    assert sandbox.sh(":")[1]["throttled"] == 0


def test_builds_do_not_starve_apps(sandbox):
    """Four times as many busy processes as there are cores, and the app has four shares of five: weights 100 and 25."""
    cores = os.cpu_count()
    burn = " & ".join([f"({BURN})"] * 2 * cores)
    build = sandbox.run(["sh", "-c", f"{burn} & wait"], profile=h.BUILD, output=h.new_id(), weight=25)
    app = sandbox.run(["sh", "-c", f"{burn} & wait"])
    while min(stats(app)["cpu_us"], stats(build)["cpu_us"]) < 100000:
        pass
    before = stats(app)["cpu_us"], stats(build)["cpu_us"]
    while stats(app)["cpu_us"] < before[0] + 1000000:
        pass
    spent = stats(app)["cpu_us"] - before[0], stats(build)["cpu_us"] - before[1]
    build.stop()
    app.stop()
    assert spent[0] > 2 * spent[1], spent


@pytest.mark.parametrize("script", ["b() { b | b & }; b; sleep 0.2; exit 3", "probe threads; exit 3"])
def test_processes_and_threads_end_and_are_counted(sandbox, script):
    slot = sandbox.run(["sh", "-c", script], pids=40)
    text, end = slot.finish()
    assert end["forks"] > 0, (text, end)
    assert end["end"] in (h.EXITED, h.SIGNALED) and end["value"] != 0
    assert sandbox.sh("sleep 0 & wait")[1]["forks"] == 0        # the next life begins at nothing


def test_open_files_end(sandbox):
    text, _ = sandbox.sh("probe files")
    n, why = text.split()
    assert why == "EMFILE" and int(n) <= 4096


def test_sockets_full_of_bytes_are_bounded_by_the_memory_limit(sandbox):
    def tcp_pages():
        line = next(line for line in open("/proc/net/sockstat") if line.startswith("TCP:"))
        return int(line.split("mem ")[1])

    other = sandbox.run(["sh", "-c", "read x; echo alive; sleep 60"], stdin=(pipe := os.pipe())[0])
    before = tcp_pages()
    slot = sandbox.run(["probe", "sockets"], memory=64 * MB)
    try:
        slot.read_until(b"connections", 60)
        held = (tcp_pages() - before) * 4096
        # cgroup v1 counts it apart (a quarter of the limit), and the kernel grants each socket one segment beyond that.
        assert held < (80 * MB if V2 else 20 * MB + int(slot.text.split()[0]) * 80000), slot.text
        assert stats(slot)["memory"] <= 64 * MB
        slot.stop()
    except AssertionError:
        if "log ended" not in str(sys.exc_info()[1]):
            raise
        assert slot.exited()["end"] == h.OOM
    os.write(pipe[1], b"go\n")
    other.read_until(b"alive")
    other.stop()
    for fd in pipe:
        os.close(fd)
