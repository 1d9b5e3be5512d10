"""Files and commits through the unmodified @huggingface/hub of node (hf-api.md 10, row 31)."""
import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest
from conftest import ROOT, missing

PACKAGES = ROOT / "build" / "node"
VERSION = "2.17.5"


@pytest.fixture(scope="module")
def packages():
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    if not (PACKAGES / "node_modules/@huggingface/hub").exists():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", PACKAGES, f"@huggingface/hub@{VERSION}"],
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            missing(f"npm could not install @huggingface/hub: {done.stderr[-300:]}")
    return PACKAGES


def test_javascript_client(server, packages):
    owner = server.api().whoami()["name"]
    repo = f"{owner}/js-{uuid.uuid4().hex[:8]}"
    env = dict(os.environ, VITRINE_URL=server.url, VITRINE_TOKEN=server.token, VITRINE_REPO=repo, HUB_PACKAGES=str(packages))
    done = subprocess.run(["node", pathlib.Path(__file__).with_name("hub.mjs")], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["created"]["repoUrl"] == f"{server.url}/spaces/{repo}" and seen["exists"] is True and seen["gone"] is False
    assert ["file", "ä/ö.txt", 2] in seen["files"] and ["file", "big.bin", 3_000_000] in seen["files"]
    assert ["directory", "js"] in [f[:2] for f in seen["files"]]
    assert seen["info"]["name"] == repo and seen["info"]["sdk"] == "static" and seen["info"]["sha"] == seen["commit"]
    assert seen["text"] == "ü" and seen["part"] == 5 and seen["size"] == 3_000_000
    assert seen["paths"] == ["js/app.js"]
    assert (seen["branched"], seen["again"], seen["overwritten"]) == (1, 409, 0)
    assert seen["large"] == [(64 << 20) + 1] * 2
    assert len(seen["commits"]) == 3 and seen["count"] == 3 and seen["commits"][-1] == "initial commit"
