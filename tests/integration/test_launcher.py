"""The launcher's promises, one test each, against a real vitrine-launcher and real kernels objects (root needed)."""
import os
import pathlib
import pwd
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))
import launcher_harness as h  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the launcher needs root")


def leftovers(launcher):
    """What a stop must bring back to where it was: mounts, cgroups, processes of slots, loop devices."""
    mark = f"/vitrine-{launcher.process.pid}"
    return {"mounts": sum(launcher.dir in line for line in open("/proc/self/mountinfo")), "cgroups": len([d for d, _, _ in os.walk("/sys/fs/cgroup") if mark in d]),
            "processes": len([p for p in os.listdir("/proc") if p.isdigit() and mark in cgroups_of(p)]),
            "loops": subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout.count(launcher.dir)}


def cgroups_of(pid):
    try:
        return open(f"/proc/{pid}/cgroup").read()
    except OSError:
        return ""


@pytest.fixture(scope="module")
def sandbox():
    yield from h.running(files={"etc/os-release": b"test\n"})


@pytest.fixture
def own():
    launcher = h.Launcher().start()
    yield launcher
    launcher.close()


def test_starts_logs_and_reports_the_exit_status(sandbox):
    text, end = sandbox.sh("echo hello; exit 7")
    assert text == "hello\n"
    assert (end["end"], end["value"]) == (h.EXITED, 7)
    assert end["peak"] > 0 and end["cpu_us"] > 0


def test_a_signal_is_reported_as_such(sandbox):
    assert sandbox.sh("kill -SEGV $$")[1]["end"] == h.SIGNALED


def test_a_program_that_is_not_there_is_named(sandbox):
    text, end = sandbox.run(["/no/such/program"]).finish()
    assert (end["end"], end["value"]) == (h.EXEC, 2)
    assert "cannot start '/no/such/program'" in text


def test_identity_is_an_ordinary_user_without_any_power(sandbox):
    text, _ = sandbox.sh("id -u; id -g; cat /proc/self/status; cat /proc/self/uid_map; hostname", hostname="ada-chat")
    assert text.startswith("1000\n1000\n") and text.endswith("ada-chat\n")
    for cap in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
        assert f"Cap{cap}:\t0000000000000000" in text
    assert "NoNewPrivs:\t1" in text and "Seccomp:\t2" in text
    inside, outside, count = map(int, text.split("\n")[-3].split())
    assert inside == 0 and (outside - 100000) % 65536 == 0 and count == 65536


def test_only_three_descriptors_and_a_null_input(sandbox):
    text, _ = sandbox.sh("cd /proc/self/fd; echo *; readlink 0 || ls -l 0")
    assert text.split("\n")[0] in ("0 1 2", "0 1 2 3")          # 3 is the listing itself
    assert "/dev/null" in text


def test_standard_input_can_be_given(sandbox):
    r, w = os.pipe()
    slot = sandbox.run(["cat"], stdin=r)
    os.close(r)
    os.write(w, b"through the pipe")
    os.close(w)
    assert slot.finish()[0] == "through the pipe"


def test_files_of_the_slot(sandbox):
    text, _ = sandbox.sh("cat /etc/hosts /etc/resolv.conf /etc/hostname; grep -c . /etc/passwd; cat /etc/os-release; ls /; wc -c < /etc/machine-id")
    assert "127.0.0.1 localhost app" in text and "::1 localhost" in text and "nameserver 127.0.0.1" in text
    assert "test\n" in text and "\n33\n" in text
    assert not {"data", "env", "in", "out", "sys"} & set(text.split())


def test_masked_proc_own_dev_no_sys(sandbox):
    text, _ = sandbox.sh("cat /proc/cmdline /proc/keys /proc/interrupts /proc/config.gz 2>/dev/null | wc -c; ls /dev; ls /sys 2>&1; echo x > /proc/sys/kernel/core_pattern")
    assert text.startswith("0\n")
    assert set(text.split("\n")[1:13]) >= {"null", "zero", "full", "random", "urandom", "tty", "shm", "fd"}
    assert "/sys: No such file" in text and ("Permission denied" in text or "Read-only" in text)


def test_mount_table_shows_no_path_of_the_host(sandbox):
    text, _ = sandbox.sh("cat /proc/self/mountinfo")
    assert sandbox.dir not in text and "/proc/self/fd" not in text
    assert all("nosuid" in line for line in text.strip().split("\n"))
    rows = {line.split()[4]: line.split() for line in text.strip().split("\n")}
    for at, kind, flags in (("/", "overlay", "nosuid nodev"), ("/tmp", "tmpfs", "nosuid nodev"), ("/dev", "tmpfs", "ro nosuid noexec"),
                            ("/dev/shm", "tmpfs", "nosuid nodev noexec"), ("/proc", "proc", "nosuid nodev noexec"),
                            ("/proc/keys", "tmpfs", "ro nosuid noexec"), ("/proc/bus", "tmpfs", "ro nosuid noexec")):
        row = rows.pop(at)
        assert row[row.index("-") + 1] == kind and set(flags.split()) <= set(row[5].split(",")), row
        assert row[3] in ("/", "/null", "/e"), row
    assert all(at.startswith("/proc/") for at in rows), rows


def sockets(pid, fds=None):
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in fds or os.listdir(f"/proc/{pid}/fd")]
    return {x for x in links if x.startswith("socket:")}


def test_sandboxes_wait_only_once_something_was_started_and_hold_nothing_of_the_host(own):
    assert own.waiting() == []
    assert own.sh("echo first")[0] == "first\n"
    first = own.until_waiting(2)
    for pid in first:
        assert "proc" in os.listdir(f"/proc/{pid}/root") and not os.path.exists(f"/proc/{pid}/root/etc")
        assert len(sockets(pid) - sockets(own.process.pid, (0, 1, 2))) == 1        # for its plan
    slot = own.run(["sleep", "60"])
    assert slot.pid in first
    assert not set(own.until_waiting(2)) <= set(first)
    slot.stop()


def test_a_waiting_sandbox_that_died_is_no_start_that_fails(own):
    own.sh("true")
    pids = own.until_waiting(2)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    own.until_waiting(0)
    assert own.sh("echo alive", egress=h.EGRESS_WEB)[0] == "alive\n"


def test_no_life_of_a_slot_has_a_namespace_of_an_earlier_one(sandbox):
    seen, held = set(), []
    try:
        for _ in range(6):
            slot = sandbox.run(["sleep", "60"])
            # Held open, so that the kernel does not give a number away twice.
            held += [os.open(f"/proc/{slot.pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "net", "ipc", "mnt", "pid", "uts", "cgroup")]
            mine = {os.fstat(fd).st_ino for fd in held[-7:]}
            assert len(mine) == 7 and not mine & seen
            seen |= mine
            slot.stop()
            os.close(slot.log_fd)
    finally:
        for fd in held:
            os.close(fd)


def test_images_are_read_only_and_writes_stay_in_the_slot(sandbox):
    before = open(os.path.join(sandbox.images, f"base-{sandbox.base}.erofs"), "rb").read()
    text, end = sandbox.sh("echo x > /usr/lib/keep; echo x > /etc/passwd; echo mine > /home/user/f && cat /home/user/f; echo t > /tmp/t && cat /tmp/t")
    assert text.count("Permission denied") == 2 and "mine\nt\n" in text
    assert "mine" not in sandbox.sh("cat /home/user/f")[0]
    assert open(os.path.join(sandbox.images, f"base-{sandbox.base}.erofs"), "rb").read() == before


def test_app_files_belong_to_the_app_and_are_writable_copies(sandbox, tmp_path):
    h.make_tree(tmp_path / "app", {"app.sh": b"#!/bin/sh\necho from app\n", "sub/x": b"1"})
    app = h.make_image(sandbox.images, "app", str(tmp_path / "app"))
    text, _ = sandbox.run(["sh", "-c", "./app.sh; stat -c '%u %n' . app.sh sub; echo 2 > sub/x; cat sub/x; pwd"], app=app, cwd="/home/user/app").finish()
    assert text == "from app\n1000 .\n1000 app.sh\n1000 sub\n2\n/home/user/app\n"
    assert sandbox.run(["cat", "sub/x"], app=app, cwd="/home/user/app").finish()[0] == "1"


def test_data_survives_and_belongs_to_the_app(sandbox):
    space = h.new_id()
    assert sandbox.sh("echo kept > /data/f; stat -c %u /data", data=True, space=space)[0] == "1000\n"
    keeper = sandbox.run(["sleep", "60"])                       # so that the next start gets another uid range
    assert sandbox.sh("cat /data/f; stat -c %u /data/f; echo more >> /data/f", data=True, space=space)[0] == "kept\n1000\n"
    keeper.stop()
    assert os.stat(os.path.join(sandbox.state, "volumes", space, "f")).st_uid == 1000


def test_no_network_but_loopback(sandbox):
    text, _ = sandbox.sh("cat /proc/net/dev | grep -c :; nc -w 2 127.0.0.1 22 < /dev/null || echo refused; nc -w 2 1.1.1.1 80 < /dev/null || echo unreachable")
    assert text.startswith("1\n") and "refused" in text and "unreachable" in text


def accept(listener):
    assert select.select([listener], [], [], 5)[0]
    conn, _ = listener.accept()
    return conn


def test_every_outgoing_connection_lands_at_egress_with_its_wanted_address(sandbox):
    slot = sandbox.run(["sh", "-c", "(echo four | nc -w 5 203.0.113.5 443); (echo six | nc -w 5 2001:db8::7 80); echo done; sleep 60"], egress=h.EGRESS_WEB)
    m = sandbox.peers["egress"].recv()
    assert struct.unpack_from("=3I", m.body) == (slot.index, slot.generation, h.EGRESS_WEB)
    assert len(m.fds) == 4
    four, six, dns, dns_tcp = (socket.socket(fileno=fd) for fd in m.fds)
    assert dns.getsockname() == ("127.0.0.1", 5353) and dns_tcp.getsockname() == ("127.0.0.1", 5353)
    with accept(four) as c:
        assert c.getsockopt(socket.SOL_IP, 80, 16)[2:8] == struct.pack("!H", 443) + socket.inet_aton("203.0.113.5")
        assert c.recv(10) == b"four\n"
    with accept(six) as c:
        assert c.getsockopt(socket.IPPROTO_IPV6, 80, 28)[8:24] == socket.inet_pton(socket.AF_INET6, "2001:db8::7")
        assert c.recv(10) == b"six\n"
    slot.stop()
    m = sandbox.peers["egress"].recv()
    assert struct.unpack_from("=2I", m.body) == (slot.index, slot.generation)
    for s in (four, six, dns, dns_tcp):
        s.close()


def test_name_queries_reach_egress_and_other_udp_is_refused(sandbox):
    slot = sandbox.run(["sh", "-c", "probe udp 127.0.0.1 53; probe udp 192.0.2.1 123; sleep 60"], egress=h.EGRESS_WEB)
    m = sandbox.peers["egress"].recv()
    dns = socket.socket(fileno=m.fds[2])
    assert select.select([dns], [], [], 5)[0]
    data, who = dns.recvfrom(100)
    assert data == b"query"
    dns.sendto(b"answer", who)
    slot.read_until(b"answer\nudp EPERM\n")
    slot.stop()
    sandbox.peers["egress"].recv()
    for fd in m.fds:
        os.close(fd)


def test_memory_limit_ends_with_the_word_memory(sandbox):
    text, end = sandbox.sh("head -c 200000000 /dev/zero | tail -c 150000000 > /dev/shm/x 2>&1; exit 1", memory=64 << 20)
    assert (end["end"], end["value"]) == (h.OOM, 64)


def test_fork_bomb_is_bounded_and_gone_at_once(sandbox):
    slot = sandbox.run(["sh", "-c", "b() { b | b & }; b; echo bombed; sleep 60"], pids=50)
    slot.read_until(b"fork")                                    # "can't fork: Resource temporarily unavailable"
    assert struct.unpack_from("=2I3Q2I", sandbox.server.ask("STATS", slot.name).body)[5] <= 50
    begun = time.monotonic()
    assert slot.stop()["end"] == h.STOPPED
    assert time.monotonic() - begun < 5
    assert not os.path.exists(f"/proc/{slot.pid}") and slot.read_all() is not None


def test_stop_is_polite_first(sandbox):
    slot = sandbox.run(["sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"])
    slot.read_until(b"ready")
    assert slot.stop(grace_ms=5000)["end"] == h.STOPPED
    assert "bye" in slot.read_all()


def test_stop_ends_what_ignores_it(sandbox):
    slot = sandbox.run(["sh", "-c", "trap '' TERM; (setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' &); echo ready; while :; do sleep 1; done"])
    slot.read_until(b"ready")
    assert slot.stop(grace_ms=100)["end"] == h.STOPPED
    assert not os.path.exists(f"/proc/{slot.pid}") and slot.read_all() is not None


def test_freeze_stops_time_and_thaw_resumes(sandbox):
    slot = sandbox.run(["sh", "-c", "while :; do echo tick; sleep 0.02; done"])
    slot.read_until(b"tick")
    assert sandbox.server.ask("FREEZE", slot.name).type == "DONE"
    assert struct.unpack_from("=2I3Q2I", sandbox.server.ask("STATS", slot.name).body)[6] == 1
    while select.select([slot.log_fd], [], [], 0.3)[0]:
        os.read(slot.log_fd, 65536)
    assert sandbox.server.ask("PORTS", slot.name).type == "REFUSED"
    assert sandbox.server.ask("THAW", slot.name).type == "DONE"
    slot.text = b""
    slot.read_until(b"tick")
    assert sandbox.server.ask("FREEZE", slot.name).type == "DONE"
    assert slot.stop()["end"] == h.STOPPED                      # a frozen one dies too


def test_ports_and_dial_reach_the_app_and_only_for_edge(sandbox):
    slot = sandbox.run(["probe", "listen", "7860", "1"])
    edge = sandbox.peers["edge"]
    slot.read_until(b"listening")
    m = sandbox.server.ask("PORTS", slot.name)
    assert struct.unpack_from("=3I", m.body)[2] == 1 and struct.unpack_from("=HBB", m.body, 16) == (7860, 4, 1)
    m = edge.ask("DIAL", slot.name + struct.pack("=2I", 3, 4))
    assert m.type == "SOCKETS" and len(m.fds) == 3
    with socket.socket(fileno=m.fds[0]) as s:
        s.setblocking(True)
        s.connect(("127.0.0.1", 7860))
        assert s.recv(100) == b"hello\n"
    for fd in m.fds[1:]:
        os.close(fd)
    assert slot.exited()["end"] == h.EXITED
    m = edge.ask("DIAL", slot.name + struct.pack("=2I", 1, 4))
    assert m.fds == [] and struct.unpack_from("=2I", m.body, 8) == (0, 6)      # SP_ESTALE


def test_server_restart_finds_its_slots_and_their_ends(own):
    a = own.run(["sh", "-c", "echo one; sleep 60"])
    b = own.run(["sh", "-c", "read x; exit 5"], stdin=(pipe := os.pipe())[0])
    a.read_until(b"one")
    own.server.end()
    os.close(pipe[0])
    os.close(pipe[1])                                           # b ends while nobody listens
    assert own.accept() == "server"
    own.server.send("LIST")
    entries, ends = [], []
    while not (entries and ends):
        m = own.server.recv()
        entries += [m] if m.type == "ENTRY" and m.body[:8] == a.name else []
        ends += [m] if m.type == "EXITED" else []
    assert h.EXIT.unpack(ends[0].body)[5:7] == (h.EXITED, 5) and ends[0].body[:8] == b.name
    a.peer = own.server
    again = os.dup(entries[0].fds[0])
    assert a.stop()["end"] == h.STOPPED
    assert select.select([again], [], [], 5)[0] and os.read(again, 10) == b""  # the log's end, through the second descriptor
    with pytest.raises(TimeoutError):
        own.server.wait(lambda m: m.type == "EXITED", timeout=0.5)             # each end is told once


def test_worker_makes_an_image_and_its_input_is_dropped_only_on_request(sandbox):
    tree, out_hash = h.new_id(), os.urandom(32).hex()
    script = "mkdir -p /env/usr/local/lib/vitrine-env/bin; echo made > /usr/local/lib/vitrine-env/bin/x; cat /env/usr/local/lib/vitrine-env/bin/x; tool; ls /etc/operator"
    text, end = sandbox.sh(script, profile=h.BUILD, output=tree)
    assert end["end"] == h.EXITED and text == "made\ntool\n", text
    text, end = sandbox.sh("id -u; cat /in/usr/local/lib/vitrine-env/bin/x > /out; touch /in/no; ls /data", profile=h.WORKER, input=tree,
                           out_kind=h.IMAGE_ENV, out_hash=out_hash)
    assert "Read-only" in text and end["end"] == h.EXITED and end["image_made"] == 0   # ls failed: status not 0
    text, end = sandbox.sh("cat /in/usr/local/lib/vitrine-env/bin/x > /out", profile=h.WORKER, input=tree, out_kind=h.IMAGE_ENV, out_hash=out_hash)
    assert end["image_made"] == 1 and end["image_bytes"] == 5
    made = os.path.join(sandbox.images, f"env-{out_hash}.erofs")
    assert open(made).read() == "made\n" and os.stat(made).st_uid == 0 and os.stat(made).st_mode & 0o777 == 0o444
    assert sandbox.server.ask("SCRATCH_DROP", tree.encode() + b"\0").type == "DONE"
    assert sandbox.server.ask("SCRATCH_DROP", tree.encode() + b"\0").type == "REFUSED"
    assert sandbox.server.ask("IMAGE_DROP", struct.pack("=2I64s", h.IMAGE_ENV, 0, out_hash.encode())).type == "DONE"
    assert not os.path.exists(made)


def test_system_writes_as_root_into_the_tree_that_becomes_an_image(sandbox):
    tree = h.new_id()
    script = "id -u; echo lib > /usr/lib/new.so; chown 33:33 /usr/lib/new.so; rm /usr/lib/keep; ls /usr/lib; grep CapEff /proc/self/status"
    text, end = sandbox.sh(script, profile=h.SYSTEM, output=tree)
    assert text.startswith("0\nnew.so\n") and end["end"] == h.EXITED and "CapEff:\t00000000000400db" in text
    text, end = sandbox.sh("stat -c %u:%g /usr/lib/new.so; cat /usr/lib/new.so; echo v > /usr/local/lib/vitrine-env/v; ls /usr/lib", profile=h.BUILD, output=tree)
    assert text.startswith("33:33\nlib\n") and end["value"] == 0
    text, end = sandbox.sh("cat /in/usr/lib/new.so /in/usr/local/lib/vitrine-env/v", profile=h.WORKER, input=tree)
    assert text == "lib\nv\n"
    assert sandbox.server.ask("SCRATCH_DROP", tree.encode() + b"\0").type == "DONE"


def test_images_and_probe_answer(sandbox):
    seq = sandbox.server.send("IMAGES")
    rows = []
    while (m := sandbox.server.wait(lambda m: m.seq == seq)).type == "IMAGE_IS":
        kind, current, digest, size = struct.unpack("=2I64sQ", m.body)
        rows.append((kind, current, digest.decode()))
        assert size > 0
    assert m.type == "DONE"
    assert (h.IMAGE_BASE, 1, sandbox.base) in rows and (h.IMAGE_TOOLS, 1, sandbox.tools) in rows
    m = sandbox.server.ask("PROBE")
    assert m.type == "PROBE_IS" and struct.unpack_from("=3I", m.body)[1:] == (1, 1)


@pytest.mark.parametrize("change, step", [
    ({"base": "0" * 64}, "prepare"), ({"hostname": "Bad_Name"}, "request"), ({"hostname": ""}, "request"), ({"memory": 1}, "request"),
    ({"profile": 9}, "request"), ({"space": "../../../../etc/passwd/x"}, "request"), ({"app": "../../../etc/shadow"}, "request"),
    ({"profile": h.WORKER, "egress": h.EGRESS_WEB}, "request"), ({"input": h.new_id()}, "request"),
    ({"profile": h.WORKER, "input": h.new_id()}, "prepare"), ({"out_kind": h.IMAGE_BASE, "out_hash": "0" * 64}, "request"),
    ({"output": h.new_id()}, "request"),
])
def test_impossible_starts_fail_with_a_step_and_leave_nothing(sandbox, change, step):
    before = os.listdir(os.path.join(sandbox.images, "scratch"))
    m = sandbox.request(["true"], **change)
    assert m.type == "FAILED" and m.failure()[2] == step and m.failure()[3], m
    sandbox.sh("true")                                          # later than the sweep of the failed one began
    assert {x for x in os.listdir(os.path.join(sandbox.images, "scratch")) if not x.startswith("slot-")} <= set(before)


@pytest.mark.parametrize("role, send", [
    ("server", lambda p: p.send("START", b"short")),
    ("server", lambda p: p.send("PROBE_IS", b"\0" * 480)),     # wrong direction
    ("edge", lambda p: p.send("STOP", b"\0" * 16)),
    ("edge", lambda p: p.send("DIAL", raw=b"garbage")),
    ("egress", lambda p: p.send("LIST")),
])
def test_a_role_that_breaks_the_protocol_is_restarted_and_slots_go_on(own, role, send):
    slot = own.run(["sh", "-c", "echo up; sleep 60"])
    slot.read_until(b"up")
    send(own.peers[role])
    assert own.accept() == role
    assert os.path.exists(f"/proc/{slot.pid}")
    if role == "egress":
        return
    assert own.peers[role].ask("LIST" if role == "server" else "DIAL", b"\0" * (8 if role == "server" else 16)).type in ("ENTRY", "SOCKETS")


def test_a_new_egress_gets_the_listeners_of_living_slots(own):
    slot = own.run(["sleep", "60"], egress=h.EGRESS_WEB)
    assert len(own.peers["egress"].recv().fds) == 4
    own.peers["egress"].end()
    assert own.accept() == "egress"
    m = own.peers["egress"].recv()
    assert len(m.fds) == 4 and m.body[:8] == slot.name


def test_a_second_launcher_on_the_same_state_is_refused(own):
    r = subprocess.run(own.command(), capture_output=True, text=True, timeout=10, pass_fds=[own.public.fileno()])
    assert r.returncode == 1 and "another vitrine runs on" in r.stderr


def test_roles_see_almost_nothing_and_have_no_power(own):
    pid = next(int(line.split("pid=")[1]) for line in open(os.path.join(own.dir, "log")) if "started vitrine-server" in line)
    status = open(f"/proc/{pid}/status").read()
    assert "CapEff:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status and "NoNewPrivs:\t1" in status and "Uid:\t0" not in status
    assert set(os.listdir(f"/proc/{pid}/root")) <= {"usr", "lib", "lib64", "etc", "dev", "proc", "tmp", "state"}
    edge = next(int(line.split("pid=")[1]) for line in open(os.path.join(own.dir, "log")) if "started vitrine-edge" in line)
    assert set(os.listdir(f"/proc/{edge}/root")) <= {"usr", "lib", "lib64", "etc", "dev", "proc", "tmp", "run"}
    assert set(os.listdir(f"/proc/{edge}/root/run")) == {"http.sock", "ws.sock", "route.sock", "door"}         # the last is the test's own
    egress = next(int(line.split("pid=")[1]) for line in open(os.path.join(own.dir, "log")) if "started vitrine-egress" in line)
    networks = {os.readlink(f"/proc/{p}/ns/net") for p in (pid, edge, egress)}
    assert len(networks) == 3 and os.readlink(f"/proc/{egress}/ns/net") == os.readlink("/proc/self/ns/net")
    for p in (pid, edge):       # only a loopback, and that is down
        assert [line.split(":")[0].strip() for line in open(f"/proc/{p}/net/dev")][2:] == ["lo"]
        assert len(open(f"/proc/{p}/net/route").read().splitlines()) <= 1           # nothing but its heading


def test_everything_is_gone_after_a_stop_and_after_a_kill(tmp_path):
    for ending in (signal.SIGTERM, signal.SIGKILL):
        launcher = h.Launcher().start()
        before = {**leftovers(launcher), "cgroups": 0}
        for i in range(4):
            launcher.run(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], egress=h.EGRESS_WEB, data=True)
        begun = time.monotonic()
        if ending == signal.SIGTERM:
            assert launcher.stop() == 0
            assert time.monotonic() - begun < 10
            assert os.listdir(os.path.join(launcher.images, "scratch")) == []
            assert leftovers(launcher) == before
        else:
            launcher.process.kill()
            launcher.process.wait()
            while leftovers(launcher)["processes"]:                     # the kernel's own work: parent-death signals
                assert time.monotonic() - begun < 10
            again = h.Launcher().start()                        # sweeps what the dead one left behind
            again.stop()
            again.close()
            assert leftovers(launcher) == before
        launcher.close()


def test_many_starts_and_stops_leave_nothing(own):
    before = leftovers(own)["mounts"]
    fds = len(os.listdir(f"/proc/{own.process.pid}/fd"))
    slots = [own.run(["sleep", "60"], egress=h.EGRESS_WEB) for _ in range(12)]
    for s in slots:
        assert s.stop()["end"] == h.STOPPED
        os.close(s.log_fd)
    for _ in range(12):
        assert own.sh("true")[1]["value"] == 0
    until = time.monotonic() + 5
    while len(os.listdir(f"/proc/{own.process.pid}/fd")) > fds + 2 * 12 + 1 and time.monotonic() < until:   # id maps are kept
        time.sleep(0.02)
    assert len(os.listdir(f"/proc/{own.process.pid}/fd")) <= fds + 2 * 12 + 1
    assert leftovers(own)["mounts"] == before


REPO, INCOMING = 2, 4


def servers(launcher, *path):
    """A folder of the server's own in the state directory."""
    user, at = pwd.getpwnam("vitrine"), pathlib.Path(launcher.state, *path)
    at.mkdir(mode=0o700)
    os.chown(at, user.pw_uid, user.pw_gid)
    return at


def test_a_worker_sees_one_repository_read_only_and_writes_what_comes_in(sandbox):
    space, run = h.new_id(), h.new_id()
    repo, incoming = servers(sandbox, "repos", f"{space}.git"), servers(sandbox, "incoming", run)
    (repo / "HEAD").write_text("ref: refs/heads/main\n")
    (repo / "HEAD").chmod(0o600)
    os.chown(repo / "HEAD", repo.stat().st_uid, repo.stat().st_gid)
    text, end = sandbox.sh("cat /repo/HEAD; stat -c %u /repo/HEAD /incoming; echo x > /repo/new; mkdir /incoming/d && echo kept > /incoming/d/f; "
                                  "cp /bin/busybox /incoming/p; /incoming/p true; ls /data", profile=h.WORKER, space=space, run_id=run, flags=REPO | INCOMING)
    assert text.startswith("ref: refs/heads/main\n1000\n1000\n"), text
    assert "Read-only" in text and "Permission denied" in text and "/data: No such file" in text
    assert (incoming / "d" / "f").read_text() == "kept\n" and (incoming / "d" / "f").stat().st_uid == repo.stat().st_uid
    assert not (repo / "new").exists()


def test_the_next_worker_sees_neither_repository_nor_incoming(sandbox):
    assert "/repo: No such file" in sandbox.sh("ls /repo /incoming; :", profile=h.WORKER)[0]


@pytest.mark.parametrize("profile", ["RUN", "BUILD"])
@pytest.mark.parametrize("flags", [REPO, INCOMING, 8])
def test_repositories_are_for_workers_only(sandbox, profile, flags):
    output = h.new_id() if profile == "BUILD" else None
    m = sandbox.request(["true"], profile=getattr(h, profile), flags=flags, output=output)
    assert m.type == "FAILED" and b"profile" in m.body


def test_a_symbolic_link_in_place_of_a_repository_is_not_followed(sandbox):
    space = h.new_id()
    pathlib.Path(sandbox.state, "repos", f"{space}.git").symlink_to("/etc")
    m = sandbox.request(["true"], profile=h.WORKER, space=space, flags=REPO)
    assert m.type == "FAILED"
