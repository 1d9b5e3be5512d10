"""The unmodified `hf` command on repositories and Spaces (hf-api.md 5.1, 5.7). One command costs a second of start-up: few of them."""
import json
import subprocess
import uuid

import pytest

pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return str(tmp_path_factory.mktemp("hf-home"))


@pytest.fixture
def hf(server, home):
    def run(*args, ok=True):
        done = subprocess.run(["hf", *map(str, args)], env=server.client_env(home), capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode == 0) == ok, f"hf {args}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr
    return run


def test_the_life_of_a_space_by_hf(server, hf):
    api = server.api()
    me = api.whoami()["name"]
    one, two, three = (f"{me}/cli-{uuid.uuid4().hex[:8]}" for _ in range(3))
    assert "static-hello" in hf("spaces", "templates")
    said = hf("repos", "create", one, "--type", "space", "--template", "static-hello", "--secrets", "KEY=hidden-value", "--env", "MODEL=small")
    assert one in said and "hidden-value" not in said
    assert "index.html" in api.list_repo_files(one, repo_type="space")
    assert "small" in hf("spaces", "variables", "ls", one)
    said = hf("spaces", "secrets", "ls", one)
    assert "KEY" in said and "hidden-value" not in said

    hf("repos", "branch", "create", one, "dev", "--type", "space")
    assert [b.name for b in api.list_repo_refs(one, repo_type="space").branches if b.name == "dev"]
    hf("repos", "branch", "delete", one, "dev", "--type", "space")
    hf("repos", "tag", "create", one, "v1", "--type", "space", "-m", "first")
    assert "v1" in hf("repos", "tag", "list", one, "--type", "space")

    assert two in hf("repos", "duplicate", one, two, "--type", "space")
    hf("repos", "move", two, three, "--type", "space")
    assert json.loads(hf("spaces", "info", two, "--format", "json"))["id"] == three             # the old name leads on
    hf("repos", "settings", three, "--type", "space", "--private")
    assert api.space_info(three).private
    hf("repos", "delete", three, "--type", "space", "--yes")
    assert not api.repo_exists(two, repo_type="space")
    assert "404" in (said := hf("repos", "move", two, three, "--type", "space", ok=False)) or "not found" in said.lower()
    hf("repos", "delete", one, "--type", "space", "--yes")


def test_settings_secrets_and_logs_by_hf(server, hf):
    api = server.api()
    one, empty = (f"{api.whoami()['name']}/cli-{uuid.uuid4().hex[:8]}" for _ in range(2))
    api.create_repo(empty, repo_type="space", space_sdk="gradio")
    hf("spaces", "settings", empty, "--sleep-time", "7200", "--hardware", "cpu-basic")
    assert api.get_space_runtime(empty).sleep_time == 7200
    hf("repos", "create", one, "--type", "space", "--template", "static-hello")
    said = hf("spaces", "secrets", "add", one, "-s", "KEY=hidden-value")
    assert list(api.get_space_secrets(one)) == ["KEY"] and "hidden-value" not in said
    hf("spaces", "secrets", "delete", one, "KEY", "--yes")
    assert not api.get_space_secrets(one)
    hf("spaces", "variables", "add", one, "-e", "MODEL=small")
    assert api.get_space_variables(one)["MODEL"].value == "small"
    assert "Build ready" in hf("spaces", "logs", one, "--build")
    hf("spaces", "logs", one)
    hf("repos", "delete", one, "--type", "space", "--yes")
