"""What a sandbox may write: bytes and files of its own disk, of /tmp, of a build's output and of a worker's image, each filled to its end."""
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))
import launcher_harness as h  # noqa: E402

MB = 1 << 20
FILES = "probe fill %s 30000"
FULL = "No space left on device"


def ready():
    if os.geteuid() != 0:
        pytest.skip("sandboxes need root")


def launched(disks):
    ready()
    for launcher in h.running(disks=disks):
        launcher.server.ask("LIST")
        yield launcher


@pytest.fixture(scope="module")
def sandbox():
    yield from launched(True)


@pytest.fixture(scope="module")
def memory():
    """As on a machine without loop devices."""
    for launcher in launched(False):
        if tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups()) < (6, 3):
            m = launcher.request(["true"])          # closed, not open: what is written would not be the slot's
            assert m.type == "FAILED" and "set mount attributes" in m.failure()[3], m
            pytest.skip("memory cannot be idmapped before Linux 6.3, and the start was refused")
        yield launcher


def held(launcher):
    """Loop devices over this launcher's files, and what is mounted from them: by its own view."""
    loops = [d for d in os.listdir("/sys/block") if f"{launcher.images}/scratch/" in backing(d)]         # images are on some, too
    mounts = [m for m in open(f"/proc/{launcher.process.pid}/mountinfo") if launcher.dir in m and "/slot-" in m]
    return len(loops), len(mounts)


def backing(disk):
    try:
        return pathlib.Path(f"/sys/block/{disk}/loop/backing_file").read_text()
    except OSError:
        return ""


def until(want, what, seconds=20):
    end = time.monotonic() + seconds
    while not want(what()):
        assert time.monotonic() < end, what()
        time.sleep(0.02)


def disk_of(slot):
    m = slot.peer.ask("STATS", slot.name)
    return struct.unpack_from("=4Q", m.body, 40)


def test_bytes_of_the_own_disk_end_and_others_have_theirs(sandbox):
    other = sandbox.run(["sh", "-c", "echo up; sleep 60"])
    other.read_until(b"up")
    slot = sandbox.run(["sh", "-c", "cd /home/user; dd if=/dev/zero of=big bs=1M count=400 || echo status; echo x > small || echo none; echo end; read x"],
                       stdin=(pipe := os.pipe())[0])
    text = slot.read_until(b"end")
    assert FULL in text and "status" in text
    total, free, files, free_files = disk_of(slot)
    assert 128 * MB < total <= 256 * MB and free < MB and free_files > 19000 and files > 19900
    assert disk_of(other)[1] > total * 0.9
    os.close(pipe[0])
    os.close(pipe[1])
    end = slot.exited()
    assert end["disk"][:2] == (total, free)             # the reason that the Space's page shows
    assert "fits" in sandbox.sh("dd if=/dev/zero of=/home/user/big bs=1M count=100 2>/dev/null && echo fits")[0]
    other.stop()


@pytest.mark.parametrize("where", ["/home/user", "/home/user/app"])
def test_files_of_the_own_disk_end(sandbox, where):
    text, end = sandbox.sh(f"mkdir -p {where}/n; " + FILES % f"{where}/n")
    made = int(text.split()[0])
    assert FULL in text and 15000 < made < 20100 and end["disk"][3] == 0


def test_memory_is_bounded_too(memory):
    """Without loop devices what is written is memory of the slot's group, and it is given back."""
    text, end = memory.sh("cd /home/user; dd if=/dev/zero of=big bs=1M count=1200; echo end", memory=64 * MB)
    assert end["end"] == h.OOM or "Killed" in text or FULL in text
    assert "ok" in memory.sh("dd if=/dev/zero of=/home/user/f bs=1M count=20 2>/dev/null && echo ok", memory=64 * MB)[0]


def test_tmp_has_bytes_and_files(sandbox):
    text, _ = sandbox.sh("dd if=/dev/zero of=/tmp/big bs=1M count=40; rm /tmp/big; " + "probe fill /tmp 300000", tmp=16 * MB, memory=1 << 30)
    assert text.count(FULL) == 2
    assert int(text.strip().split("\n")[-1].split()[0]) <= 262144


@pytest.mark.parametrize("profile, where", [(h.BUILD, "/usr/local/lib/vitrine-env"), (h.SYSTEM, "/opt")])
def test_a_build_output_has_bytes_and_files(sandbox, profile, where):
    for script in (f"dd if=/dev/zero of={where}/big bs=1M count=400", f"mkdir -p {where}/n; " + FILES % f"{where}/n"):
        tree = h.new_id()
        text, end = sandbox.sh(f"mkdir -p {where}; " + script, profile=profile, output=tree)
        assert FULL in text
        assert end["disk"][1] < MB or end["disk"][3] == 0
        assert sandbox.server.ask("SCRATCH_DROP", tree.encode() + b"\0").type == "DONE"


@pytest.mark.parametrize("kind", ["sandbox", "memory"])
def test_an_output_goes_through_all_steps_of_a_build(kind, request):
    sandbox = request.getfixturevalue(kind)
    tree = h.new_id()
    for i in range(2):                                  # a second run of the same step finds what the first left
        text, end = sandbox.sh(f"echo {i} >> /opt; cat /opt", profile=h.SYSTEM, output=tree)
        assert end["value"] == 0, text
    assert text == "0\n1\n"
    assert sandbox.sh("cat /opt; echo v > /usr/local/lib/vitrine-env/v", profile=h.BUILD, output=tree)[0] == "0\n1\n"
    out_hash = os.urandom(32).hex()
    _, end = sandbox.sh("cat /in/opt /in/usr/local/lib/vitrine-env/v > /out", profile=h.WORKER, input=tree, out_kind=h.IMAGE_ENV, out_hash=out_hash)
    assert end["image_made"] == 1 and end["image_bytes"] == 6
    assert sandbox.server.ask("SCRATCH_DROP", tree.encode() + b"\0").type == "DONE"
    assert sandbox.request(["true"], profile=h.WORKER, input=tree).type == "FAILED"
    until(lambda names: not names, lambda: os.listdir(os.path.join(sandbox.images, "scratch")))


def test_a_hostile_tree_is_gone_as_fast_as_an_empty_one(sandbox):
    until(lambda n: n[0] <= 2, lambda: held(sandbox))
    slot = sandbox.run(["sh", "-c", "cd /home/user; probe deep 3000; mkdir n; probe fill n 15000; dd if=/dev/zero of=big bs=1M count=150; echo end; sleep 60"])
    slot.read_until(b"end")
    begun = time.monotonic()
    assert slot.stop()["end"] == h.STOPPED
    took = time.monotonic() - begun
    until(lambda n: n[0] <= 2 and n[1] <= 2, lambda: held(sandbox))
    print(f"told after {took * 1000:.0f} ms, gone after {(time.monotonic() - begun) * 1000:.0f} ms")


def test_a_killed_launcher_leaves_no_disk():
    ready()
    launcher = h.Launcher().start()
    try:
        tree = h.new_id()
        launcher.sh("echo x > /usr/local/lib/vitrine-env/x", profile=h.BUILD, output=tree)
        launcher.run(["sleep", "60"])
        assert held(launcher)[0] >= 2
        launcher.process.kill()
        launcher.process.wait()
        until(lambda n: n == 0, lambda: sum(launcher.dir in backing(d) for d in os.listdir("/sys/block")))
        assert os.listdir(os.path.join(launcher.images, "scratch")) == []
    finally:
        launcher.close()


def test_a_disk_that_cannot_be_made_ends_the_start():
    """Fail closed: something that is not a file system in the template's place."""
    ready()
    launcher = h.Launcher()
    pathlib.Path(launcher.images, "slot.ext4").write_bytes(b"no file system" * 100000)
    launcher.start()
    try:
        m = launcher.request(["true"])
        assert m.type == "FAILED" and "mount ext4" in m.failure()[3]
        subprocess.run(["cp", os.path.join(launcher.images, "output.ext4"), os.path.join(launcher.images, "slot.ext4")], check=True)
        assert launcher.sh("echo ok")[0] == "ok\n"
    finally:
        launcher.stop()
        launcher.close()
