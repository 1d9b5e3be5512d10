"""What a Space may reach: the setting, by API and page; what is refused, in the app's log and as a cause; figures."""
import html
import os
import re
import signal

import httpx
import pytest

from conftest import wait_for
from test_causes import SERVE, app, cause, push, runtime

TRY = ("import socket, urllib.parse\n"
       "def try_it(path):\n"
       "    q = dict(urllib.parse.parse_qsl(path.partition('?')[2]))\n"
       "    try:\n"
       "        if 'look' in q: return socket.gethostbyname(q['look'])\n"
       "        with socket.create_connection((q['host'], int(q['port'])), 3) as s:\n"
       "            return repr(s.recv(10))\n"
       "    except Exception as e: return repr(e)\n")
APP = TRY + SERVE.format(port=7860).replace("self.wfile.write(b'up')", "self.wfile.write(try_it(self.path).encode() if '?' in self.path else b'up')") + "s.serve_forever()\n"
NAME = "network"


def ask(server, method, path, **kw):
    return httpx.request(method, server.url + path, headers={"Authorization": f"Bearer {server.token}", **kw.pop("headers", {})}, timeout=30, **kw)


def set_policy(server, policy, name=NAME):
    return ask(server, "POST", f"/api/spaces/{server.owner}/{name}/network", json={"policy": policy})


def restart(server, name=NAME):
    before = runtime(server, name).get("since")
    assert ask(server, "POST", f"/api/spaces/{server.owner}/{name}/restart").status_code == 200
    wait_for(lambda: (lambda r: r["stage"] == "RUNNING" and r["since"] != before)(runtime(server, name)), 60)


def tries(server, name=NAME, **query):
    return httpx.get(server.app_url(f"{server.owner}-{name}") + "/", params=query, timeout=30).text


def log(server, name=NAME):
    return server.cli("logs", f"{server.owner}/{name}").stdout


def figures(server, name=NAME):
    return runtime(server, name)["network"]


@pytest.fixture(scope="module")
def running(server):
    push(server, NAME, app(APP))
    wait_for(lambda: runtime(server, NAME)["stage"] == "RUNNING", 120)
    return server


def test_the_setting_is_the_web_unless_said_otherwise_and_only_its_owner_sees_it(running):
    assert figures(running)["policy"] == "web"
    anonymous = httpx.get(f"{running.url}/api/spaces/{running.owner}/{NAME}/runtime").json()
    assert anonymous["stage"] == "RUNNING" and "network" not in anonymous
    assert httpx.post(f"{running.url}/api/spaces/{running.owner}/{NAME}/network", json={"policy": "any"}).status_code in (401, 403)
    for bad in ({}, {"policy": None}, {"policy": 1}, {"policy": "build"}, {"policy": "WEB"}):
        answer = ask(running, "POST", f"/api/spaces/{running.owner}/{NAME}/network", json=bad)
        assert answer.status_code == 400 and "'none', 'web'" in answer.json()["error"]
    assert figures(running)["policy"] == "web"


def test_refusals_are_told_once_in_the_apps_log_and_counted(running):
    before = figures(running)
    for _ in range(3):
        for host, port in (("10.0.0.1", 5432), ("169.254.169.254", 80), ("203.0.113.9", 22)):
            assert "Refused by vitrine" in tries(running, host=host, port=port) or "ConnectionReset" in tries(running, host=host, port=port) or port == 80
    wait_for(lambda: figures(running)["refused"] >= before["refused"] + 9, 15)
    said = wait_for(lambda: (lambda t: "203.0.113.9:22" in t and t)(log(running)), 15)
    assert said.count("A connection to 10.0.0.1:5432 was refused. Apps reach public addresses only.") == 1
    assert said.count("A connection to 169.254.169.254:80 was refused.") == 1
    assert said.count("A connection to 203.0.113.9:22 was refused. The Space's network setting opens ports 80, 443 and 8080") == 1


def test_any_port_is_open_after_a_restart_but_not_for_mail(running):
    form = ask(running, "POST", f"/spaces/{running.owner}/{NAME}/settings/network", data={"policy": "any"},
               headers={"Origin": running.url, "Accept": "text/html"})
    assert form.status_code == 303 and form.headers["location"].endswith("settings?done=network#network")
    assert figures(running)["policy"] == "any"
    refused = figures(running)["refused"]
    tries(running, host="203.0.113.9", port=23)
    wait_for(lambda: figures(running)["refused"] > refused, 15)            # the app that runs has what it started with
    restart(running)
    assert figures(running)["refused"] == 0
    tries(running, host="203.0.113.9", port=22)                             # nobody there, but nobody refused it
    assert "ConnectionReset" in tries(running, host="203.0.113.9", port=25)
    now = wait_for(lambda: (lambda f: f["refused"] and f)(figures(running)), 15)
    assert now["connections"] == 1 and now["refused"] == 1
    said = wait_for(lambda: (lambda t: "203.0.113.9:25" in t and t)(log(running)), 15)
    assert "203.0.113.9:25 was refused. Mail ports are closed to every app." in said and "203.0.113.9:22" not in said


def test_the_page_shows_setting_figures_and_event(running):
    page = html.unescape(ask(running, "GET", f"/spaces/{running.owner}/{NAME}/settings", headers={"Accept": "text/html"}).text)
    assert re.search(r'value="any"\s+checked', page) and not re.search(r'value="web"\s+checked', page)
    assert re.search(r"This run: 1 connections?, 0 B sent, 0 B received, 1 refused\.", page), re.search(r"This run[^<]*", page)
    assert "set the network to" in page and "<code>any</code>" in page
    bad = ask(running, "POST", f"/spaces/{running.owner}/{NAME}/settings/network", data={"policy": "all"}, headers={"Origin": running.url, "Accept": "text/html"})
    assert bad.status_code == 400 and "'policy' is one of" in html.unescape(bad.text)


def test_none_is_none_and_visitors_still_come(running):
    assert set_policy(running, "none").status_code == 200
    restart(running)
    assert "Network is unreachable" in tries(running, host="203.0.113.9", port=443)
    assert "gaierror" in tries(running, look="example.org")
    assert tries(running) == "up"


def test_a_copy_has_the_usual_setting(running):
    answer = ask(running, "POST", f"/api/spaces/{running.owner}/{NAME}/duplicate", json={"repository": f"{running.owner}/network-copy"})
    assert answer.status_code == 200, answer.text
    assert figures(running, "network-copy")["policy"] == "web"
    ask(running, "POST", f"/api/spaces/{running.owner}/network-copy/pause")


@pytest.mark.parametrize("name, policy, text, place", [
    ("network-db", "web", "import socket\nsocket.create_connection(('10.0.0.1', 5432), 9).recv(1)\n", "10.0.0.1:5432"),
    ("network-off", "none", "import urllib.request\nurllib.request.urlopen('https://example.org/', timeout=9)\n", "the Internet"),
])
def test_a_crash_for_want_of_network_says_so(server, name, policy, text, place):
    push(server, name, {"README.md": "---\nsdk: static\n---\n"})
    assert set_policy(server, policy, name).status_code == 200
    push(server, name, app(text))
    c = wait_for(lambda: (lambda c: c.get("code") == "NETWORK_REFUSED" and c)(cause(server, name)), 60)
    assert f"connection to {place} was refused" in c["message"] and "settings" in c["next"]
    ask(server, "POST", f"/api/spaces/{server.owner}/{name}/pause")


def test_a_new_egress_and_a_new_server_go_on_counting(own_server):
    push(own_server, NAME, app(APP))
    wait_for(lambda: runtime(own_server, NAME)["stage"] == "RUNNING", 120)
    tries(own_server, host="10.0.0.1", port=443)
    wait_for(lambda: figures(own_server)["refused"] == 1, 15)
    for program in ("vitrine-egress", "vitrine-server"):
        [pid] = own_server.children(program)
        os.kill(pid, signal.SIGKILL)

        def again():
            try:
                tries(own_server, host="10.0.0.2", port=443)
                return own_server.children(program) not in ([], [pid]) and figures(own_server)["refused"] >= 2
            except (httpx.HTTPError, KeyError, ValueError):
                return False
        wait_for(again, 30, 0.3)


def test_a_build_that_is_refused_a_place_says_so_in_its_log(server):
    push(server, "network-build", app("", requirements_txt="--index-url http://10.0.0.1:3141/simple\nidna\n"))
    wait_for(lambda: runtime(server, "network-build")["stage"] == "BUILD_ERROR", 120)
    said = server.cli("logs", f"{server.owner}/network-build", "--build").stdout
    assert said.count("A connection to 10.0.0.1:3141 was refused. Builds reach public addresses") == 1, said
