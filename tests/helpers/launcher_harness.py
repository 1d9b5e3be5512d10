"""A real vitrine-launcher, spoken to in its own protocol (sandbox/proto/launch.h) from Python.

The three role programs are replaced by relay.c, which hands the launcher's sockets to the test.
"""
import array
import ctypes
import hashlib
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, os.environ.get("VITRINE_BIN", "build/release/bin"))

TYPES = ("START STOP FREEZE THAW LIST PORTS STATS DIAL IMAGES IMAGE_DROP SCRATCH_DROP PROBE STARTED FAILED EXITED DONE REFUSED ENTRY "
         "PORTS_ARE STATS_ARE SOCKETS IMAGE_IS PROBE_IS").split()
RUN, BUILD, SYSTEM, WORKER = range(4)
EGRESS_NONE, EGRESS_WEB, EGRESS_ANY, EGRESS_BUILD = range(4)
IMAGE_NONE, IMAGE_BASE, IMAGE_TOOLS, IMAGE_ENV, IMAGE_APP = range(5)
EXITED, SIGNALED, OOM, EXEC, STOPPED, SYSCALL, INIT, LOST = range(8)
START = struct.Struct("=6I2Q25s25s64s64s64s25s25s64s2I64s4x")
EXIT = struct.Struct("=2I25s25s2xIIiI4xQQQ4Q2Q")


def landlock_abi():
    """0: the kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1)), 0)


def new_id():
    return os.urandom(12).hex()


def exec_block(argv, env=None, cwd="/"):
    env = {"PATH": "/bin:/usr/bin", "HOME": "/home/user", **(env or {})}
    words = list(argv) + [f"{k}={v}" for k, v in env.items()] + [cwd]
    body = b"VTXB0001" + struct.pack("=4I", len(argv), len(env), 0, 0) + b"".join(w.encode() + b"\0" for w in words)
    fd = os.memfd_create("exec")
    os.write(fd, body)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Message:
    def __init__(self, data, fds):
        self.version, kind, self.seq, self.size, _ = struct.unpack_from("=HHIII", data)
        self.type, self.body, self.fds = TYPES[kind], data[16:], fds

    def __repr__(self):
        return f"<{self.type} seq={self.seq} fds={self.fds} {self.failure() if self.type in ('FAILED', 'REFUSED') else self.body[:48]!r}>"

    def failure(self):
        code, err, step, text = struct.unpack("=Ii32s200s", self.body)
        return code, err, step.split(b"\0")[0].decode(), text.split(b"\0")[0].decode()


class Peer:
    """One role's socket."""

    def __init__(self, sock, argv, holder):
        self.sock, self.argv, self.holder, self.seq, self.later = sock, argv, holder, 0, []

    def send(self, kind, body=b"\0" * 8, fds=(), raw=None):
        self.seq += 1
        head = struct.pack("=HHIII", 1, TYPES.index(kind), self.seq, len(body), 0)
        self.sock.sendmsg([raw or head + body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
        return self.seq

    def recv(self, timeout=10):
        if not select.select([self.sock], [], [], timeout)[0]:
            raise TimeoutError("the launcher says nothing")
        data, control, _, _ = self.sock.recvmsg(8192, socket.CMSG_SPACE(4 * 32))
        if not data:
            raise ConnectionError("the launcher closed")
        fds = array.array("i")
        for _, _, raw in control:
            fds.frombytes(raw[:len(raw) - len(raw) % 4])
        return Message(data, list(fds))

    def wait(self, want, timeout=10):
        """The first message for which WANT says yes; the others are kept in order."""
        for i, m in enumerate(self.later):
            if want(m):
                return self.later.pop(i)
        while True:
            m = self.recv(timeout)
            if want(m):
                return m
            self.later.append(m)

    def ask(self, kind, body=b"\0" * 8, fds=(), timeout=10):
        seq = self.send(kind, body, fds)
        return self.wait(lambda m: m.seq == seq and m.type != "EXITED", timeout)

    def end(self):
        """As if the role died."""
        self.sock.close()
        self.holder.close()


class Slot:
    def __init__(self, peer, index, generation, pid, log):
        self.peer, self.index, self.generation, self.pid, self.log_fd, self.text = peer, index, generation, pid, log, b""
        self.name = struct.pack("=2I", index, generation)

    def read_until(self, mark, timeout=10):
        while mark not in self.text:
            assert select.select([self.log_fd], [], [], timeout)[0], f"no {mark!r} in {self.text!r}"
            got = os.read(self.log_fd, 65536)
            assert got, f"log ended without {mark!r}: {self.text!r}"
            self.text += got
        return self.text.decode(errors="replace")

    def read_all(self, timeout=20):
        while select.select([self.log_fd], [], [], timeout)[0]:
            got = os.read(self.log_fd, 65536)
            if not got:
                return self.text.decode(errors="replace")
            self.text += got
        raise TimeoutError(f"the log does not end: {self.text[-300:]!r}")

    def exited(self, timeout=20):
        m = self.peer.wait(lambda m: m.type == "EXITED" and m.body[:8] == self.name, timeout)
        x = EXIT.unpack(m.body)
        return {"end": x[5], "value": x[6], "image_made": x[7], "image_bytes": x[8], "cpu_us": x[9], "peak": x[10], "disk": x[11:15],
                "forks": x[15], "throttled": x[16], "run": x[3][:24].decode()}

    def finish(self, timeout=20):
        text = self.read_all(timeout)
        return text, self.exited(timeout)

    def stop(self, grace_ms=0):
        self.peer.send("STOP", self.name + struct.pack("=2I", grace_ms, 0))
        return self.exited()


def make_tree(root, files):
    for path, content in files.items():
        at = os.path.join(root, path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if content is None:
            os.makedirs(at, exist_ok=True)
        else:
            with open(at, "wb") as f:
                f.write(content)
            os.chmod(at, 0o755)


def make_disk(path, size, files):
    """A template as make-images.sh makes them."""
    with open(path, "wb") as f:
        f.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal,^resize_inode,sparse_super2", "-m0", "-N", str(files), "-e", "remount-ro",
                    "-E", "lazy_itable_init=1,nodiscard,packed_meta_blocks=1,num_backup_sb=0", path], check=True)


def make_image(images, kind, tree):
    tmp = os.path.join(images, "new.erofs")
    subprocess.run(["mkfs.erofs", "--all-root", "-T0", tmp, tree], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    digest = hashlib.sha256(open(tmp, "rb").read()).hexdigest()
    os.rename(tmp, os.path.join(images, f"{kind}-{digest}.erofs"))
    return digest


def running(**kw):
    """A launcher for the time of a fixture: `yield from h.running()`."""
    launcher = Launcher(**kw).start()
    try:
        yield launcher
        assert launcher.stop() == 0
    finally:
        launcher.close()


class Launcher:
    """Starts a launcher over small images made of busybox; base holds /bin/busybox and what FILES adds."""

    def __init__(self, files=None, tools=None, modes=None, disks=True):
        self.dir = tempfile.mkdtemp(prefix="vitrine-test-")
        self.key = "t" + uuid.uuid4().hex[:12]
        self.bin, self.images, self.state = (os.path.join(self.dir, n) for n in ("bin", "images", "state"))
        os.makedirs(self.bin)
        os.makedirs(os.path.join(self.images, "operator"))
        open(os.path.join(self.images, "operator/allow"), "w").write(f"allow={self.key}\n")
        relay = os.path.join(self.dir, "relay")
        subprocess.run(["cc", "-O1", "-o", relay, os.path.join(ROOT, "tests/helpers/relay.c")], check=True)
        for role in ("server", "edge", "egress"):
            shutil.copy(relay, os.path.join(self.bin, f"vitrine-{role}"))
        for program in ("init", "launcher"):
            shutil.copy(os.path.join(BIN, f"vitrine-{program}"), self.bin)
        busybox = open(shutil.which("busybox"), "rb").read()
        base, tool = os.path.join(self.dir, "base"), os.path.join(self.dir, "tools")
        names = "sh cat ls id echo sleep mount umount chroot dd head wc nc kill hostname mkdir ln touch true false env stat grep ps find cp rm".split()
        make_tree(base, {"bin/busybox": busybox, "usr/lib/keep": b"", "etc/keep": b"", **(files or {})})
        for path, mode in (modes or {}).items():
            os.chmod(os.path.join(base, path), mode)
        for n in names:
            os.symlink("busybox", os.path.join(base, "bin", n))
        subprocess.run(["cc", "-O1", "-static", "-o", os.path.join(base, "bin/probe"), os.path.join(ROOT, "tests/helpers/probe.c")], check=True)
        make_tree(tool, {"usr/bin/tool": b"#!/bin/sh\necho tool\n", **(tools or {})})
        self.base, self.tools = make_image(self.images, "base", base), make_image(self.images, "tools", tool)
        for kind, digest in (("base", self.base), ("tools", self.tools)):
            open(os.path.join(self.images, f"{kind}.current"), "w").write(digest + "\n")
        for name in ("slot", "output") if disks else ():
            make_disk(os.path.join(self.images, f"{name}.ext4"), 256 << 20, 20000)
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(f"\0vitrine-{self.key}")
        self.door.listen(16)
        self.folder_door = None
        self.public = socket.create_server(("127.0.0.1", 0))
        self.process, self.peers = None, {}

    def command(self):
        return [os.path.join(self.bin, "vitrine-launcher"), "--state", self.state, "--images", self.images, "--bin", self.bin, "--domain", self.key,
                "--public-port", str(self.public.getsockname()[1]), "--listen-fd", str(self.public.fileno())]

    def open_folder_door(self):
        """Where server and edge, which have no network of the test's, find it: in the folders that they see."""
        edge = os.path.join(self.state, "run", "edge")
        os.makedirs(edge, exist_ok=True)
        if os.path.exists(os.path.join(edge, "door")):
            return
        self.folder_door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.folder_door.bind(os.path.join(self.state, "door"))
        os.chmod(os.path.join(self.state, "door"), 0o666)
        os.link(os.path.join(self.state, "door"), os.path.join(edge, "door"))
        os.chmod(edge, 0o755)
        self.folder_door.listen(16)

    def start(self):
        self.open_folder_door()
        self.log = open(os.path.join(self.dir, "log"), "ab")
        self.process = subprocess.Popen(self.command(), stderr=self.log, stdout=self.log, pass_fds=[self.public.fileno()])
        try:
            while len(self.peers) < 3:
                self.accept()
        except BaseException:
            self.close()                                # no fixture will
            raise
        return self

    def accept(self, timeout=10):
        ready = select.select([self.door, self.folder_door], [], [], timeout)[0]
        if not ready:
            raise TimeoutError(open(os.path.join(self.dir, "log")).read())
        conn, _ = ready[0].accept()
        text, control, _, _ = conn.recvmsg(4096, socket.CMSG_SPACE(4))
        fd = struct.unpack("=i", control[0][2][:4])[0]
        argv = text.decode().split("\n")[:-1]
        role = argv[0].removeprefix("vitrine-")
        self.peers[role] = Peer(socket.socket(fileno=fd), argv, conn)
        return role

    @property
    def server(self):
        return self.peers["server"]

    def request(self, argv, profile=RUN, env=None, cwd="/", memory=256 << 20, pids=64, egress=EGRESS_NONE, data=False, space=None, app=None,
                env_image=None, input=None, output=None, out_kind=0, out_hash=None, cpu=0, hostname="app", tmp=16 << 20, base=None, stdin=None,
                flags=0, run_id=None, weight=100):
        body = START.pack(profile, egress, flags | (1 if data else 0), cpu, weight, pids, memory, tmp, (space or new_id()).encode(), (run_id or new_id()).encode(),
                          (base or self.base).encode(), (env_image or "").encode(), (app or "").encode(), (input or "").encode(),
                          (output or "").encode(), (out_hash or "").encode(), out_kind, 7860, hostname.encode())
        block = exec_block(argv, env, cwd)
        m = self.server.ask("START", body, [block] + ([stdin] if stdin is not None else []))
        os.close(block)
        return m

    def run(self, argv, **kw):
        m = self.request(argv, **kw)
        assert m.type == "STARTED", m
        index, generation, pid, _ = struct.unpack("=4I", m.body)
        return Slot(self.server, index, generation, pid, m.fds[0])

    def waiting(self):
        """Sandboxes that wait for their app: children of the launcher with a user namespace still the host's and a pid namespace of their own."""
        own, host, found = os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/user"), []
        for pid in open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split():
            try:
                if os.readlink(f"/proc/{pid}/ns/pid") != own and os.readlink(f"/proc/{pid}/ns/user") == host:
                    found.append(int(pid))
            except OSError:
                pass                                            # it ended meanwhile
        return found

    def until_waiting(self, n):
        """The kernel tells of no child that begins to wait, so /proc is looked at."""
        def receives(pid):
            try:
                return open(f"/proc/{pid}/syscall").read().startswith("47 ")    # recvmsg: it has made all that it can make without a plan
            except OSError:
                return False

        until = time.monotonic() + 10
        while len(found := self.waiting()) != n or not all(map(receives, found)):
            assert time.monotonic() < until, found
            time.sleep(0.01)
        return found

    def sh(self, script, **kw):
        """Output and end of a shell script run to its end."""
        return self.run(["sh", "-c", script], **kw).finish()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=15)
        for p in self.peers.values():
            p.end()
        self.peers = {}
        return code

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.door.close()
        if self.folder_door:
            self.folder_door.close()
        shutil.rmtree(self.dir, ignore_errors=True)
