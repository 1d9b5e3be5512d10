"""The slot machine under random orders and kills, against a model; and what is left of slots when they are gone: nothing.

VITRINE_SEED repeats a run; its number is in every failure.
"""
import collections
import os
import pathlib
import random
import select
import signal
import struct
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))
import launcher_harness as h  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the launcher needs root")
SOAK = bool(os.environ.get("VITRINE_SOAK"))
SEED = int(os.environ.get("VITRINE_SEED") or random.randrange(1 << 32))


@pytest.fixture
def own():
    yield from h.running()


def lines(path):
    return len(pathlib.Path(path).read_text().split("\n"))


def backing(disk):
    try:
        return pathlib.Path(f"/sys/block/{disk}/loop/backing_file").read_text()
    except OSError:
        return ""


def holdings(launcher):
    """Everything of the machine that this launcher's slots could leave behind; other tests' servers may be at work."""
    pid = launcher.process.pid
    groups = sum(1 for top, dirs, _ in os.walk("/sys/fs/cgroup") for d in dirs if f"/vitrine-{pid}/" in f"{top}/{d}/")
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    kinds = collections.Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            kinds[os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0].split("(")[0]] += 1
        except FileNotFoundError:
            pass                                        # closed meanwhile
    kinds.pop("user", None)                             # maps of ids are kept for each slot that was ever used
    return {"fds": sum(kinds.values()), "kinds": dict(kinds), "mounts": lines(f"/proc/{pid}/mountinfo"), "cgroups": groups,
            "children": len(children), "scratch": len(os.listdir(os.path.join(launcher.images, "scratch"))),
            "loops": sum(launcher.dir in backing(d) for d in os.listdir("/sys/block"))}


def settled(launcher, want):
    """The state once sweepers are done and waiting sandboxes are made again; the last one seen if it does not become WANT."""
    until = time.monotonic() + 20
    while True:
        now = holdings(launcher)
        if all(now[k] <= want[k] for k in want if k != "kinds") or time.monotonic() > until:
            return now
        time.sleep(0.05)


def listed(launcher):
    seq, found = launcher.server.send("LIST"), {}
    while True:
        m = launcher.server.wait(lambda m: m.seq == seq and m.type != "EXITED")
        if m.type != "ENTRY":
            return found
        found[m.body[:8]] = m
        os.close(m.fds[0])


def closed(slot):
    os.close(slot.log_fd)


def warmed(launcher):
    """Maps of ids are kept for each slot that was ever used: all of those that the test will use have been."""
    many = [launcher.run(["sleep", "60"]) for _ in range(6)]
    for s in many:
        s.stop()
        closed(s)
    launcher.sh("true")
    launcher.until_waiting(2)
    return holdings(launcher)


def test_cycles_leave_nothing(own):
    before = warmed(own)
    for i in range(2000 if SOAK else 60):
        kind = i % 4
        slot = own.run(["sh", "-c", "exit 3"] if kind == 0 else ["sleep", "60"], data=kind == 2, egress=h.EGRESS_WEB if kind == 3 else h.EGRESS_NONE)
        if kind == 1:
            os.kill(slot.pid, signal.SIGKILL)
        elif kind > 1:
            own.server.send("STOP", slot.name + struct.pack("=2I", 0, 0))
        assert slot.exited()["end"] == {0: h.EXITED, 1: h.INIT}.get(kind, h.STOPPED)
        closed(slot)
        for m in own.peers["egress"].later:
            for fd in m.fds:
                os.close(fd)
        own.peers["egress"].later.clear()
    after = settled(own, before)
    assert {k: after[k] for k in after if k != "kinds" and after[k] > before[k]} == {}, (before, after)


def test_every_slot_ends_exactly_once_whatever_happens(own):
    """Random STARTs, STOPs, freezes and kills -9 of inits and waiting sandboxes. What the launcher says agrees with the model after each step."""
    rng, live, ended, started = random.Random(SEED), {}, collections.Counter(), 0
    before = warmed(own)

    def gather(m):
        if m.type == "EXITED":
            ended[m.body[:8]] += 1
            slot = live.pop(m.body[:8], None)
            assert slot, f"seed {SEED}: EXITED of a slot that does not live: {m}"
            closed(slot)

    def pump(want):
        """Messages until WANT() holds."""
        for m in own.server.later:
            gather(m)
        own.server.later.clear()
        while not want():
            gather(own.server.recv(20))

    for step in range(1500 if SOAK else 150):
        what = rng.choice(["start"] * 5 + ["stop", "kill", "exit", "freeze", "thaw", "kill waiting", "list", "stale"])
        names = list(live)
        one = rng.choice(names) if names else None
        if what == "start" and len(live) < 6:
            slot = own.run(["sleep", "60"] if rng.random() < 0.7 else ["sh", "-c", "exit 1"], egress=rng.choice([h.EGRESS_NONE, h.EGRESS_WEB]))
            assert slot.name not in live and not ended[slot.name], f"seed {SEED}: a name twice"
            live[slot.name] = slot
            started += 1
        elif what == "stop" and one:
            own.server.send("STOP", one + struct.pack("=2I", rng.choice([0, 0, 500]), 0))
            if rng.random() < 0.5:
                pump(lambda: one not in live)
        elif what == "kill" and one:
            try:
                os.kill(live[one].pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        elif what in ("freeze", "thaw") and one:
            assert own.server.ask(what.upper(), one).type in ("DONE", "REFUSED"), f"seed {SEED}"
        elif what == "kill waiting":
            for c in set(own.waiting()) - {x.pid for x in live.values()}:
                fd = os.pidfd_open(c)
                os.kill(c, signal.SIGKILL)
                select.select([fd], [], [], 10)         # it is dead: a START that met it half alive may fail
                os.close(fd)
                break
        elif what == "list":
            names_told = set(listed(own))
            pump(lambda: True)
            assert set(live) <= names_told, f"seed {SEED}: living slots are not listed"
        elif what == "stale" and ended:
            gone = rng.choice(list(ended))
            assert own.server.ask("STATS", gone).type == "REFUSED", f"seed {SEED}: a slot that has ended answers"
    for name in list(live):
        own.server.send("THAW", name)
        own.server.send("STOP", name + struct.pack("=2I", 0, 0))
    pump(lambda: not live)
    assert sum(ended.values()) == started and set(ended.values()) <= {1}, f"seed {SEED}: {started} started, {ended}"
    egress = own.peers["egress"]
    while True:                                     # what egress was sent is its own to close
        try:
            for fd in egress.recv(0.2).fds:
                os.close(fd)
        except TimeoutError:
            break
    assert own.sh("echo alive")[0] == "alive\n"
    after = settled(own, before)
    assert {k: after[k] for k in after if k != "kinds" and after[k] > before[k]} == {}, (SEED, before, after)
