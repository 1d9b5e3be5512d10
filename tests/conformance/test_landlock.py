"""What ordinary programs do still works behind the Landlock wall: apt in a build, git, renames, subprocesses in an app."""
import json

import httpx
import pytest

APP = r"""
import ctypes, http.server, json, multiprocessing, os, pathlib, shutil, subprocess, tempfile

def sh(text, **kw):
    return subprocess.run(text, shell=True, check=True, capture_output=True, text=True, **kw).stdout

def move():
    # between file systems and folders
    source = pathlib.Path(tempfile.mkdtemp(dir="/tmp"), "small")
    source.mkdir()
    (source / "__init__.py").write_text("")
    shutil.move(source, "/home/user/.local/lib/moved")
    return os.listdir("/home/user/.local/lib/moved")[0]

def rename():
    os.makedirs("/home/user/a/b"); os.makedirs("/home/user/c")
    pathlib.Path("/home/user/a/b/f").write_text("x")
    os.rename("/home/user/a/b/f", "/home/user/c/f"); os.rename("/home/user/a", "/home/user/c/a"); os.link("/home/user/c/f", "/home/user/c/a/f")
    return sorted(os.listdir("/home/user/c"))

def git():
    return sh("git init -q /tmp/r && cd /tmp/r && echo 1 > f && git add f && git -c user.name=a -c user.email=a@b commit -q -m one && "
              "git clone -q /tmp/r /home/user/r && git -C /home/user/r gc -q && git -C /home/user/r log --oneline | wc -l").strip()

def callback():
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    return kind(lambda x: x + 1)(41)

def pool():
    with multiprocessing.get_context("spawn").Pool(2) as p:
        return p.map(abs, [-1, -2])

def shm():
    from multiprocessing import shared_memory
    s = shared_memory.SharedMemory(create=True, size=4096); s.buf[0] = 7; v = s.buf[0]; s.close(); s.unlink()
    return v

def truncate():
    for at in ("/tmp/t", "/home/user/t", "/home/user/app/t", "/dev/shm/t", "/var/tmp/t"):
        pathlib.Path(at).write_text("xxxx"); os.truncate(at, 1)
    return open("/dev/stdout", "w").write("") + open("/dev/null", "w").write("")

def abstract():
    import socket
    s = socket.socket(socket.AF_UNIX); s.bind("\0own"); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect("\0own")
    return "met"

def signals():
    p = subprocess.Popen(["sleep", "60"]); p.terminate(); return p.wait()

def packages():
    return sh("tree --version").split()[0]

def main():
    answers = {}
    os.makedirs("/home/user/.local/lib", exist_ok=True)
    for f in (move, rename, git, callback, pool, shm, truncate, abstract, signals, packages):
        try:
            answers[f.__name__] = f()
        except Exception as e:
            answers[f.__name__] = f"{type(e).__name__}: {e} {getattr(e, 'stderr', '')}"
    body = json.dumps(answers).encode()
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
        do_HEAD = do_GET
    http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Answer).serve_forever()

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def answers(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wall")
    (folder / "README.md").write_text("---\ntitle: wall\nsdk: gradio\n---\n")
    (folder / "app.py").write_text(APP)
    (folder / "packages.txt").write_text("tree\ngit\n")
    run = server.cli("deploy", folder, "--name", f"{server.owner}/wall", timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    return httpx.get(server.app_url(f"{server.owner}-wall"), timeout=30).json()


@pytest.mark.parametrize("name, expected", [("move", "__init__.py"), ("rename", ["a", "f"]), ("git", "1"), ("callback", 42), ("pool", [1, 2]), ("shm", 7),
                                            ("truncate", 0), ("abstract", "met"), ("signals", -15), ("packages", "tree")])
def test_ordinary_work_goes_on(answers, name, expected):
    assert answers[name] == expected, json.dumps(answers, indent=1)
