"""From a push to the first answer: vitrine against the bare tools that it uses.

cached: gradio-hello changes, its environment exists; against `python app.py` in a venv with the same packages.
cold:   the environment does not exist; against `uv pip install` of the same lines without a cache, plus that start.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from bench import ROOT, Report
from conftest import free_port, make_server

ROUNDS = int(os.environ.get("ROUNDS", "5"))
COLD_ROUNDS = int(os.environ.get("COLD_ROUNDS", "3"))
APP = ROOT / "templates/gradio-hello"
VERSION = re.search(r"sdk_version: (\S+)", (APP / "README.md").read_text()).group(1)
PACKAGES = [f"gradio[oauth,mcp]=={VERSION}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]
NEUTRAL = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_SSR_MODE": "False", "SYSTEM": "spaces", "SPACE_ID": "admin/b"}


def uv():
    path = shutil.which("uv")
    if not path:
        venv = ROOT / "build/bench-uv"
        if not (venv / "bin/uv").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin/pip", "install", "-q", "uv"], check=True)
        path = str(venv / "bin/uv")
    return path


def first_200(url, want=b"", host=None, timeout=300):
    """Seconds on the clock at the first 200 whose body holds WANT."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            request = urllib.request.Request(url, headers={"Host": host} if host else {})
            with urllib.request.urlopen(request, timeout=5) as answer:
                if answer.status == 200 and want in answer.read():
                    return time.monotonic()
        except OSError:
            pass
        time.sleep(0.01)
    raise TimeoutError(url)


def bare_install(folder):
    start = time.monotonic()
    subprocess.run([uv(), "venv", "-q", "--python", "/usr/bin/python3", folder], check=True)
    subprocess.run([uv(), "pip", "install", "-q", "--no-cache", "--python", folder / "bin/python", *PACKAGES], check=True)
    return time.monotonic() - start


def bare_start(venv):
    port = free_port()
    env = dict(os.environ, GRADIO_SERVER_PORT=str(port), GRADIO_SERVER_NAME="0.0.0.0", **NEUTRAL)
    start = time.monotonic()
    app = subprocess.Popen([venv / "bin/python", "app.py"], cwd=APP, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = first_200(f"http://127.0.0.1:{port}/config") - start
    app.send_signal(signal.SIGKILL)
    app.wait()
    return took


def ours(server, marker, requirements):
    """Commit one change and wait for the answer that shows it."""
    api = server.api()
    from huggingface_hub import CommitOperationAdd
    text = (APP / "app.py").read_text().replace('title="Gradio hello"', f'title="{marker}"')
    start = time.monotonic()
    api.create_commit("admin/bench", [
        CommitOperationAdd("app.py", text.encode()),
        CommitOperationAdd("requirements.txt", f"# {requirements}\n".encode()),
    ], commit_message=marker, repo_type="space")
    return first_200(f"{server.app_url('admin-bench')}/config", marker.encode()) - start


def main():
    report = Report("deploy")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as tmp:
        venv = pathlib.Path(tmp) / "venv"
        bare_install(venv)
        subprocess.run([venv / "bin/python", "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash", venv / "lib"])
        server = make_server()
        server.start()
        try:
            api = server.api()
            api.create_repo("admin/bench", repo_type="space", space_sdk="gradio", exist_ok=True)
            api.upload_folder(repo_id="admin/bench", repo_type="space", folder_path=APP)
            ours(server, "warm-up", "cached")
            mine, bare = [], []
            for i in range(ROUNDS):
                bare.append(bare_start(venv))
                mine.append(ours(server, f"cached-{i}", "cached"))
            report.line("push to first 200, environment cached", mine, "s", "bare python app.py to first 200", bare, 1.0, allowance=0.5)
            cold, bare_cold = [], []
            for i in range(COLD_ROUNDS):
                other = pathlib.Path(tmp) / f"venv{i}"
                bare_cold.append(bare_install(other) + bare_start(other))
                cold.append(ours(server, f"cold-{i}", f"cold-{time.time()}"))
                shutil.rmtree(other)
            report.line("push to first 200, environment not cached", cold, "s", "bare uv pip install + python app.py to first 200", bare_cold, 1.2)
        finally:
            server.stop()
            shutil.rmtree(server.state.parent, ignore_errors=True)


if __name__ == "__main__":
    main()
