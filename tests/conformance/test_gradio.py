"""A real Gradio app, called by an unmodified gradio_client through the public port."""
import concurrent.futures
import json
import pathlib
import time

import httpx
import pytest

from conftest import ROOT, wait_for

APP = ROOT / "templates/gradio-hello"


@pytest.fixture(scope="module")
def space(server):
    run = server.cli("deploy", APP, "--name", f"{server.owner}/gradio-conf", timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip().endswith(f"http://admin-gradio-conf.localhost:{server.port}/") or "admin-gradio-conf" in run.stdout
    return "admin/gradio-conf"


@pytest.fixture(scope="module")
def client(server, space):
    import os
    os.environ["HF_ENDPOINT"] = server.url
    from gradio_client import Client
    return Client(server.app_url("admin-gradio-conf"), verbose=False)


def test_client_finds_the_space_by_name(server, space, tmp_path):
    """C-GRADIO-22: only HF_ENDPOINT is set, in a process of its own."""
    import subprocess
    code = "from gradio_client import Client; print(Client('admin/gradio-conf', verbose=False).predict('Ada', api_name='/greet'))"
    run = subprocess.run([ROOT / "build/venv/bin/python", "-c", code], env=server.client_env(str(tmp_path)), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "Hello Ada!"


@pytest.mark.parametrize("how", ["admin/gradio-conf", "url"])
def test_client_wakes_a_sleeper(server, space, tmp_path, how):
    """CONTRACTS 9.3: by name its question to the API tells SLEEPING, and its visit wakes the app."""
    import subprocess
    api = server.api()
    wait_for(lambda: api.get_space_runtime(space).stage == "RUNNING", 60)
    api.set_space_sleep_time(space, 1)
    wait_for(lambda: api.get_space_runtime(space).stage == "SLEEPING", 30)
    api.set_space_sleep_time(space, -1)
    where = server.app_url("admin-gradio-conf") if how == "url" else how
    code = f"from gradio_client import Client; print(Client({where!r}, verbose=False).predict('Ada', api_name='/greet'))"
    run = subprocess.run([ROOT / "build/venv/bin/python", "-c", code], env=server.client_env(str(tmp_path)), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and run.stdout.strip() == "Hello Ada!", run.stderr


def test_predict(client):
    assert client.predict("Ada", api_name="/greet") == "Hello Ada!"


def test_streaming_arrives_letter_by_letter(client):
    job = client.submit("Bo", api_name="/spell")
    parts = list(job)
    assert parts[-1] == "Hello Bo!" and len(parts) == len("Hello Bo!")


def test_file_upload_and_download(client, tmp_path):
    from gradio_client import handle_file
    source = tmp_path / "in put ä.txt"
    source.write_text("quiet words\n" * 20000)
    result = client.predict(handle_file(str(source)), api_name="/shout")
    assert pathlib.Path(result).read_text() == "QUIET WORDS\n" * 20000


def test_twenty_concurrent_predicts(client):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: client.predict(f"n{i}", api_name="/greet"), range(20)))
    assert answers == [f"Hello n{i}!" for i in range(20)]


def test_config_root_is_the_public_origin(server, space):
    """C-GRADIO-09: with the port, also against a forged X-Forwarded-Host and x-gradio-server (C-GRADIO-10)."""
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "x-gradio-server": "http://evil.example"}
    config = httpx.get(f"{server.app_url('admin-gradio-conf')}/config", headers=forged).json()
    assert config["root"] == server.app_url("admin-gradio-conf")


def test_disconnect_reaches_the_app(server, space):
    """An event stream that its visitor leaves ends in the app too: its queue entry does not stay."""
    base = server.app_url("admin-gradio-conf")
    with httpx.stream("GET", f"{base}/gradio_api/queue/data?session_hash=leaver", timeout=10) as stream:
        assert stream.status_code in (200, 404)
    assert httpx.get(f"{base}/config").status_code == 200


def test_runtime_and_logs(server, space):
    api = server.api()
    runtime = api.get_space_runtime(space)
    assert runtime.stage == "RUNNING" and runtime.raw["sha"] == api.space_info(space).sha
    build = "".join(line for line in api.fetch_space_logs(space, build=True))
    assert build
    assert "Running on" in wait_for(lambda: "".join(api.fetch_space_logs(space)))


def test_restart_keeps_the_url_and_pause_says_so(server, space):
    api = server.api()
    base = server.app_url("admin-gradio-conf")
    api.restart_space(space)
    wait_for(lambda: api.get_space_runtime(space).stage == "RUNNING", 120)
    assert httpx.get(f"{base}/config").status_code == 200
    assert api.pause_space(space).stage == "PAUSED"
    answer = httpx.get(base, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 503 and "aused" in answer.text
    api.restart_space(space)
    wait_for(lambda: api.get_space_runtime(space).stage == "RUNNING", 120)
    assert httpx.get(f"{base}/config").status_code == 200


def test_data_survives_a_restart(server):
    app = ("import pathlib, http.server\n"
           "p = pathlib.Path('/data/count'); n = int(p.read_text()) + 1 if p.exists() else 1; p.write_text(str(n))\n"
           "class H(http.server.BaseHTTPRequestHandler):\n"
           "    def do_GET(self):\n"
           "        b = str(n).encode(); self.send_response(200); self.send_header('Content-Length', str(len(b))); self.end_headers(); self.wfile.write(b)\n"
           "    do_HEAD = do_GET\n"
           "http.server.ThreadingHTTPServer(('0.0.0.0', 7860), H).serve_forever()\n")
    run = server.deploy("keeper", {"app.py": app, "README.md": "---\ntitle: Keeper\nsdk: gradio\nsdk_version: 6.31.0\n---\n"})
    assert run.returncode == 0, run.stdout + run.stderr
    url = server.app_url("admin-keeper")
    assert httpx.get(url).text == "1"
    server.api().restart_space("admin/keeper")
    wait_for(lambda: httpx.get(url).text == "2", 60)


def test_an_event_arrives_when_it_is_sent(server):
    """Each event carries the app's clock; one machine, so the difference is the way through edge."""
    app = ("import http.server, time\n"
           "class H(http.server.BaseHTTPRequestHandler):\n"
           "    protocol_version = 'HTTP/1.1'\n"
           "    def do_HEAD(self): self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
           "    def do_GET(self):\n"
           "        self.send_response(200); self.send_header('Content-Type', 'text/event-stream'); self.send_header('Transfer-Encoding', 'chunked'); self.end_headers()\n"
           "        for i in range(20):\n"
           "            b = f'data: {time.clock_gettime(time.CLOCK_MONOTONIC)}\\n\\n'.encode()\n"
           "            self.wfile.write(b'%x\\r\\n%s\\r\\n' % (len(b), b)); self.wfile.flush(); time.sleep(.05)\n"
           "        self.wfile.write(b'0\\r\\n\\r\\n')\n"
           "http.server.ThreadingHTTPServer(('0.0.0.0', 7860), H).serve_forever()\n")
    run = server.deploy("events", {"app.py": app, "README.md": "---\ntitle: Events\nsdk: gradio\nsdk_version: 6.31.0\n---\n"})
    assert run.returncode == 0, run.stdout + run.stderr
    late = []
    with httpx.stream("GET", server.app_url("admin-events"), timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                late.append(time.clock_gettime(time.CLOCK_MONOTONIC) - float(line[6:]))
    assert len(late) == 20
    # Buffered events would come together at the end, up to 1 s late; the figure itself goes into the report.
    (ROOT / "build" / "sse.json").write_text(json.dumps({"median_ms": sorted(late)[10] * 1000, "max_ms": max(late) * 1000}))
    assert sorted(late)[10] < 0.05
