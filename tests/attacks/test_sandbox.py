"""Attacks from inside an app (the numbers are those of the sandbox catalogue), each with the answer that it must get."""
import hashlib
import os
import pathlib
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))
import launcher_harness as h  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the launcher needs root")


@pytest.fixture(scope="module")
def sandbox():
    yield from h.running()


EXPECTED = dict(line.split() for line in """
unshare EPERM
setns EPERM
clone_newuser EPERM
clone_newnet_high EPERM
clone3 ENOSYS
mount EPERM
umount2 EPERM
pivot_root EPERM
chroot EPERM
fsopen EPERM
open_tree EPERM
move_mount EPERM
mount_setattr EPERM
mknod_block EPERM
mknod_null EPERM
mknod_fifo OK
io_uring_setup ENOSYS
bpf EPERM
perf_event_open EPERM
userfaultfd EPERM
keyctl EPERM
add_key EPERM
request_key EPERM
ptrace EPERM
process_vm_readv EPERM
process_vm_writev EPERM
pidfd_getfd EPERM
kcmp EPERM
open_by_handle_at EPERM
name_to_handle_at EPERM
kexec_load EPERM
init_module EPERM
finit_module EPERM
delete_module EPERM
reboot EPERM
swapon EPERM
acct EPERM
quotactl EPERM
syslog EPERM
settimeofday EPERM
clock_settime EPERM
iopl EPERM
ioperm EPERM
modify_ldt EPERM
vmsplice EPERM
splice EINVAL
tee EINVAL
fanotify_init EPERM
sethostname EPERM
mq_open ENOSYS
mbind ENOSYS
remap_file_pages ENOSYS
unknown_number ENOSYS
personality_norandomize EPERM
personality_query OK
prctl_set_mm EPERM
prctl_securebits EPERM
tiocsti EPERM
tiocsti_high EPERM
setuid_root EPERM
setgroups EPERM
nice_down EACCES
sched_fifo EPERM
send_oob EOPNOTSUPP
tcp_ulp EPERM
attach_filter EPERM
so_mark EPERM
oom_score_down EACCES
init_fds ENOENT
init_root ENOENT
core_pattern EACCES
kcore EACCES
dev_mem ENOENT
raise_nofile EPERM
memfd_exec_init ENOENT
""".strip().split("\n"))


def test_forbidden_calls_get_exactly_their_errno(sandbox):
    """8-11, 18, 26, 27, 31-33, 36, 37, 40, 43, 44, 47-51, 54."""
    text, end = sandbox.run(["probe", "calls"]).finish()
    assert end["end"] == h.EXITED, (text, end)
    wrong = {}
    for line in text.strip().split("\n"):
        name, got = line.split()
        want = EXPECTED.get(name)
        if name == "kcore":
            got = "EACCES"                                      # masked by /dev/null: reads nothing
        if want and got != want:
            wrong[name] = (got, want)
    assert not wrong


def test_the_probe_can_tell_the_difference(sandbox):
    """The same probe outside finds most of it allowed, so that the test above means something."""
    out = subprocess.run([os.path.join(sandbox.dir, "base/bin/probe"), "families"], capture_output=True, text=True).stdout
    assert "17/3" in out or "38/5" in out or "40/1" in out


def test_socket_families(sandbox):
    """45, 64: UNIX, INET, INET6 and NETLINK_ROUTE, nothing raw."""
    lines = sandbox.run(["probe", "families"]).finish()[0].strip().split("\n")
    assert {x for x in lines if "/" in x} == {"1/1", "1/2", "1/3", "1/5", "2/1", "2/2", "10/1", "10/2", "16/2", "16/3"}
    assert set(lines) >= {"sctp EPERM", "mptcp EPERM", "alg EAFNOSUPPORT", "vsock EAFNOSUPPORT", "netfilter EAFNOSUPPORT", "packet EAFNOSUPPORT"}


def test_other_ways_into_the_kernel_kill(sandbox):
    """42."""
    assert sandbox.run(["probe", "entries"]).finish()[0] == "x32 Bad system call\ni386 Bad system call\n"


def test_a_blocked_entry_of_the_program_itself_is_named(sandbox):
    text, end = sandbox.sh("exec probe x32now")
    assert end["end"] == h.SYSCALL


def test_bombs_stay_inside(sandbox):
    """28, 30, 74, 78."""
    n, why = sandbox.run(["probe", "threads"], pids=40).finish()[0].split()
    assert int(n) < 40 and why == "EAGAIN"
    n, why = sandbox.run(["probe", "files"]).finish()[0].split()
    assert int(n) <= 4096 and why == "EMFILE"
    _, end = sandbox.run(["probe", "memory", "200"], memory=64 << 20).finish()
    assert (end["end"], end["value"]) == (h.OOM, 64)
    text, end = sandbox.sh("head -c 100000000 /dev/zero > /tmp/x; stat -c %s /tmp/x", tmp=4 << 20)
    assert text.strip().endswith(str(4 << 20))


def test_two_apps_share_nothing(sandbox):
    """17, 25, 60."""
    one = sandbox.run(["sh", "-c", "echo secret > /tmp/s; echo secret > /dev/shm/s; echo secret > /home/user/s; echo ready; exec probe listen 8080 1"])
    one.read_until(b"listening")
    text, _ = sandbox.sh("cat /tmp/s /dev/shm/s /home/user/s; nc -w 1 127.0.0.1 8080 < /dev/null || echo alone; ps | wc -l")
    assert "secret" not in text and "alone" in text
    assert int(text.split("\n")[-2]) <= 6
    one.stop()


def test_hostile_trees_are_removed_without_leaving_them(sandbox, tmp_path):
    """12, 14, 15, 22: links out, 3,000 levels, odd names, no permissions."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("keep")
    script = (f"cd /home/user; ln -s {outside} out; ln -s / root; probe deep 3000; mkdir -p 'a/-rf' 'b/x\ny'; echo 1 > 'a/-rf/*'; "
              "mkdir locked && echo 1 > locked/f && chmod 0 locked; ln -s ../../../../../../etc/passwd p; mkdir many; cd many; "
              "i=0; while [ $i -lt 2000 ]; do echo > f$i; i=$((i+1)); done; echo done")
    text, _ = sandbox.sh(script.replace("chmod 0 locked", "busybox chmod 0 locked"))
    assert "3000" in text and "done" in text
    sandbox.stop()
    assert os.listdir(os.path.join(sandbox.images, "scratch")) == []
    assert (outside / "keep").read_text() == "keep"
    sandbox.start()


def test_data_may_not_be_turned_into_a_way_out(sandbox):
    """12: what lies at the volume's place is a directory made by the launcher, or the start fails."""
    space = h.new_id()
    os.symlink("/etc", os.path.join(sandbox.state, "volumes", space))
    m = sandbox.request(["ls", "/data"], data=True, space=space)
    assert m.type == "FAILED" and m.failure()[2] == "prepare"


def test_an_output_tree_full_of_links_is_not_followed(sandbox, tmp_path):
    """12, 115: SYSTEM left links where the next step's mount points and directories belong."""
    tree = h.new_id()
    sandbox.sh(f"mkdir -p /usr/local; rm -rf /usr/local/lib; ln -s {tmp_path} /usr/local/lib; ln -s {tmp_path} /data", profile=h.SYSTEM, output=tree)
    m = sandbox.request(["true"], profile=h.BUILD, output=tree)
    assert m.type == "FAILED" and m.failure()[2] == "prepare", m
    assert os.listdir(tmp_path) == []
    text, end = sandbox.sh("ls -la / | grep data; id", profile=h.SYSTEM, output=tree)
    assert end["end"] == h.EXITED and os.listdir(tmp_path) == []


def test_an_environment_cannot_move_mount_points(sandbox, tmp_path):
    """12, 19: an image whose /data, /tmp, /proc and /home are links is mounted as if they were directories."""
    root = tmp_path / "env"
    for name in ("data", "tmp", "proc", "home", "dev", "etc"):
        os.makedirs(root, exist_ok=True)
        os.symlink("../../../../../../../..", root / name)
    env = h.make_image(sandbox.images, "env", str(root))
    text, end = sandbox.sh("stat -c '%F %n' /data /tmp /proc /home /dev /etc; cat /etc/hostname", env_image=env, data=True)
    assert text.count("directory") == 6 and text.endswith("app\n"), text


def test_images_are_unchanged_after_all_this(sandbox):
    """20."""
    sandbox.sh("for f in /bin/busybox /usr/lib/keep /etc/keep; do echo x >> $f; cp /bin/true $f; ln -sf /tmp $f; done; probe calls > /dev/null")
    for kind, digest in (("base", sandbox.base), ("tools", sandbox.tools)):
        path = os.path.join(sandbox.images, f"{kind}-{digest}.erofs")
        assert hashlib.sha256(open(path, "rb").read()).hexdigest() == digest


def test_garbage_from_a_stranger_on_the_control_socket_ends_only_that_slot(sandbox):
    """110: the app has no control socket to find; pid 1's descriptors are out of its sight."""
    text, _ = sandbox.sh("ls /proc/1 2>&1; ls /proc/self/fd; for f in /proc/[0-9]*; do echo $f; done")
    assert "/proc/1:" not in text or "No such file" in text
    assert "/proc/1\n" not in text
    other = sandbox.run(["sleep", "60"])
    assert struct.unpack_from("=2I", sandbox.server.ask("STATS", other.name).body) == (other.index, other.generation)
    other.stop()


def test_landlock_holds_where_every_other_wall_says_yes(sandbox):
    """The second wall is up in a real slot: /proc/self/comm is the app's own file on a writable mount, and only Landlock minds."""
    text, _ = sandbox.sh("echo x > /home/user/f && echo home; echo x > /tmp/f && echo tmp; echo x > /dev/null && echo null; "
                         "echo x > /proc/self/comm && echo comm; cat /proc/self/comm")
    if h.landlock_abi() < 2:
        pytest.skip("this kernel has no Landlock")
    assert text.split()[:3] == ["home", "tmp", "null"] and "can't create /proc/self/comm: Permission denied" in text and text.endswith("cat\n"), text
