"""The traps of tests/traps through the whole product: their backend is a deployed Space, in its sandbox, behind the real edge.

test_edge.py runs the same traps against edge alone; here a launcher dials, a server says the routes, and the
backend's log is read through the proxy.
"""
import json
import pathlib
import subprocess
import sys

import pytest

TRAPS = pathlib.Path(__file__).resolve().parents[1] / "traps"
README = "---\ntitle: Traps\nsdk: gradio\nsdk_version: 6.31.0\n---\n"


def trap_names():
    sys.path.insert(0, str(TRAPS))
    import traps
    return [name for name, _ in traps.load(str(TRAPS / "cases.py"))]


@pytest.fixture(scope="module")
def results(server, tmp_path_factory):
    run = server.deploy("traps", {"README.md": README, "app.py": (TRAPS / "trapbe.py").read_bytes()})
    assert run.returncode == 0, run.stdout + run.stderr
    out = tmp_path_factory.mktemp("traps") / "result.json"
    run = subprocess.run([sys.executable, TRAPS / "traps.py", "--target", f"http://127.0.0.1:{server.port}",
                          "--host", f"{server.owner}-traps.{server.domain}:{server.port}", "--json", out],
                         capture_output=True, text=True, timeout=500)
    assert out.exists(), run.stdout + run.stderr
    return json.loads(out.read_text())


@pytest.mark.parametrize("name", trap_names())
def test_trap(results, name):
    assert results[name] == ""
