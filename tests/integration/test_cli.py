"""The command line as people and scripts use it: every command, --json, and every way to be told no."""
import json
import os
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from conftest import BIN, wait_for

STATIC = {"index.html": "<h1>hello</h1>"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def vitrine(server, home):
    """Run vitrine with a home of its own and no token but what it finds there."""
    def run(*args, stdin="", cwd=None, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("VITRINE_", "HF_"))}
        clean.update(HOME=str(home), XDG_CONFIG_HOME=str(home / "config"), NO_PROXY="localhost,.localhost,127.0.0.1", **env)
        return subprocess.run([BIN / "vitrine", *map(str, args)], env=clean, cwd=cwd or home, input=stdin, capture_output=True, text=True, errors="replace", timeout=200)
    return run


def lines(run):
    assert run.returncode == 0, run.stdout + run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.fixture(scope="module")
def space(server, vitrine, home):
    """Signed in, and one static Space deployed from a folder of its name."""
    run = vitrine("login", server.url, stdin=server.token + "\n")
    assert run.returncode == 0 and server.owner in run.stdout, run.stderr
    folder = home / "cli-static"
    folder.mkdir()
    (folder / "index.html").write_text(STATIC["index.html"])
    events = lines(vitrine("deploy", folder, "--json"))
    assert [e["event"] for e in events if e["event"] != "log"] == ["checked", "created", "running"] or events[-1]["event"] == "running"
    assert httpx.get(events[-1]["url"]).text.endswith(STATIC["index.html"])
    yield f"{server.owner}/cli-static"
    run = vitrine("delete", f"{server.owner}/cli-static")
    assert run.returncode == 2 and "--yes" in run.stderr
    run = vitrine("delete", f"{server.owner}/cli-static", "--yes", "--json")
    assert lines(run) == [{"space": f"{server.owner}/cli-static", "deleted": True}]


def test_a_login_is_kept_for_its_owner_only(server, vitrine, home, space):
    file = home / "config/vitrine/login.json"
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert lines(vitrine("whoami", "--json")) == [{"url": server.url, "name": server.owner}]
    file.chmod(0o644)
    run = vitrine("ls")
    file.chmod(0o600)
    assert run.returncode == 3 and "chmod 600" in run.stderr


def test_a_wrong_token_is_not_kept(server, vitrine, home, space):
    before = (home / "config/vitrine/login.json").read_text()
    run = vitrine("login", server.url, "--token", "hf_wrong", "--json")
    assert run.returncode == 3 and "nothing was saved" in json.loads(run.stdout)["error"]
    assert (home / "config/vitrine/login.json").read_text() == before
    for args in (["status", space], ["restart", space], ["secrets", "ls", space], ["logs", space]):
        run = vitrine(*args, "--token", "hf_wrong")
        assert run.returncode == 3 and "vitrine login" in run.stderr, args


def test_a_token_goes_to_its_own_server_only(server, vitrine, space):
    seen = []
    program = ("import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n"
               "    def do_GET(self):\n        print(self.headers.get('Authorization'), flush=True); self.send_response(200)\n"
               "        self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'[]')\n"
               "s = http.server.HTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()\n")
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as other:
        port = int(other.stdout.readline())
        run = vitrine("ls", "--to", f"http://127.0.0.1:{port}", HF_TOKEN="hf_hub", HF_ENDPOINT="https://hub.example")
        seen.append(other.stdout.readline().strip())
        other.terminate()
    assert run.returncode == 0 and seen == ["None"]


def test_the_order_of_tokens(server, vitrine, space):
    assert vitrine("whoami", VITRINE_TOKEN="hf_wrong").returncode == 3
    assert vitrine("whoami", "--token", server.token, VITRINE_TOKEN="hf_wrong").returncode == 0
    empty = dict(XDG_CONFIG_HOME="/nonexistent/config")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VITRINE_", "HF_"))}
    run = subprocess.run([BIN / "vitrine", "whoami"], env=dict(clean, HOME="/nonexistent", HF_TOKEN=server.token, HF_ENDPOINT=server.url, **empty),
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and server.owner in run.stdout, run.stderr


def test_ls_and_status(server, vitrine, space):
    mine = lines(vitrine("ls", "--mine", "--json"))[0]
    assert space in [s["id"] for s in mine]
    run = vitrine("ls", server.owner)
    row = next(line for line in run.stdout.splitlines() if line.startswith(space))
    assert "RUNNING" in row and "http" in row and "\033" not in row
    status = lines(vitrine("status", space, "--json"))[0]
    assert status["stage"] == "RUNNING" and status["url"].startswith("http")
    for name in (f"{server.url}/spaces/{space}", "cli-static"):
        assert "RUNNING" in vitrine("status", name).stdout


def test_the_space_follows_from_the_folder(server, vitrine, home, space):
    assert space in vitrine("status", cwd=home / "cli-static").stdout, "the folder's own name"
    clone = home / "elsewhere"
    (clone / ".git").mkdir(parents=True)
    url = server.url.replace("://", "://user:hf_x@")
    (clone / ".git/config").write_text(f'[remote "origin"]\n\turl = {url}/spaces/{space}.git\n')
    (clone / "below").mkdir()
    assert space in vitrine("status", cwd=clone / "below").stdout
    run = vitrine("status", cwd=home)
    assert run.returncode == 1 and "which Space?" in run.stderr and "OWNER/NAME" in run.stderr


def test_open_prints_the_address(vitrine, space):
    run = vitrine("open", space)
    assert run.returncode == 0 and httpx.get(run.stdout.strip()).status_code == 200


def test_a_private_app_opens_with_its_link(server, vitrine, space):
    settings = f"{server.url}/api/spaces/{space}/settings"
    headers = {"Authorization": f"Bearer {server.token}"}
    httpx.put(settings, json={"visibility": "private"}, headers=headers).raise_for_status()
    try:
        url = lines(vitrine("open", space, "--json"))[0]["url"]
        assert httpx.get(url.split("?")[0]).status_code in (303, 404)
        with httpx.Client(follow_redirects=True) as browser:
            assert STATIC["index.html"] in browser.get(url).text
        assert f"{space} (private)" in vitrine("ls", "--mine").stdout
    finally:
        httpx.put(settings, json={"visibility": "public"}, headers=headers).raise_for_status()


def test_secrets(vitrine, space):
    run = vitrine("secrets", "set", space, "API_KEY", "--description", "for the tests", stdin="s3cret\n")
    assert run.returncode == 0 and "s3cret" not in run.stdout + run.stderr
    run = vitrine("secrets", "set", "cli-static", "OTHER", stdin="x")
    assert run.returncode == 0, run.stderr
    run = vitrine("secrets", "set", space, "GIVEN=away")
    assert run.returncode == 0 and "history" in run.stderr
    listed = lines(vitrine("secrets", "ls", space, "--json"))[0]
    assert set(listed) == {"API_KEY", "OTHER", "GIVEN"} and listed["API_KEY"]["description"] == "for the tests"
    assert "s3cret" not in vitrine("secrets", "ls", space).stdout
    run = vitrine("vars", "set", space, "API_KEY=1")
    assert run.returncode == 1 and "secret" in run.stderr
    assert vitrine("secrets", "rm", space, "API_KEY", "OTHER", "GIVEN").returncode == 0
    run = vitrine("secrets", "rm", space, "API_KEY")
    assert run.returncode == 1 and "no secret 'API_KEY'" in run.stderr
    assert vitrine("secrets", "set", space).returncode == 2
    assert vitrine("secrets", "fetch", space).returncode == 2


def test_variables(server, vitrine, space):
    assert vitrine("vars", "set", "--space", space, "MODEL=gpt2", "SIZE=small").returncode == 0
    assert {k: v["value"] for k, v in lines(vitrine("vars", "ls", space, "--json"))[0].items()} == {"MODEL": "gpt2", "SIZE": "small"}
    run = vitrine("vars", "ls", space)
    assert run.stdout.splitlines()[0].split()[:2] == ["MODEL", "gpt2"]
    page = httpx.get(vitrine("open", space).stdout.strip()).text
    assert '"MODEL":"gpt2"' in page.replace(" ", ""), "C-HF-112: a static page knows its variables"
    assert vitrine("vars", "rm", space, "MODEL", "SIZE").returncode == 0
    run = vitrine("vars", "set", space, "SPACE_ID=x")
    assert run.returncode == 1 and "set by the platform" in run.stderr


def test_pause_and_restart(vitrine, space):
    assert "vitrine restart" in vitrine("pause", space).stdout
    run = vitrine("status", space)
    assert "PAUSED" in run.stdout and "why" in run.stdout and "next" in run.stdout
    events = lines(vitrine("restart", space, "--json"))
    assert [e["event"] for e in events] == ["restarted", "running"]


def test_logs(vitrine, space):
    assert "Build" in vitrine("logs", space, "--build").stdout
    assert all("data" in e for e in lines(vitrine("logs", space, "--build", "-f", "--json")))


def test_a_failure_says_why_and_what_next(server, vitrine, home):
    folder = home / "cli-broken"
    folder.mkdir()
    (folder / "README.md").write_text("---\nsdk: static\n---\n")
    (folder / "index.htm").write_text("x")
    run = vitrine("deploy", folder, "--json")
    last = json.loads(run.stdout.splitlines()[-1])
    assert run.returncode == 1 and last["event"] == "failed" and last["cause"]["code"] == "NO_APP_FILE" and last["cause"]["next"]
    assert "index.html" in run.stderr
    run = vitrine("status", f"{server.owner}/cli-broken")
    assert run.returncode == 1 and "NO_APP_FILE" in run.stdout
    assert vitrine("delete", f"{server.owner}/cli-broken", "--yes").returncode == 0


def test_no_server_no_space_no_sense(server, vitrine, space):
    run = vitrine("ls", "--to", "http://localhost:1")
    assert run.returncode == 3 and "is the server running" in run.stderr
    for args in (["status", "nobody/nothing"], ["logs", "nobody/nothing"], ["restart", "nobody/nothing"], ["open", "nobody/nothing"]):
        run = vitrine(*args)
        assert run.returncode == 1 and server.url in run.stderr, args
    for args in (["status", "a b"], ["status", "a/b/c"]):
        assert vitrine(*args).returncode == 1
    for args in (["nonsense"], ["status", "--nonsense"], ["status", "a/b", "c/d"], ["delete"], ["login", "--token", "two words"], []):
        assert vitrine(*args).returncode == 2, args


def test_help(vitrine):
    overview = vitrine("help").stdout
    for name in ("deploy", "ls", "status", "logs", "open", "restart", "pause", "secrets", "vars", "delete", "login", "logout", "whoami"):
        assert f"\n  {name} " in overview
        text = vitrine("help", name).stdout
        assert text.startswith(f"vitrine {name}") and "--json" in text
        assert vitrine(name, "--help").stdout == text


def test_logout_forgets(server, vitrine, home, space):
    token = json.loads((home / "config/vitrine/login.json").read_text())["servers"][server.url]["token"]
    assert vitrine("logout").returncode == 0
    assert server.url not in json.loads((home / "config/vitrine/login.json").read_text())["servers"]
    assert vitrine("logout", server.url).returncode == 1
    assert vitrine("login", server.url, stdin=token).returncode == 0
    wait_for(lambda: vitrine("whoami").returncode == 0, timeout=5)


def test_a_slow_server_is_waited_for(vitrine):
    """Without -f the logs end when it is quiet, but not before the server has said anything."""
    with socket.create_server(("127.0.0.1", 0)) as at:
        def refuse():
            c, _ = at.accept()
            c.recv(65536)
            time.sleep(2.5)             # what is tested: an answer later than any quiet
            c.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            c.close()
        threading.Thread(target=refuse, daemon=True).start()
        run = vitrine("logs", "ada/app", "--to", f"http://127.0.0.1:{at.getsockname()[1]}", "--token", "hf_x")
    assert run.returncode == 3 and "does not accept the token" in run.stderr


@pytest.mark.parametrize("args", [["logs", "ada/app", "--token", "hf_hidden"], ["logs", "ada/app", "--token=hf_hidden"],
                                  ["secrets", "set", "ada/app", "A=hf_hidden", "--token", "x"]])
def test_secrets_do_not_stay_in_the_list_of_processes(args):
    with socket.create_server(("127.0.0.1", 0)) as at:
        run = subprocess.Popen([BIN / "vitrine", *args, "--to", f"http://127.0.0.1:{at.getsockname()[1]}"], stderr=subprocess.DEVNULL)
        try:
            c, _ = at.accept()          # it has begun to talk to the server
            with c, open(f"/proc/{run.pid}/cmdline", "rb") as f:
                shown = f.read()
                assert b"hf_hidden" not in shown and b"ada/app" in shown
        finally:
            run.kill()
            run.wait()


def test_errors_are_json_whatever_they_name(vitrine, tmp_path, space):
    (tmp_path / "index.html").write_text("x")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    run = vitrine("deploy", tmp_path, "--name", space, "--json")
    assert run.returncode == 1 and "caf?.txt" in json.loads(run.stdout.splitlines()[-1])["error"]


@pytest.mark.parametrize("name", ["../x", "x/..", ".", "admin/."])
def test_names_are_not_folders(vitrine, space, name):
    run = vitrine("status", name)
    assert run.returncode == 1 and "not the name of a Space" in run.stderr


def test_deploy_deletes_beyond_one_page_of_the_tree(server, vitrine, home, space):
    folder = home / "cli-many"
    folder.mkdir()
    (folder / "index.html").write_text("x")
    for i in range(1200):
        (folder / f"f{i}.txt").write_text("x")
    lines(vitrine("deploy", folder, "--json"))
    for i in range(1200):
        (folder / f"f{i}.txt").unlink()
    (folder / "place").mkdir()
    (folder / "place" / "x.txt").write_text("x")
    lines(vitrine("deploy", folder, "--json"))
    (folder / "place" / "x.txt").unlink()
    (folder / "place").rmdir()
    (folder / "place").write_text("a file now")
    lines(vitrine("deploy", folder, "--json"))
    assert "place" in server.api().list_repo_files(f"{server.owner}/cli-many", repo_type="space")
    (folder / "place").unlink()
    lines(vitrine("deploy", folder, "--json"))
    assert set(server.api().list_repo_files(f"{server.owner}/cli-many", repo_type="space")) <= {"index.html", "README.md", ".gitattributes"}
    server.api().delete_repo(f"{server.owner}/cli-many", repo_type="space")
