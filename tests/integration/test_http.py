"""The control plane by itself: authentication, permissions, forms from foreign pages, health, events, the admin socket, edge's routes."""
import base64
import json
import pathlib
import re
import signal
import socket
import struct
import sys
import threading

import pytest
import websocket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import BIN  # noqa: E402
from helpers.control import HEAD, ROUTE, Control, UnixHTTP  # noqa: E402


@pytest.fixture(scope="module")
def server():
    control = Control(BIN).start()
    control.other = control.admin(cmd="user-add", name="bob")["token"]
    yield control
    assert control.stop() == 0, control.log()
    control.remove()


def error_of(answer):
    status, headers, text = answer
    return status, headers.get("X-Error-Code"), json.loads(text)["error"]


def test_health_follows_the_launcher(server):
    assert server.ask("GET", "/healthz")[::2] == (200, '{"status":"ok"}')
    assert server.ask("GET", "/readyz")[0] == 200
    server.launcher.silent = True
    status, _, text = server.ask("GET", "/readyz")
    assert status == 503 and "launcher" in json.loads(text)["missing"]
    assert server.ask("GET", "/healthz")[0] == 503
    server.launcher.silent = False


def test_first_start_keeps_the_token(server):
    path = server.state / "admin-token"
    assert path.read_text().strip() == server.token
    assert path.stat().st_mode & 0o777 == 0o600
    assert server.token not in server.log()


def test_wrong_token_is_401_even_on_public_reads(server):
    status, headers, text = server.ask("GET", "/api/spaces", token="hf_wrong")
    assert status == 401
    assert headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert json.loads(text)["error"] == "Invalid credentials in Authorization header"
    assert headers["X-Request-Id"]


def test_basic_credentials_carry_the_token_as_password(server):
    basic = base64.b64encode(f"anyone:{server.token}".encode()).decode()
    status, _, text = server.ask("GET", "/api/whoami-v2", Authorization=f"Basic {basic}")
    assert status == 200 and json.loads(text)["name"] == "admin"
    wrong = base64.b64encode(b"a:b").decode()
    status, headers, _ = server.ask("GET", "/api/whoami-v2", Authorization=f"Basic {wrong}", User_Agent="git/2.39")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic")


def test_missing_and_invisible_repositories_look_alike(server):
    server.create("secret", private=True)
    for path in ("/api/spaces/admin/secret", "/api/spaces/admin/absent"):
        assert error_of(server.ask("GET", path))[:2] == (401, "RepoNotFound")
        assert error_of(server.ask("GET", path, token=server.other))[:2] == (404, "RepoNotFound")
        status, headers, text = server.ask("HEAD", path)
        assert (status, headers["X-Error-Code"], text) == (401, "RepoNotFound", "")
    assert server.ask("GET", "/api/spaces/admin/secret", token=server.token)[0] == 200


def test_somebody_elses_repository_is_403(server):
    server.create("open")
    status, _, text = server.ask("POST", "/api/spaces/admin/open/restart", token=server.other)
    assert status == 403 and "belongs to someone else" in json.loads(text)["error"]


def test_unknown_api_areas_are_clean_404(server):
    status, headers, text = server.ask("GET", "/api/jobs/admin")
    assert status == 404 and headers["Content-Type"].startswith("application/json")
    assert "This version of vitrine does not answer" in json.loads(text)["error"]
    status, headers, _ = server.ask("PUT", "/healthz", body=b"")
    assert status == 405 and headers["Allow"] == "GET, HEAD"


def session_of(server):
    path = server.admin(cmd="signin-link", name="admin")["path"]
    link = path.partition("token=")[2]
    status, headers, _ = server.ask("POST", "/-/signin", body=f"link={link}", Content_Type="application/x-www-form-urlencoded",
                                    Sec_Fetch_Site="same-origin")
    assert status == 303, status
    return headers["Set-Cookie"].partition(";")[0]


def test_forms_of_foreign_pages_are_refused(server):
    cookie = session_of(server)
    assert cookie.startswith("vitrine_session=")
    like = "/api/spaces/admin/open/like"
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://evil.localhost:7860"}, {}):
        status, _, text = server.ask("POST", like, Cookie=cookie, **headers)
        assert status == 403 and "another site" in json.loads(text)["error"]
    assert server.ask("POST", like, Cookie=cookie, Origin="http://localhost:7860")[0] == 200
    assert server.ask("POST", like, Cookie=cookie, Sec_Fetch_Site="same-origin")[0] == 200
    assert server.ask("POST", like, token=server.token, Sec_Fetch_Site="cross-site")[0] == 200


def test_stale_session_browses_as_a_stranger(server):
    assert server.ask("GET", "/", Cookie="vitrine_session=gone", Accept="text/html")[0] == 200


def test_other_origins_may_read_the_api(server):
    status, headers, _ = server.ask("GET", "/api/spaces", Origin="http://elsewhere.test")
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "*" and "Access-Control-Allow-Credentials" not in headers
    assert "X-Error-Code" in headers["Access-Control-Expose-Headers"]


def test_app_hosts_are_not_routed_as_the_platform(server):
    status, _, text = server.ask("GET", "/api/spaces", X_Vitrine_Why="unknown", Host="nobody.localhost:7860", Accept="text/html")
    assert status == 404 and "nobody" in text


def test_eight_clients_on_kept_connections(server):
    failed = []

    def client():
        c = UnixHTTP(str(server.state / "http"))
        for _ in range(50):
            c.request("GET", "/api/agent-harnesses")
            answer = c.getresponse()
            if answer.status != 200 or "harnesses" not in answer.read().decode():
                failed.append(answer.status)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


def test_malformed_requests_do_no_harm(server):
    for raw in (b"GET /api/spaces/%00/x HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                b"GET /api/spaces?limit=-1&&&%zz=%&limit HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST /api/repos/create HTTP/1.1\r\n"
                b"Host: localhost\r\nContent-Length: 3\r\n\r\n{\xff}", b"GET /api/spaces/\xff\xfe/x HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(server.state / "http"))
            s.sendall(raw)
            status = int(s.recv(4096).split(b" ")[1])
            assert 400 <= status < 500, raw
    assert server.ask("GET", "/healthz")[0] == 200


def test_admin_socket(server):
    assert server.admin(cmd="status")["ok"] is True
    assert server.admin(cmd="user-add", name="bob")["code"] == "already-exists"
    assert server.admin(cmd="user-add", name="no_such!")["ok"] is False
    assert server.admin(cmd="nonsense")["ok"] is False
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(server.state / "admin"))
        s.sendall(b"not json\n")
        assert s.recv(100) == b""


def test_edge_gets_every_route_then_synced(server):
    with server.edge() as edge:
        names = []
        while not names or names[-1][0] != "SYNCED":
            names.append(server.route_of(edge))
        assert all(name == "SET" for name, _ in names[:-1])
        assert "admin-open" in [label for _, label in names] or len(names) == 1


def follow(server, path, **headers):
    c = UnixHTTP(str(server.state / "http"))
    c.request("GET", path, headers=headers)
    return c.getresponse()


def test_events_need_a_topic_that_the_reader_may_see(server):
    ident = json.loads(server.ask("GET", "/api/spaces/admin/secret", token=server.token)[2])["_id"]
    assert server.ask("GET", "/-/events")[0] == 400
    assert server.ask("GET", f"/-/events?topics=space:{ident}")[0] == 404
    stream = follow(server, f"/-/events?topics=space:{ident}", Authorization=f"Bearer {server.token}")
    assert stream.status == 200 and stream.headers["Content-Type"] == "text/event-stream"
    assert stream.readline().startswith(b"retry:")
    stream.close()


def test_change_of_a_space_becomes_an_event(server):
    ident = json.loads(server.ask("GET", "/api/spaces/admin/open")[2])["_id"]
    stream = follow(server, f"/-/events?topics=space:{ident}")
    assert stream.readline().startswith(b"retry:")
    assert server.ask("POST", "/api/spaces/admin/open/pause", token=server.token)[0] == 200
    lines = []
    while not lines or not lines[-1].startswith(b"data:"):
        lines.append(stream.readline())
    event = json.loads(lines[-1][5:])
    assert event["topic"] == f"space:{ident}" and lines[-2] == b"event: space\n" and lines[-3].startswith(b"id: ")
    last = lines[-3][4:].strip().decode()
    stream.close()
    again = follow(server, f"/-/events?topics=space:{ident}", **{"Last-Event-ID": last})
    assert again.readline().startswith(b"retry:")
    again.close()


def test_making_a_space_private_ends_the_streams_of_those_who_may_not_see_it(server):
    server.create("shy")
    ident = json.loads(server.ask("GET", "/api/spaces/admin/shy")[2])["_id"]
    stream = follow(server, f"/-/events?topics=space:{ident}")
    status, _, text = server.ask("PUT", "/api/spaces/admin/shy/settings", json.dumps({"visibility": "private"}), token=server.token)
    assert status == 200, text
    stream.read()       # to its end
    assert server.ask("GET", f"/-/events?topics=space:{ident}")[0] == 404
    # Its own host, in the moment before edge has heard of it.
    asked = {"Host": "admin-shy.localhost:7860", "X_Vitrine_Space": ident, "X_Vitrine_Why": "static"}
    stranger = server.ask("GET", "/README.md", **asked)
    assert stranger[0] == 404 and json.loads(stranger[2])["code"] == "no-such-host"


def test_a_deleted_space_ends_its_streams_and_leaves_its_name(server):
    server.create("brief")
    ident = json.loads(server.ask("GET", "/api/spaces/admin/brief")[2])["_id"]
    stream = follow(server, f"/-/events?topics=space:{ident}")
    body = json.dumps({"name": "brief", "type": "space"})
    assert server.ask("DELETE", "/api/repos/delete", body, token=server.token)[0] == 200
    stream.read()
    assert server.ask("DELETE", "/api/repos/delete", body, token=server.token)[0] == 404
    server.create("brief")


def new_token(server, role):
    text = server.ask("POST", "/-/tokens", body=f"label=r&role={role}", Cookie=session_of(server), Sec_Fetch_Site="same-origin",
                      Content_Type="application/x-www-form-urlencoded")[2]
    return re.search(r">(hf_\w+)<", text).group(1)


@pytest.mark.parametrize("role", ["read", "write"])
def test_a_token_of_less_than_its_user_does_not_become_a_session(server, role):
    body = f"token={new_token(server, role)}"
    status, headers, _ = server.ask("POST", "/-/signin", body=body, Content_Type="application/x-www-form-urlencoded", Sec_Fetch_Site="same-origin")
    assert status == 403 and "Set-Cookie" not in headers


def test_a_reading_token_changes_nothing(server):
    token = new_token(server, "read")
    likes = json.loads(server.ask("GET", "/api/spaces/admin/open")[2])["likes"]
    for path in ("/api/spaces/admin/open/like", "/spaces/admin/open/like", "/api/spaces/admin/open/pause", "/spaces/admin/open/pause"):
        assert server.ask("POST", path, token=token)[0] == 403, path
    assert json.loads(server.ask("GET", "/api/spaces/admin/open")[2])["likes"] == likes


@pytest.mark.parametrize("variable", [{"key": "A B", "value": "x"}, {"key": "", "value": "x"}, {"key": "A", "value": "x" * 70000}, {"key": "A"}, "A"])
def test_a_bad_variable_leaves_no_half_made_space(server, variable):
    body = {"name": "half", "type": "space", "sdk": "static", "variables": [variable]}
    assert server.ask("POST", "/api/repos/create", json.dumps(body), token=server.token)[0] == 400
    assert server.ask("GET", "/api/spaces/admin/half", token=server.token)[0] == 404


def ws_of(server, query, path="/-/ws/logs", **options):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(server.state / "ws"))
    return websocket.create_connection(f"ws://localhost:7860{path}?{query}", socket=s, timeout=20, **options)


def close_code(ws):
    while True:
        op, data = ws.recv_data()
        if op == websocket.ABNF.OPCODE_CLOSE:
            return struct.unpack(">H", data[:2])[0]


def test_websocket_logs_refuse_with_a_reason(server):
    assert close_code(ws_of(server, "space=admin/absent&kind=run")) == 4404
    assert close_code(ws_of(server, "space=admin/secret&kind=run")) == 4404
    # A log can hold what the app read: as on /api/…/logs only those who may change the Space get it.
    assert close_code(ws_of(server, "space=admin/open&kind=run")) == 4401
    assert close_code(ws_of(server, f"space=admin/open&kind=run&token={server.other}")) == 4403
    assert close_code(ws_of(server, "space=admin/open&kind=nonsense")) == 4400
    assert close_code(ws_of(server, "space=admin/open&kind=run&token=hf_wrong")) == 4401
    with pytest.raises(websocket.WebSocketBadStatusException) as e:
        ws_of(server, "", path="/-/ws/other")
    assert e.value.status_code == 404


def test_websocket_follows_a_log(server):
    ident = json.loads(server.ask("GET", "/api/spaces/admin/secret", token=server.token)[2])["_id"]
    folder = server.state / "logs" / ident
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"data": f"line {i}\n", "timestamp": "2026-01-01T00:00:00.000Z"}) for i in range(3000)]
    (folder / f"build-{'0' * 24}.log").write_text("\n".join(lines) + "\n")
    ws = ws_of(server, f"space=admin/secret&kind=build&token={server.token}")
    got = [json.loads(ws.recv()) for _ in lines]
    assert [g["data"] for g in got] == [f"line {i}\n" for i in range(3000)]
    assert close_code(ws) == 1000


def test_plain_requests_to_the_websocket_port_are_400(server):
    c = UnixHTTP(str(server.state / "ws"))
    c.request("GET", "/-/ws/logs")
    assert c.getresponse().status == 400


def test_kill_and_restart_loses_nothing(server):
    server.create("kept")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.launcher.sock.close()
    server.start()
    assert server.ask("GET", "/api/spaces/admin/kept", token=server.token)[0] == 200
    with server.edge() as edge:
        edge.send(HEAD.pack(1, ROUTE.index("WAKE"), 0, 25, 0) + b"f" * 24 + b"\0")
        while server.route_of(edge)[0] != "SYNCED":
            pass
    assert server.ask("GET", "/healthz")[0] == 200


def test_server_ends_when_the_launcher_is_gone(server):
    server.launcher.sock.shutdown(socket.SHUT_RDWR)
    assert server.process.wait(15) == 1
    server.launcher.sock.close()
    server.start()
    assert server.ask("GET", "/healthz")[0] == 200
