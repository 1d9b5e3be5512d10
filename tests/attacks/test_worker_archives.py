"""Hostile archives against vitrine-worker itself, without network and as the app's user (C-SBX-25, sandbox.md 4.8 #115)."""
import io
import os
import shutil
import subprocess
import tarfile

import pytest

from conftest import BIN, missing

WORKER = BIN / "vitrine-worker"
DONE, TOO_MUCH, REFUSED, BAD = 0, 3, 4, 5


def entry(name, data=b"", kind=tarfile.REGTYPE, link="", mode=0o644, pax=None):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mode, info.pax_headers = len(data), kind, link, mode, pax or {}
    return info, data


def archive(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def place(tmp_path):
    """A folder for the worker with a witness beside it that nothing may touch."""
    for tool in ("bwrap", "mkfs.erofs", "fsck.erofs"):
        if not shutil.which(tool):
            missing(f"{tool} is not installed")
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "witness").write_text("untouched")
    os.chmod(inside, 0o777)
    yield tmp_path
    assert (tmp_path / "witness").read_text() == "untouched"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inside", "witness"]


def run(place, task, *options, stdin=b""):
    inside = place / "inside"
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
               "--bind", inside, inside, "--", WORKER, task, "--out", inside / "out.erofs", "--work", inside / "work", *options]
    done = subprocess.run([str(c) for c in command], input=stdin, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def unpacked(place):
    """The image's files as {path: content or link target}."""
    tree = place / "inside" / "check"
    subprocess.run(["fsck.erofs", f"--extract={tree}", place / "inside" / "out.erofs"], check=True, capture_output=True)
    found = {str(p.relative_to(tree)): os.readlink(p) if p.is_symlink() else p.read_bytes()
             for p in tree.rglob("*") if p.is_symlink() or p.is_file()}
    shutil.rmtree(tree)
    return found


def test_ordinary_repository_becomes_an_image(place):
    data = archive(entry("app.py", b"print(1)\n"), entry("./sub//deep/x.bin", b"\0" * 5000), entry("run.sh", b"#!/bin/sh\n", mode=0o4755),
                   entry("sub/up", kind=tarfile.SYMTYPE, link="../app.py"), entry("empty/", kind=tarfile.DIRTYPE),
                   entry("Ünïcode 文件.txt", b"x"))
    status, out, err = run(place, "unpack-app", stdin=data)
    assert (status, err) == (DONE, "")
    assert out.startswith("files 8 bytes 5020 image ")
    assert unpacked(place) == {"app.py": b"print(1)\n", "sub/deep/x.bin": b"\0" * 5000, "run.sh": b"#!/bin/sh\n",
                               "sub/up": "../app.py", "Ünïcode 文件.txt": b"x"}
    assert not os.stat(place / "inside" / "work" / "tree" / "run.sh").st_mode & 0o7000


@pytest.mark.parametrize("entries, status, words", [
    pytest.param([entry("../witness", b"x")], REFUSED, "leads out", id="parent"),
    pytest.param([entry("a/../../witness", b"x")], REFUSED, "leads out", id="parent-inside"),
    pytest.param([entry("/etc/x", b"x")], REFUSED, "absolute", id="absolute"),
    pytest.param([entry("short", b"x", pax={"path": "../../witness"})], REFUSED, "leads out", id="pax-path-override"),
    pytest.param([entry("l", kind=tarfile.SYMTYPE, link="a", pax={"linkpath": "/etc"})], REFUSED, "absolute", id="pax-link-override"),
    pytest.param([entry("out", kind=tarfile.SYMTYPE, link="..")], REFUSED, "leads out", id="link-out"),
    pytest.param([entry("d/out", kind=tarfile.SYMTYPE, link="../../x")], REFUSED, "leads out", id="link-out-deep"),
    pytest.param([entry("out", kind=tarfile.SYMTYPE, link="/etc/passwd")], REFUSED, "absolute", id="link-absolute"),
    pytest.param([entry("d/x", b""), entry("l", kind=tarfile.SYMTYPE, link="d/../../y")], REFUSED, "down and up", id="link-down-and-up"),
    pytest.param([entry("d", kind=tarfile.SYMTYPE, link="e"), entry("e/x", b""), entry("d/y", b"x")], REFUSED, "behind a link", id="through-link"),
    pytest.param([entry("f", kind=tarfile.SYMTYPE, link="g"), entry("f", b"x")], REFUSED, "twice", id="file-over-link"),
    pytest.param([entry("d/x", b""), entry("d", kind=tarfile.SYMTYPE, link="e")], REFUSED, "twice", id="link-over-folder"),
    pytest.param([entry("f", b"1"), entry("f", b"2")], REFUSED, "twice", id="duplicate"),
    pytest.param([entry("f", b"1"), entry("f/g", b"2")], REFUSED, "behind a link or a file", id="file-as-folder"),
    pytest.param([entry("h", kind=tarfile.LNKTYPE, link="/etc/shadow")], REFUSED, "hard links", id="hard-link-out"),
    pytest.param([entry("f", b"x"), entry("h", kind=tarfile.LNKTYPE, link="f")], REFUSED, "hard links", id="hard-link-in"),
    pytest.param([entry("n", kind=tarfile.CHRTYPE)], REFUSED, "only files", id="character-device"),
    pytest.param([entry("n", kind=tarfile.BLKTYPE)], REFUSED, "only files", id="block-device"),
    pytest.param([entry("n", kind=tarfile.FIFOTYPE)], REFUSED, "only files", id="fifo"),
    pytest.param([entry("a\nb", b"x")], REFUSED, "control character", id="newline"),
    pytest.param([entry("/".join("d" * 65), b"x")], REFUSED, "nested deeper", id="depth"),
    pytest.param([entry("n" * 256, b"x")], REFUSED, "longer than 255", id="long-name"),
    pytest.param([entry("/".join(["n" * 200] * 6), b"x")], REFUSED, "longer than 1024", id="long-path"),
    pytest.param([entry(".", b"x")], REFUSED, "no name", id="file-without-name"),
])
def test_hostile_entry_is_refused_with_a_sentence(place, entries, status, words):
    got, out, err = run(place, "unpack-app", stdin=archive(*entries))
    assert (got, out) == (status, ""), err
    assert words in err and err.endswith(".\n") and err.count("\n") == 1
    assert not (place / "inside" / "out.erofs").exists()


def test_ten_thousand_tiny_files_pass(place):
    status, out, err = run(place, "unpack-app", stdin=archive(*(entry(f"d{n % 100}/f{n}", b"x") for n in range(10_000))))
    assert (status, err) == (DONE, "")
    assert out.startswith("files 10100 bytes 10000 ")


def test_too_many_files_are_refused(place):
    status, _, err = run(place, "unpack-app", "--max-files", 100, stdin=archive(*(entry(f"f{n}") for n in range(101))))
    assert status == TOO_MUCH and "more than 100 files" in err


def test_many_folders_count_as_files(place):
    status, _, err = run(place, "unpack-app", "--max-files", 100, stdin=archive(*(entry(f"d{n}/e/f/g", b"") for n in range(30))))
    assert status == TOO_MUCH and "more than 100 files" in err


def test_too_many_bytes_are_refused(place):
    status, _, err = run(place, "unpack-app", "--max-bytes", 2_000_000, stdin=archive(entry("a", b"x" * 1_000_000), entry("b", b"x" * 1_000_001)))
    assert status == TOO_MUCH and "larger than 2 MB" in err


def test_a_claimed_size_is_refused_before_its_bytes_come(place):
    info = tarfile.TarInfo("huge")
    info.size = 1 << 50
    status, _, err = run(place, "unpack-app", stdin=info.tobuf(tarfile.PAX_FORMAT) + b"x" * 4096)
    assert status == TOO_MUCH and "larger than" in err


def test_sparse_bomb_is_refused(place):
    """GNU sparse 1.0: a kilobyte of archive that says it is a terabyte of file."""
    pax = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "bomb", "GNU.sparse.realsize": str(1 << 40)}
    status, _, _ = run(place, "unpack-app", "--max-bytes", 10_000_000, stdin=archive(entry("x", b"1\n0\n0\n".ljust(512, b"\0"), pax=pax)))
    assert status == TOO_MUCH


@pytest.mark.parametrize("cut", [0, 1, 100, 512, 700, 1024, 2048])
def test_a_cut_archive_is_refused(place, cut):
    whole = archive(entry("a", b"x" * 500), entry("b", b"y" * 500))
    assert run(place, "unpack-app", stdin=whole[:cut])[0] == BAD


@pytest.mark.parametrize("data", [b"\x1f\x8b" + b"\0" * 600, b"PK\3\4" + b"\0" * 600, b"not an archive " * 100, os.urandom(4096), b"\0" * 100])
def test_what_is_no_archive_is_refused(place, data):
    status, _, err = run(place, "unpack-app", stdin=data)
    assert status == BAD and "archive" in err


def test_an_empty_archive_is_an_empty_image(place):
    assert run(place, "unpack-app", stdin=archive())[0] == DONE
    assert unpacked(place) == {}


def test_environment_is_packed_without_what_the_app_could_not_read(place):
    tree = place / "inside" / "tree"
    for path in ("usr/local/lib/vitrine-env/bin", "tmp", "etc", "root-only", "var/lib/dpkg"):
        (tree / path).mkdir(parents=True)
    (tree / "usr/local/lib/vitrine-env/bin/tool").write_text("tool")
    (tree / "tmp/rubbish").write_text("x")
    (tree / "etc/shadow-like").write_text("x")
    (tree / "root-only/x").write_text("x")
    (tree / "var/lib/dpkg/status").write_text("s")
    os.symlink("/usr/bin/python3", tree / "usr/local/lib/vitrine-env/bin/python")
    for path in ("etc/shadow-like", "root-only"):
        os.chmod(tree / path, 0)
    subprocess.run(["chown", "-R", "1:1", str(tree)], check=os.getuid() == 0)
    status, out, err = run(place, "pack-env", "--in", tree)
    for path in ("etc/shadow-like", "root-only"):
        os.chmod(tree / path, 0o700)
    assert (status, err) == (DONE, ""), out
    assert unpacked(place) == {"usr/local/lib/vitrine-env/bin/tool": b"tool", "usr/local/lib/vitrine-env/bin/python": "/usr/bin/python3",
                               "var/lib/dpkg/status": b"s"}


def test_environment_over_its_limit_is_refused(place):
    tree = place / "inside" / "tree"
    tree.mkdir()
    for n in range(20):
        (tree / str(n)).write_bytes(b"x" * 1000)
    assert run(place, "pack-env", "--in", tree, "--max-files", 10)[0] == TOO_MUCH
    assert run(place, "pack-env", "--in", tree, "--max-bytes", 10_000)[0] == TOO_MUCH


def test_wrong_usage_is_told(place):
    status, _, err = run(place, "no-such-task")
    assert status == 2 and err.startswith("usage: ")
