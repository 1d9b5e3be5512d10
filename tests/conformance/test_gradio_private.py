"""An unmodified gradio_client at a private Space, with its token and without (C-GRADIO-11, C-GRADIO-22, C-HF-90)."""
import subprocess
import uuid

import httpx
import pytest

from conftest import ROOT, wait_for

APP = ROOT / "templates/gradio-hello"


@pytest.fixture(scope="module")
def space(server):
    repo = f"{server.owner}/gradio-private-{uuid.uuid4().hex[:6]}"
    api = server.api()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", private=True)
    api.upload_folder(repo_id=repo, repo_type="space", folder_path=APP)
    wait_for(lambda: api.get_space_runtime(repo).stage == "RUNNING", 300)
    yield repo
    api.delete_repo(repo, repo_type="space")


def call(server, home, code, **env):
    return subprocess.run([ROOT / "build/venv/bin/python", "-c", f"from gradio_client import Client\n{code}"],
                          env=dict(server.client_env(str(home)), **env), capture_output=True, text=True, timeout=90)


@pytest.mark.parametrize("by_url", [False, True])
def test_predict_with_a_token(server, space, tmp_path, by_url):
    where = f"{server.app_url(space.replace('/', '-'))}/" if by_url else space
    run = call(server, tmp_path, f"print(Client({where!r}, token={server.token!r}, verbose=False).predict('Ada', api_name='/greet'))", HF_TOKEN="")
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == "Hello Ada!"


def test_nothing_without_one(server, space, tmp_path):
    for where in (space, server.app_url(space.replace("/", "-"))):
        run = call(server, tmp_path, f"Client({where!r}, token=False, verbose=False)", HF_TOKEN="", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
        assert run.returncode != 0 and "Hello" not in run.stdout


def test_addresses_with_a_jwt(server, space):
    """What @gradio/client does instead of a header: config, event stream."""
    url = server.app_url(space.replace("/", "-"))
    token = httpx.get(f"{server.url}/api/spaces/{space}/jwt", headers={"Authorization": f"Bearer {server.token}"}).json()["token"]
    config = httpx.get(f"{url}/config?__sign={token}")
    assert config.status_code == 200 and config.json()["root"] == url and token not in config.text
    joined = httpx.post(f"{url}/gradio_api/call/greet?__sign={token}", json={"data": ["Bo"]})
    assert joined.status_code == 200, joined.text
    with httpx.stream("GET", f"{url}/gradio_api/call/greet/{joined.json()['event_id']}?__sign={token}", timeout=30) as events:
        assert "Hello Bo!" in events.read().decode()
    assert httpx.get(f"{url}/config").status_code == 404
