"""A marker is kept as a secret of one Space: afterwards it is in that app's environment and nowhere else (sandbox.md 4.6)."""
import hashlib
import os
import pathlib
import re
import uuid

import httpx
import pytest

from conftest import ROOT, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looks into other processes")

README = "---\ntitle: T\nsdk: gradio\nsdk_version: 6.31.0\nstartup_duration_timeout: 60s\n---\n"
# Tells what it was given without saying it: what an app answers is its own business.
APP = """
import glob, hashlib, http.server, json, os
def digest(name):
    return hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()
def near():
    seen = []
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try: seen.append(hashlib.sha256(b"").hexdigest() and path if b"MARKER_SECRET=" in open(path, "rb").read() else "")
        except OSError: pass
    return [p for p in seen if p]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        b = json.dumps({"secret": digest("MARKER_SECRET"), "variable": os.environ.get("PLAIN"), "form": digest("FORM_SECRET"),
                        "near": near(), "pid": os.getpid()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
    do_HEAD = do_GET
print("the app is up", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 7860), H).serve_forever()
"""


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Marked:
    """A Space with the two markers: one set by the API, one by the form of its settings."""

    def __init__(self, server):
        self.server, self.name = server, f"{server.owner}/marked"
        self.marker, self.form = f"marker{uuid.uuid4().hex}", f"formed{uuid.uuid4().hex}"
        self.api = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=30)
        for name in ("marked", "neighbour"):
            run = server.deploy(name, {"README.md": README, "app.py": APP})
            assert run.returncode == 0, run.stdout + run.stderr
        path = f"/api/spaces/{self.name}"
        answer = self.api.post(f"{path}/secrets", json={"key": "MARKER_SECRET", "value": self.marker, "description": "for the test"})
        assert answer.status_code == 200 and answer.json() == {}, answer.text
        answer = self.api.post(f"/spaces/{self.name}/settings/secret", data={"key": "FORM_SECRET", "value": self.form}, headers={"Accept": "text/html"})
        assert answer.status_code == 303, answer.text
        self.api.post(f"{path}/variables", json={"key": "PLAIN", "value": "everybody"}).raise_for_status()
        self.app = wait_for(lambda: (a := self.ask("marked")) and a["secret"] == sha(self.marker) and a["form"] == sha(self.form)
                            and a["variable"] == "everybody" and a, timeout=60)

    def ask(self, name):
        try:
            return httpx.get(self.server.app_url(f"{self.server.owner}-{name}"), timeout=20).json()
        except (httpx.HTTPError, ValueError):
            return None

    def found(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        return self.marker.encode() in data or self.form.encode() in data


@pytest.fixture(scope="module")
def marked(server):
    m = Marked(server)
    yield m
    for name in ("marked", "neighbour"):
        server.api().delete_repo(f"{server.owner}/{name}", repo_type="space")


def test_only_its_own_app_has_it(marked):
    assert marked.app["near"], "it is in the app's own environment"
    other = marked.ask("neighbour")
    assert other["secret"] == sha("") and other["near"] == []


def test_it_is_in_no_file(marked):
    state = marked.server.state
    where = [state, state.parent, ROOT / "build"] if not state.exists() else [state, state.parent]
    images = pathlib.Path(os.environ.get("VITRINE_IMAGES", pathlib.Path.home() / ".cache/vitrine/images"))
    newer = (state.parent.stat().st_mtime if state.parent.exists() else 0) - 3600
    looked = 0
    for base in where + [images]:
        for path in base.rglob("*") if base.exists() else ():
            if path.is_symlink() or not path.is_file() or path.stat().st_mtime < newer or path.stat().st_size > 64 << 20:
                continue
            looked += 1
            assert not marked.found(path.read_bytes()), path
    assert looked > 3
    database = state / "vitrine.db"
    if database.exists():
        assert b"MARKER_SECRET" in database.read_bytes() + (state / "vitrine.db-wal").read_bytes(), "the sealed row was looked at"


def pids():
    return [p for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and int(p.name) != os.getpid()]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_it_is_in_no_command_line_and_in_one_environment(marked):
    holders = []
    for p in pids():
        assert not marked.found(read(p / "cmdline")), p
        if marked.found(read(p / "environ")):
            holders.append((p / "exe").resolve().name)
    assert holders and all(h.startswith("python") for h in holders), holders


def memory_has(pid, markers):
    """Which of MARKERS (bytes) process PID has in writable memory."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            start, end = int(m[1], 16), int(m[2], 16)
            if "w" not in m[3] or m[4].startswith("[v"):
                continue
            try:
                mem.seek(start)
                data = mem.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            found |= {x for x in markers if x in data}
    return found


@pytest.mark.parametrize("program", ["vitrine-server", "vitrine-launcher", "vitrine-edge"])
def test_no_program_of_the_platform_remembers_it(marked, program):
    if not marked.server.process:
        pytest.skip("the server was started by somebody else")
    found = marked.server.children(program)
    assert found, program
    for pid in found:
        # libmicrohttpd keeps a connection's memory as long as edge keeps the connection (edge_upstream_idle_ms).
        wait_for(lambda: not memory_has(pid, {marked.marker.encode(), marked.form.encode()}), timeout=15, every=0.5)
        for name in ("environ", "cmdline"):
            assert not marked.found(read(pathlib.Path(f"/proc/{pid}/{name}")))


@pytest.mark.parametrize("program", ["vitrine-edge", "vitrine-egress"])
def test_the_exposed_programs_do_not_get_the_operators_token(server, program):
    (pid,) = server.children(program)
    assert b"VITRINE_" not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("program", ["vitrine-server", "vitrine-edge"])
def test_what_passes_secrets_on_leaves_no_core_dump(server, program):
    (pid,) = server.children(program)
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0          # as the kernel gives it who may not be dumped (proc(5))


def get_routes():
    text = (ROOT / "server/http/routes.def").read_text()
    return re.findall(r'^ROUTE\(HTTP_GET,\s*"([^"]+)"', text, re.M)


@pytest.mark.parametrize("who", ["owner", "other", "anonymous"])
def test_no_answer_tells_it(marked, who):
    server = marked.server
    headers = {}
    if who == "owner":
        headers["Authorization"] = f"Bearer {server.token}"
    elif who == "other":
        made = server.admin("user", "add", f"other{uuid.uuid4().hex[:6]}")
        if made.returncode:
            pytest.skip("no second user on this server")
        headers["Authorization"] = "Bearer " + re.search(r"hf_\w+", made.stdout)[0]
    fill = {"owner": server.owner, "user": server.owner, "org": server.owner, "rev": "main", "path": "app.py", "kind": "run", "sub": "admin-marked",
            "name": "marked", "rest": "x"}
    tried = 0
    for pattern in get_routes():
        path = re.sub(r"\{(\w+)(?:\.\.\.)?\}", lambda m: fill.get(m[1], "x"), pattern)
        if path == "/-/events" or "/resolve/" in path and not path.startswith("/spaces"):
            continue
        for accept in ("application/json", "text/html"):
            with httpx.stream("GET", server.url + path, headers=dict(headers, Accept=accept), timeout=10) as answer:
                body = b""
                try:
                    for piece in answer.iter_bytes():
                        body += piece
                        if "/logs/" in path and b"the app is up" in body or len(body) > 4 << 20:
                            break
                except httpx.ReadTimeout:
                    pass
                assert not marked.found(body) and not marked.found(str(answer.headers)), path
        tried += 1
    assert tried > 40
    listed = httpx.get(f"{server.url}/api/spaces/{marked.name}/secrets", headers=headers)
    if who == "owner":
        assert set(listed.json()) == {"MARKER_SECRET", "FORM_SECRET"} and all("value" not in v for v in listed.json().values())
    else:
        assert listed.status_code in (401, 403, 404)


def test_the_command_line_does_not_tell_it(marked):
    for words in (["status", marked.name], ["secrets", "ls", marked.name], ["vars", "ls", marked.name], ["logs", marked.name], ["logs", marked.name, "--build"]):
        run = marked.server.cli(*words)
        assert run.returncode == 0, run.stderr
        assert not marked.found(run.stdout + run.stderr)


def test_a_duplicate_does_not_inherit_it(marked):
    answer = marked.api.post(f"/api/spaces/{marked.name}/duplicate", json={"repository": f"{marked.server.owner}/copied", "private": True})
    if answer.status_code == 404:
        pytest.skip("this server does not duplicate")
    try:
        assert answer.status_code == 200, answer.text
        assert marked.api.get(f"/api/spaces/{marked.server.owner}/copied/secrets").json() == {}
        assert marked.api.get(f"/api/spaces/{marked.server.owner}/copied/variables").json()["PLAIN"]["value"] == "everybody"
    finally:
        marked.server.api().delete_repo(f"{marked.server.owner}/copied", repo_type="space", missing_ok=True)


def test_one_name_is_one_value(marked):
    path = f"/api/spaces/{marked.name}"
    assert marked.api.post(f"{path}/variables", json={"key": "MARKER_SECRET", "value": "x"}).status_code == 409
    assert marked.api.post(f"{path}/secrets", json={"key": "PLAIN", "value": "x"}).status_code == 409
    for kind in ("variables", "secrets"):
        answer = marked.api.post(f"{path}/{kind}", json={"key": "PATH", "value": "/evil"})
        assert answer.status_code == 400 and "PATH" in answer.json()["error"]
        assert marked.api.post(f"{path}/{kind}", json={"key": "A-B", "value": "x"}).status_code == 400
    assert marked.api.post(f"{path}/secrets", json={"key": "BIG", "value": "x" * 65537}).status_code == 400
    assert marked.api.request("DELETE", f"{path}/secrets", json={"key": "NOT_THERE"}).status_code == 200


def test_a_deleted_secret_is_gone_from_the_app(marked):
    assert marked.api.request("DELETE", f"/api/spaces/{marked.name}/secrets", json={"key": "FORM_SECRET"}).status_code == 200
    wait_for(lambda: (a := marked.ask("marked")) and a["form"] == sha("") and a["secret"] == sha(marked.marker), timeout=60)
