"""`hf auth login` of the real package, which asks for a code and waits for a yes in the browser (C-HF-23..25)."""
import os
import re
import subprocess

import httpx
from conftest import ROOT

HF = ROOT / "build/venv/bin/hf"


def environment(server, home):
    env = server.client_env(home=str(home))
    del env["HF_TOKEN"]
    return env


def answer(server, code, **fields):
    """As somebody with a session; --data of the form on /-/device."""
    signed = httpx.post(f"{server.url}/-/signin", data={"token": server.token}, headers={"Origin": server.url})
    headers = {"Origin": server.url, "Cookie": signed.headers["set-cookie"].partition(";")[0]}
    page = httpx.post(f"{server.url}/-/device", data={"code": code, **fields}, headers=headers)
    assert page.status_code == 200, page.text


def begin(server, home):
    login = subprocess.Popen([HF, "auth", "login"], env=environment(server, home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    seen = ""
    while True:
        line = login.stdout.readline()
        assert line, f"hf ended:\n{seen}"
        seen += line
        code = re.search(r"\b([B-Z]{4}-[B-Z]{4})\b", line)
        if code and "code" in line.lower():
            return login, code.group(1), seen


def test_hf_auth_login(server, tmp_path):
    login, code, seen = begin(server, tmp_path)
    assert f"{server.url}/-/device" in seen
    answer(server, code, role="read", answer="yes")
    rest = login.communicate(timeout=60)[0]
    assert login.returncode == 0 and "Login successful" in rest and "permission: read" in rest, rest
    told = subprocess.run([HF, "auth", "whoami"], env=environment(server, tmp_path), capture_output=True, text=True, timeout=60)
    assert server.owner in told.stdout, told.stdout + told.stderr
    from huggingface_hub.utils._oauth_device import refresh_access_token  # noqa: F401
    script = ("import configparser, os, pathlib; from huggingface_hub.utils import _oauth_device as d;"
              "ini = configparser.ConfigParser(); ini.read(pathlib.Path(os.environ['HF_HOME'], 'stored_tokens'));"
              "s = ini[ini.sections()[0]]; new = d.refresh_access_token(s['refresh_token']); print(new['access_token'] != s['hf_token'])")
    python = ROOT / "build/venv/bin/python"
    renewed = subprocess.run([python, "-c", script], env=environment(server, tmp_path), capture_output=True, text=True, timeout=60)
    assert renewed.stdout.strip() == "True", renewed.stderr
    again = subprocess.run([python, "-c", script], env=environment(server, tmp_path), capture_output=True, text=True, timeout=60)
    assert "invalid_grant" in again.stderr


def test_hf_auth_login_is_denied(server, tmp_path):
    login, code, _ = begin(server, tmp_path)
    answer(server, code, answer="no")
    rest = login.communicate(timeout=60)[0]
    assert login.returncode != 0 and "denied" in rest, rest
    assert not os.path.exists(tmp_path / "token")
