"""Bad input and faults: every one ends with its reason, on the command line and in the API."""
import httpx
import pytest

from conftest import wait_for

PLAIN = "---\ntitle: T\nsdk: gradio\nsdk_version: 6.31.0\nstartup_duration_timeout: {timeout}\n---\n"
SERVE = ("import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n"
         "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'{body}')\n"
         "    def do_HEAD(self): self.send_response(200); self.end_headers()\n"
         "http.server.ThreadingHTTPServer(('{host}', {port}), H).serve_forever()\n")


def fails(server, name, files, stage, *words):
    """Deploy; it must end with status 1 and a reason that holds WORDS, and the API must say the same."""
    run = server.deploy(name, files)
    said = run.stdout + run.stderr
    assert run.returncode == 1, said
    runtime = httpx.get(f"{server.url}/api/spaces/{server.owner}/{name}/runtime", headers={"Authorization": f"Bearer {server.token}"}).json()
    assert runtime["stage"] == stage, runtime
    text = runtime.get("errorMessage", "") + str(runtime.get("cause", ""))
    for word in words:
        assert word in said, f"{word!r} not in {said}"
        assert word in text, f"{word!r} not in {text}"
    return run, runtime


def test_bad_front_matter_names_the_line(server):
    fails(server, "bad-yaml", {"README.md": "---\ntitle: x\nsdk: gradio\n  emoji: [\n---\n", "app.py": ""}, "CONFIG_ERROR", "line 4")


def test_unknown_sdk(server):
    fails(server, "bad-sdk", {"README.md": "---\nsdk: fortran\n---\n", "app.py": ""}, "CONFIG_ERROR", "fortran", "line 2")


def test_missing_app_file(server):
    fails(server, "no-app", {"README.md": PLAIN.format(timeout="30s"), "other.py": "1"}, "NO_APP_FILE", "app.py")


def test_unresolvable_requirements_quote_the_resolver(server):
    files = {"README.md": PLAIN.format(timeout="30s"), "app.py": "", "requirements.txt": "gradio==6.31.0\nnumpy==99.99.99\n"}
    fails(server, "no-such-version", files, "BUILD_ERROR", "numpy==99.99.99")


def test_a_crash_at_import_shows_the_traceback(server):
    run, runtime = fails(server, "crasher", {"README.md": PLAIN.format(timeout="30s"), "app.py": "import no_such_module_here\n"},
                         "RUNTIME_ERROR", "no_such_module_here")
    assert "Traceback" in run.stdout + run.stderr
    # A traceback can hold what the app read: visitors get the reason, those who may change the app the lines.
    for path in (f"/spaces/{server.owner}/crasher", f"/api/spaces/{server.owner}/crasher", f"/api/spaces/{server.owner}/crasher/runtime"):
        page = httpx.get(server.url + path, headers={"Accept": "text/html" if path.startswith("/spaces/") else "application/json"})
        assert page.status_code == 200 and "RUNTIME_ERROR" in page.text + page.text.upper().replace(" ", "_"), path
        assert "Traceback" not in page.text, path
    page = httpx.get(f"{server.url}/spaces/{server.owner}/crasher", headers={"Accept": "text/html", "Authorization": f"Bearer {server.token}"})
    assert "Traceback" in page.text


def test_a_port_elsewhere_is_named(server):
    files = {"README.md": PLAIN.format(timeout="6s"), "app.py": SERVE.format(body="x", host="127.0.0.1", port=9000)}
    fails(server, "elsewhere", files, "RUNTIME_ERROR", "9000", "7860")


def test_no_port_at_all(server):
    fails(server, "silent", {"README.md": PLAIN.format(timeout="4s"), "app.py": "import time\ntime.sleep(600)\n"}, "RUNTIME_ERROR", "7860")


def test_too_much_memory_is_said(server):
    files = {"README.md": PLAIN.format(timeout="60s"), "app.py": "b = []\nwhile True: b.append(bytearray(64 << 20))\n"}
    fails(server, "hungry", files, "RUNTIME_ERROR", "memory")


def test_a_failed_update_leaves_the_old_release_serving(server):
    good = {"README.md": PLAIN.format(timeout="30s"), "app.py": SERVE.format(body="good", host="0.0.0.0", port=7860)}
    run = server.deploy("steady", good)
    assert run.returncode == 0, run.stdout + run.stderr
    url = server.app_url("admin-steady")
    assert httpx.get(url).text == "good"
    run = server.deploy("steady", dict(good, **{"app.py": "raise SystemExit(3)\n"}))
    assert run.returncode == 1
    assert httpx.get(url).text == "good"
    run = server.deploy("steady", dict(good, **{"app.py": SERVE.format(body="better", host="0.0.0.0", port=7860)}))
    assert run.returncode == 0, run.stdout + run.stderr
    wait_for(lambda: httpx.get(url).text == "better", 20)


def test_ten_thousand_tiny_files(server):
    files = {f"d{i % 100}/f{i}.txt": str(i) for i in range(10000)}
    files.update({"README.md": "---\nsdk: static\n---\n", "index.html": "<p>many</p>"})
    run = server.deploy("many", files)
    assert run.returncode == 0, run.stdout + run.stderr
    url = server.app_url("admin-many")
    assert httpx.get(f"{url}/d7/f4207.txt").text == "4207"
    assert len(server.api().list_repo_files("admin/many", repo_type="space")) >= 10002


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", ".git/config", "a/.git/x", "a\\b", "", "a//b", "a/./b", "x" * 2000])
def test_paths_that_lead_out_are_refused(server, path):
    import json
    api = server.api()
    api.create_repo("admin/paths", repo_type="space", space_sdk="static", exist_ok=True)
    lines = [{"key": "header", "value": {"summary": "x", "description": ""}}, {"key": "file", "value": {"path": path, "encoding": "base64", "content": "eA=="}}]
    before = api.space_info("admin/paths").sha
    answer = httpx.post(f"{server.url}/api/spaces/admin/paths/commit/main", content="\n".join(map(json.dumps, lines)),
                        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]
    assert api.space_info("admin/paths").sha == before


def test_wrong_tokens(server):
    answer = httpx.get(f"{server.url}/api/spaces", headers={"Authorization": "Bearer hf_wrong"})
    assert answer.status_code == 401
    assert answer.headers["X-Error-Message"] == "Invalid credentials in Authorization header"


def test_unknown_hosts_get_a_page_that_names_them(server):
    """A private app would look the same to a stranger (C-HF-113): both lead to the dashboard, which knows who looks."""
    answer = httpx.get(server.app_url("nobody-here"), headers={"Accept": "text/html"}, follow_redirects=True)
    assert answer.status_code == 401 and "nobody-here.localhost" in answer.text
    assert httpx.get(server.app_url("nobody-here")).status_code == 404


def test_a_second_server_on_the_same_state_is_refused(server):
    import subprocess
    from conftest import BIN, free_port
    run = subprocess.run([BIN / "vitrine", "serve", "--state", server.state, "--listen", f"localhost:{free_port()}"],
                         capture_output=True, text=True, timeout=120)
    assert run.returncode != 0
    assert "already" in run.stdout + run.stderr or "another" in run.stdout + run.stderr
