"""The image maker and the operator's settings (sandbox/images)."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BIN, ROOT, missing

MAKER = ROOT / "sandbox/images/make-images.sh"
SETTINGS = ROOT / "sandbox/images/operator_settings.py"
SHARED = pathlib.Path(os.environ.get("VITRINE_IMAGES", "~/.cache/vitrine/images")).expanduser()
CERT = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def settings(tmp_path, env=(), pip_conf=None):
    """What the operator's ENV and pip.conf become: {file name: text}."""
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True, exist_ok=True)
    if pip_conf:
        (home / ".config/pip/pip.conf").write_text(pip_conf)
    done = subprocess.run(["/usr/bin/python3", "-I", SETTINGS, "--out", tmp_path / "operator"],
                          env={"PATH": os.environ["PATH"], "HOME": str(home), **dict(env)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {p.name: p.read_text() for p in (tmp_path / "operator").iterdir()}, done.stderr


def env_of(files):
    return dict(line.split("=", 1) for line in files["env"].splitlines())


def test_pips_settings_become_uvs(tmp_path):
    files, _ = settings(tmp_path, {"PIP_INDEX_URL": "https://u:p%40ss@pypi.corp:8443/simple", "PIP_EXTRA_INDEX_URL": "http://a.corp/x  http://[fd12::5]:81/y",
                                   "PIP_TRUSTED_HOST": "a.corp", "PIP_DEFAULT_TIMEOUT": "77", "HTTPS_PROXY": "http://proxy.corp:3128", "no_proxy": ".corp"})
    env = env_of(files)
    assert env["UV_DEFAULT_INDEX"] == "https://u:p%40ss@pypi.corp:8443/simple"
    assert env["UV_INDEX"] == "http://a.corp/x http://[fd12::5]:81/y"
    assert (env["UV_INSECURE_HOST"], env["UV_HTTP_TIMEOUT"]) == ("a.corp", "77")
    assert env["https_proxy"] == env["HTTPS_PROXY"] == "http://proxy.corp:3128"
    assert env["no_proxy"] == env["NO_PROXY"] == ".corp"
    assert env["SSL_CERT_FILE"] == "/etc/ssl/certs/ca-certificates.crt"
    allowed = files["allow"].splitlines()
    for row in ("pypi.corp:8443", "a.corp:80", "[fd12::5]:81", "proxy.corp:3128"):
        assert f"allow={row}" in allowed
    assert "p%40ss" not in files["pip.conf"] and "index-url = https://pypi.corp:8443/simple" in files["pip.conf"]
    assert os.stat(tmp_path / "operator/env").st_mode & 0o777 == 0o600


def test_pip_conf_is_read_and_the_environment_wins(tmp_path):
    conf = "[global]\nindex-url = http://one.corp/simple\nextra-index-url =\n  http://two.corp\n  http://three.corp\nproxy = p.corp:8000\ntimeout = 9\n"
    env = env_of(settings(tmp_path, pip_conf=conf)[0])
    assert env["UV_DEFAULT_INDEX"] == "http://one.corp/simple"
    assert env["UV_INDEX"] == "http://two.corp http://three.corp"
    assert env["http_proxy"] == "p.corp:8000"
    assert env["UV_HTTP_TIMEOUT"] == "9"
    env = env_of(settings(tmp_path, {"PIP_INDEX_URL": "http://two.corp", "UV_DEFAULT_INDEX": "http://uv.corp"}, conf)[0])
    assert env["UV_DEFAULT_INDEX"] == "http://uv.corp"


def test_an_index_on_this_machines_loopback_goes_through_the_gate(tmp_path):
    files, _ = settings(tmp_path, {"PIP_INDEX_URL": "http://u:p@localhost:3141/root", "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/a http://[::1]:8/b"})
    env = env_of(files)
    assert env["UV_DEFAULT_INDEX"] == "http://u:p@198.18.0.1:3141/root"
    assert env["UV_INDEX"] == "http://198.18.0.1:9/a http://198.18.0.1:8/b"
    assert {"allow=127.0.0.1:3141", "allow=127.0.0.1:9", "allow=127.0.0.1:8"} <= set(files["allow"].splitlines())


def test_what_is_on_this_machines_disk_is_left_out_and_said(tmp_path):
    files, said = settings(tmp_path, {"PIP_FIND_LINKS": "/opt/wheels", "PIP_INDEX_URL": "file:///srv/simple", "UV_CACHE_DIR": "/x", "UV_INDEX_STRATEGY": "first-index"})
    env = env_of(files)
    assert not {"UV_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_CACHE_DIR"} & set(env)
    assert env["UV_INDEX_STRATEGY"] == "first-index"
    assert "ignoring find-links" in said and "ignoring the package index" in said


def test_a_corporate_certificate_joins_the_bundle(tmp_path):
    (tmp_path / "corp.pem").write_text("Corp CA\n" + CERT.format("Q09SUA=="))
    bundle = settings(tmp_path, {"SSL_CERT_FILE": str(tmp_path / "corp.pem"), "PIP_CERT": str(tmp_path / "corp.pem")})[0]["ca-certificates.crt"]
    assert bundle.count("Q09SUA==") == 1
    assert bundle.count("BEGIN CERTIFICATE") > 1
    assert "ignoring certificates" in settings(tmp_path, {"SSL_CERT_FILE": "/no/such"})[1]


def test_a_broken_pip_conf_is_said_and_skipped(tmp_path):
    files, said = settings(tmp_path, {"PIP_INDEX_URL": "http://i.corp"}, "index-url = x\n[global\n")
    assert "ignoring" in said and env_of(files)["UV_DEFAULT_INDEX"] == "http://i.corp"


def test_values_cannot_add_lines(tmp_path):
    files, _ = settings(tmp_path, {"PIP_INDEX_URL": "http://i.corp\nLD_PRELOAD=/x", "HTTP_PROXY": "http://p.corp\nX=1", "UV_HTTP_TIMEOUT": "1\nY=2"})
    assert not {"LD_PRELOAD", "X", "Y"} & set(env_of(files))


@pytest.fixture
def images(tmp_path):
    """A copy of the shared images, by hard links, that the test may change."""
    if os.geteuid() != 0:
        missing("images need root")
    if not (SHARED / "base.current").exists():
        missing(f"no images in {SHARED}; make run makes them")
    place = SHARED.parent / f"images-test-{os.getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(["cp", "-al", SHARED, place], check=True)
    for folder in (place / "mounted", place / "scratch"):
        shutil.rmtree(folder, ignore_errors=True)
    # cp -l shares these with other servers: what is written in place must be a copy.
    for name in ("base.current", "tools.current", ".make-images.lock", "cache/make-images.log"):
        if (place / name).exists():
            data = (place / name).read_bytes()
            (place / name).unlink()
            (place / name).write_bytes(data)
    yield place
    shutil.rmtree(place)


def make(place, worker=None, *options, **kw):
    return subprocess.Popen(["bash", MAKER, "--images", place, "--worker", worker or BIN / "vitrine-worker", "--progress", *options],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


def made(place, *args):
    p = make(place, *args)
    out, err = p.communicate(timeout=600)
    assert p.returncode == 0, out + err
    return out


def new_worker(tmp_path):
    path = tmp_path / "vitrine-worker"
    path.write_bytes((BIN / "vitrine-worker").read_bytes() + os.urandom(8))
    path.chmod(0o755)
    return path


def leftovers(place):
    return [*place.glob("cache/work.*"), *place.glob("*.new")] + [m for m in pathlib.Path("/proc/mounts").read_text().split() if str(place) in m]


def test_images_are_made_once(images, tmp_path):
    worker = new_worker(tmp_path)
    out = made(images, worker)
    assert "packing the tools image" in out and "Debian" not in out
    before = sorted((p.name, p.stat().st_ino) for p in images.glob("*.erofs"))
    assert made(images, worker) == ""
    assert sorted((p.name, p.stat().st_ino) for p in images.glob("*.erofs")) == before
    for kind in ("base", "tools"):
        digest = (images / f"{kind}.current").read_text().strip()
        assert len(digest) == 64 and (images / f"{kind}-{digest}.erofs").exists()
    assert leftovers(images) == []


def test_base_image_is_small_and_compiled(images, tmp_path):
    base = images / f"base-{(images / 'base.current').read_text().strip()}.erofs"
    assert base.stat().st_size < 130_000_000
    tree = tmp_path / "tree"
    subprocess.run(["fsck.erofs", f"--extract={tree}", "--preserve", base], check=True, capture_output=True)
    pyc = (tree / "usr/lib/python3.11/__pycache__/argparse.cpython-311.pyc").read_bytes()
    assert pyc[4:8] == b"\1\0\0\0"                          # hash-based and unchecked (PEP 552)
    assert "user:x:1000:1000:" in (tree / "etc/passwd").read_text()
    assert (tree / "home/user/app").stat().st_uid == 1000
    assert not [p for p in tree.rglob("*.pyc") if p.read_bytes()[4:8] != b"\1\0\0\0"]
    assert os.readlink(tree / "etc/apt/sources.list.d/debian.sources") == "/etc/operator/debian.sources"


def test_two_at_once_agree(images, tmp_path):
    worker = new_worker(tmp_path)
    both = [make(images, worker) for _ in range(2)]
    outs = [p.communicate(timeout=600) for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert sum("packing the tools image" in out for out, _ in outs) == 1
    assert leftovers(images) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_is_harmless(images, how):
    """Stopped while Debian's packages are being unpacked: the old images stay current, nothing stays behind."""
    current = (images / "base.current").read_text()
    p = make(images, None, "--refresh", start_new_session=True)
    deadline = time.monotonic() + 60
    while "extracting" not in (images / "cache/make-images.log").read_text():
        assert p.poll() is None and time.monotonic() < deadline, p.communicate()
        time.sleep(0.02)
    if how == signal.SIGINT:
        os.killpg(p.pid, how)           # Ctrl-C reaches the whole group
    else:
        p.send_signal(how)
    assert p.wait(60) != 0
    if how != signal.SIGKILL:
        assert leftovers(images) == []
    assert (images / "base.current").read_text() == current
    assert "Debian" not in made(images)
    assert leftovers(images) == []


def test_bad_use_is_told(tmp_path):
    for args in ([], ["--images", tmp_path], ["--nonsense"], ["--images", tmp_path, "--worker", "/no/such"]):
        done = subprocess.run(["bash", MAKER, *args], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith("make-images: ") or "make-images.sh: line" in done.stderr
