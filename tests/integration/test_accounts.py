"""Accounts on the control plane alone: invitations, passwords, resets, tokens, sessions, the device flow, leaving."""
import concurrent.futures
import json
import pathlib
import re
import sqlite3
import sys
import urllib.parse
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import BIN  # noqa: E402
from helpers.control import Control, UnixHTTP  # noqa: E402

PASSWORD = "correct horse battery"
HF_CLIENT = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"


@pytest.fixture(scope="module")
def server():
    control = Control(BIN).start()
    yield control
    assert control.stop() == 0, control.log()
    control.remove()


def form(server, path, cookie=None, peer="192.0.2.1", same_origin=True, **fields):
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html", "X_Vitrine_Peer": peer}
    if same_origin:
        headers["Sec_Fetch_Site"] = "same-origin"
    if cookie:
        headers["Cookie"] = cookie
    return server.ask("POST", path, urllib.parse.urlencode(fields), **headers)


def problem(answer):
    return re.search(r'role="alert"[^>]*>([^<]*)<', answer[2]).group(1)


def cookie_of(answer):
    assert answer[0] == 303, answer[2]
    return answer[1]["Set-Cookie"].partition(";")[0]


def link_token(answer):
    assert answer["ok"], answer
    return answer["url"].partition("token=")[2]


def invite(server, **more):
    return link_token(server.admin(cmd="invite-add", **more))


def new_name():
    return "u" + uuid.uuid4().hex[:8]


def join(server, name=None, password=PASSWORD, **more):
    """(name, cookie) of somebody new."""
    name = name or new_name()
    return name, cookie_of(form(server, "/-/invite", link=invite(server, **more), name=name, password=password, again=password))


def sign_in(server, name, password=PASSWORD, **more):
    return form(server, "/-/signin", name=name, token=password, **more)


def who(server, cookie):
    status, _, text = server.ask("GET", "/api/whoami-v2", Cookie=cookie)
    return json.loads(text)["name"] if status == 200 else None


def new_token(server, cookie, role="write", label="laptop"):
    return re.search(r">(hf_\w+)<", form(server, "/-/tokens", cookie, label=label, role=role)[2]).group(1)


def account_page(server, cookie):
    status, _, text = server.ask("GET", "/-/account", Cookie=cookie, Accept="text/html")
    assert status == 200, text
    return text


# ---- invitations ----

def test_an_invitation_makes_one_account(server):
    link = invite(server)
    for _ in range(2):
        assert server.ask("GET", f"/-/invite?token={link}", Accept="text/html")[0] == 200       # looking spends nothing
    name = new_name()
    answers = {
        "differ": form(server, "/-/invite", link=link, name=name, password=PASSWORD, again="other password"),
        "8 to 256": form(server, "/-/invite", link=link, name=name, password="short", again="short"),
        "exists already": form(server, "/-/invite", link=link, name="ADMIN", password=PASSWORD, again=PASSWORD),
        "reserved": form(server, "/-/invite", link=link, name="api", password=PASSWORD, again=PASSWORD),
    }
    assert [a[0] for a in answers.values()] == [400, 400, 409, 400]
    for sentence, answer in answers.items():
        assert sentence in problem(answer), problem(answer)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda n: form(server, "/-/invite", link=link, name=n, password=PASSWORD, again=PASSWORD), [name, new_name()]))
    assert sorted(a[0] for a in both) == [303, 410]
    over = server.ask("GET", f"/-/invite?token={link}", Accept="text/html")
    assert over[0] == 410 and "used or revoked" in problem(over)


def test_the_user_name_is_no_password(server):
    answer = form(server, "/-/invite", link=invite(server), name="nameasword", password="NameAsWord", again="NameAsWord")
    assert answer[0] == 400 and "is no password" in problem(answer)


def test_an_invitation_may_fix_the_name_and_make_an_administrator(server):
    name = new_name()
    _, cookie = join(server, name=new_name(), **{})
    assert server.ask("GET", "/-/admin", Cookie=cookie, Accept="text/html")[0] == 403
    link = invite(server, name=name, admin=True)
    cookie = cookie_of(form(server, "/-/invite", link=link, name="somebody-else", password=PASSWORD, again=PASSWORD))
    assert who(server, cookie) == name
    page = server.ask("GET", "/-/admin", Cookie=cookie, Accept="text/html")
    assert page[0] == 200 and name in page[2]


def test_a_revoked_invitation_is_over(server):
    answer = server.admin(cmd="invite-add", name="")
    assert answer["id"] in [i["id"] for i in server.admin(cmd="invite-list")["invitations"]]
    assert server.admin(cmd="invite-del", id=answer["id"])["ok"]
    assert not server.admin(cmd="invite-del", id=answer["id"])["ok"]
    assert server.ask("GET", f"/-/invite?token={link_token(answer)}", Accept="text/html")[0] == 410


def test_an_old_invitation_is_over(server):
    link = invite(server)
    with sqlite3.connect(server.state / "vitrine.db") as db:
        db.execute("UPDATE invitations SET expires_ms = 1")
    answer = form(server, "/-/invite", link=link, name=new_name(), password=PASSWORD, again=PASSWORD)
    assert answer[0] == 410 and "seven days" in problem(answer)


def test_administrators_invite_in_the_browser(server):
    _, admin = join(server, admin=True)
    answer = form(server, "/-/admin/invitations", admin, name="")
    link = re.search(r"/-/invite\?token=(\w{43})", answer[2]).group(1)
    listed = re.findall(r"/-/admin/invitations/([0-9a-f]{24})/revoke", answer[2])
    assert listed and form(server, f"/-/admin/invitations/{listed[0]}/revoke", admin)[0] == 303
    assert form(server, f"/-/admin/invitations/{listed[0]}/revoke", admin)[0] == 404
    assert server.ask("GET", f"/-/invite?token={link}", Accept="text/html")[0] == 410
    assert form(server, "/-/admin/invitations", admin, name="no good name")[0] == 400
    name, mine = join(server)
    for path in ("/-/admin/invitations", f"/-/admin/users/{name}/reset"):
        assert form(server, path, mine, name="")[0] == 403
    answer = form(server, f"/-/admin/users/{name}/reset", admin)
    assert "/-/reset?token=" in answer[2]


# ---- passwords ----

def test_name_and_password_sign_in(server):
    name, _ = join(server)
    cookie = cookie_of(sign_in(server, name.upper()))
    assert who(server, cookie) == name
    token = new_token(server, cookie)
    cookie_of(form(server, "/-/signin", name="", token=server.token))       # the administrator's own token
    assert form(server, "/-/signin", name="", token=token)[0] in (303, 403)
    for answer in (sign_in(server, name, "wrong password"), sign_in(server, "nobody-here", PASSWORD), sign_in(server, "admin", PASSWORD)):
        assert answer[0] == 401 and "name or the password is wrong" in problem(answer) and "Set-Cookie" not in answer[1]
    assert form(server, "/-/signin", name=name, token="")[0] == 400


def test_wrong_passwords_are_counted_for_the_account(server):
    name, _ = join(server)
    for i in range(10):
        assert sign_in(server, name, "wrong password", peer=f"198.51.100.{i}")[0] == 401
    for peer in ("198.51.100.1", "203.0.113.9"):
        answer = sign_in(server, name, peer=peer)
        assert answer[0] == 429 and answer[1]["Retry-After"] and "wait 10 min" in problem(answer)
    other, _ = join(server)
    cookie_of(sign_in(server, other, peer="198.51.100.1"))
    link = link_token(server.admin(cmd="signin-link", name=name))
    cookie_of(form(server, "/-/signin", link=link))                         # the way round that the sentence names


def test_wrong_passwords_are_counted_for_the_address(server):
    name, _ = join(server)
    peer = iter(f"2001:db8:0:7::{i:x}" for i in range(1, 100))              # one /64
    for i in range(30):
        assert sign_in(server, f"nobody-{i}", "wrong password", peer=next(peer))[0] == 401
    answer = sign_in(server, name, peer=next(peer))
    assert answer[0] == 429 and "from your address" in problem(answer)
    cookie_of(sign_in(server, name, peer="2001:db8:0:8::1"))


def test_a_right_password_clears_the_count(server):
    name, _ = join(server)
    for _ in range(2):
        for _ in range(9):
            assert sign_in(server, name, "wrong password", peer="192.0.2.77")[0] == 401
        cookie_of(sign_in(server, name, peer="192.0.2.77"))


def test_a_flood_of_logins_leaves_threads_for_others(server):
    name, _ = join(server)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        floods = [pool.submit(sign_in, server, name, peer=f"192.0.2.{i}") for i in range(16)]
        assert server.ask("GET", "/api/spaces")[0] == 200
        codes = {f.result()[0] for f in floods}
    assert codes <= {303, 503, 429} and 303 in codes


def test_changing_the_password_ends_other_sessions(server):
    name, here = join(server)
    there = cookie_of(sign_in(server, name))
    token = new_token(server, here)
    change = {"password": "another good one", "again": "another good one"}
    assert form(server, "/-/account/password", here, current="not it", **change)[0] == 403
    assert form(server, "/-/account/password", here, **change)[0] == 403
    assert form(server, "/-/account/password", here, current=PASSWORD, password="another good one", again="differs")[0] == 400
    assert form(server, "/-/account/password", here, current=PASSWORD, password="short", again="short")[0] == 400
    assert who(server, there) == name
    assert form(server, "/-/account/password", here, current=PASSWORD, **change)[0] == 303
    assert who(server, here) == name and who(server, there) is None
    assert server.ask("GET", "/api/whoami-v2", token=token)[0] == 200
    assert sign_in(server, name)[0] == 401
    cookie_of(sign_in(server, name, "another good one"))


def test_a_reset_link_works_once_and_ends_sessions(server):
    name, cookie = join(server)
    link = link_token(server.admin(cmd="user-reset", name=name))
    older = link_token(server.admin(cmd="signin-link", name=name))
    page = server.ask("GET", f"/-/reset?token={link}", Accept="text/html")
    assert page[0] == 200 and name in page[2]
    assert form(server, "/-/reset", link=link, password="a new good one", again="differs")[0] == 400
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda p: form(server, "/-/reset", link=link, password=p, again=p), ["first new one", "second new one"]))
    assert sorted(a[0] for a in both) == [303, 410]
    assert who(server, cookie) is None
    assert form(server, "/-/signin", link=older)[0] == 401                  # whoever stole a link has nothing now
    won = ["first new one", "second new one"][[a[0] for a in both].index(303)]
    assert who(server, cookie_of(sign_in(server, name, won))) == name
    assert server.ask("GET", f"/-/reset?token={link}", Accept="text/html")[0] == 410
    assert not server.admin(cmd="user-reset", name="nobody-here")["ok"]


# ---- tokens and sessions ----

def test_a_revoked_token_is_refused_at_once(server):
    name, cookie = join(server)
    token = new_token(server, cookie, label="gone soon")
    assert server.ask("GET", "/api/whoami-v2", token=token)[0] == 200
    page = account_page(server, cookie)
    assert "gone soon" in page and token not in page and "used" in page
    ident = re.search(r"/-/tokens/([0-9a-f]{24})/revoke", page).group(1)
    _, stranger = join(server)
    assert form(server, f"/-/tokens/{ident}/revoke", stranger)[0] == 404
    assert server.ask("GET", "/api/whoami-v2", token=token)[0] == 200
    assert form(server, f"/-/tokens/{ident}/revoke", cookie)[0] == 303
    assert server.ask("GET", "/api/whoami-v2", token=token)[0] == 401
    assert form(server, f"/-/tokens/{ident}/revoke", cookie)[0] == 404
    assert form(server, "/-/tokens", cookie, label="")[0] == 400
    assert form(server, "/-/tokens", cookie, label="x" * 64)[0] == 400


def stream(server, ident, **headers):
    """A stream of the Space's events, read up to the first of them."""
    c = UnixHTTP(str(server.state / "http"))
    c.request("GET", f"/-/events?topics=space:{ident}", headers=headers)
    answer = c.getresponse()
    assert answer.status == 200 and answer.readline().startswith(b"retry")
    return answer


def test_a_revoked_token_ends_what_it_reads_and_nothing_else(server):
    _, cookie = join(server)
    gone, other = new_token(server, cookie, label="gone"), new_token(server, cookie, label="other")
    name = new_name()
    server.create(name, token=other, private=True)
    owner = who(server, cookie)
    ident = json.loads(server.ask("GET", f"/api/spaces/{owner}/{name}", token=other)[2])["_id"]
    by_token, by_session = stream(server, ident, Authorization=f"Bearer {gone}"), stream(server, ident, Cookie=cookie)
    by_other = stream(server, ident, Authorization=f"Bearer {other}")
    row = re.search(r'(?s)<li class="entry">(?:(?!</li>).)*?gone.*?/-/tokens/([0-9a-f]{24})/revoke', account_page(server, cookie)).group(1)
    assert form(server, f"/-/tokens/{row}/revoke", cookie)[0] == 303
    by_token.read()                     # to its end
    assert form(server, "/-/signout", cookie)[0] == 303
    by_session.read()
    by_other.fp.raw._sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        by_other.read()
    by_other.close()


def test_a_password_is_not_set_by_who_finds_an_old_session(server):
    name = new_name()
    assert server.admin(cmd="user-add", name=name)["ok"]
    cookie = cookie_of(form(server, "/-/signin", link=link_token(server.admin(cmd="signin-link", name=name))))
    with sqlite3.connect(server.state / "vitrine.db") as db:
        db.execute("UPDATE tokens SET created_ms = created_ms - 3600000 WHERE kind = 1 AND user = (SELECT id FROM users WHERE name = ?)", (name,))
    refused = form(server, "/-/account/password", cookie, password=PASSWORD, again=PASSWORD)
    assert refused[0] == 403 and "15 min" in problem(refused)
    fresh = cookie_of(form(server, "/-/signin", link=link_token(server.admin(cmd="signin-link", name=name))))
    assert form(server, "/-/account/password", fresh, password=PASSWORD, again=PASSWORD)[0] == 303


def test_a_shared_cache_never_keeps_a_session(server):
    name, cookie = join(server)
    with sqlite3.connect(server.state / "vitrine.db") as db:
        db.execute("UPDATE tokens SET used_ms = 0")
    _, headers, _ = server.ask("GET", f"/avatars/{name}.svg", Cookie=cookie)
    assert "public" in headers["Cache-Control"] and "Set-Cookie" not in headers


def test_sessions_end_at_once(server):
    name, here = join(server)
    there, third = cookie_of(sign_in(server, name)), cookie_of(sign_in(server, name))
    page = account_page(server, here)
    rows = re.findall(r'<li class="entry">.*?</li>', page[page.index("sessions-title"):], re.S)
    assert len(rows) == 3 and sum("this one" in r for r in rows) == 1
    mine = re.search(r"/-/sessions/([0-9a-f]{24})/end", next(r for r in rows if "this one" in r)).group(1)
    assert form(server, "/-/sessions/end-others", here)[0] == 303
    assert who(server, there) is None and who(server, third) is None and who(server, here) == name
    assert form(server, f"/-/sessions/{mine}/end", here)[1]["Location"] == "/"
    assert who(server, here) is None
    assert form(server, "/-/sessions/end-others", here)[0] == 401


def test_signing_in_anew_ends_the_session_that_it_replaces(server):
    (_, first), (name, _) = join(server), join(server)
    second = cookie_of(sign_in(server, name, cookie=first))
    assert who(server, first) is None and who(server, second) == name


def test_an_access_token_does_not_manage_the_account(server):
    _, cookie = join(server)
    token = new_token(server, cookie)
    for method, path in (("GET", "/-/account"), ("POST", "/-/tokens"), ("POST", "/-/account/password"), ("GET", "/-/account/export"),
                         ("POST", "/-/account/delete"), ("POST", "/-/sessions/end-others"), ("GET", "/-/device")):
        assert server.ask(method, path, token=token)[0] == 403, path
        assert server.ask(method, path)[0] == 401, path


def test_forms_of_other_sites_change_no_account(server):
    _, cookie = join(server)
    for path in ("/-/account/profile", "/-/account/password", "/-/account/delete", "/-/tokens", "/-/sessions/end-others", "/-/device",
                 f"/-/tokens/{'0' * 24}/revoke", "/-/admin/invitations"):
        assert form(server, path, cookie, same_origin=False)[0] == 403, path
    for path in ("/-/invite", "/-/reset", "/-/signin"):         # also without a session: nobody is signed in as somebody else
        assert server.ask("POST", path, "link=x", Content_Type="application/x-www-form-urlencoded", Sec_Fetch_Site="cross-site")[0] == 403


def test_roles_are_told_and_checked(server):
    name, cookie = join(server)
    for role in ("read", "write"):
        token = new_token(server, cookie, role)
        told = json.loads(server.ask("GET", "/api/whoami-v2", token=token)[2])
        assert told["name"] == name and told["auth"]["accessToken"]["role"] == role
        if role == "write":
            server.create("roles", token=token)
    reading = new_token(server, cookie, "read")
    check = f"/api/spaces/{name}/roles/auth-check"
    assert server.ask("GET", check, token=reading)[0] == 200 and server.ask("GET", f"{check}/write", token=token)[0] == 200
    status, headers, _ = server.ask("GET", f"{check}/write", token=reading)
    assert status == 403 and "may only read" in headers["X-Error-Message"]


@pytest.mark.parametrize("agent,host,secure", [(CHROMIUM, "localhost:7860", True), (CHROMIUM, "x.localhost:7860", True), (SAFARI, "localhost:7860", False),
                                               (CHROMIUM, "box.lan:7860", False), (None, "localhost:7860", False)])
def test_the_cookie_is_secure_where_the_browser_keeps_it(server, agent, host, secure):
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": "same-origin", "Host": host, **({"User_Agent": agent} if agent else {})}
    status, answer, _ = server.ask("POST", "/-/signin", f"token={server.token}", **headers)
    cookie = answer["Set-Cookie"]
    assert status == 303 and cookie.startswith("__Host-vitrine_session=") == secure and ("; Secure" in cookie) == secure
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/;" in cookie and "Domain" not in cookie
    assert "Max-Age=2592000" in cookie


def test_a_session_slides(server):
    name, cookie = join(server)
    assert "Set-Cookie" in server.ask("GET", "/", Cookie=cookie)[1]         # its first use
    assert "Set-Cookie" not in server.ask("GET", "/", Cookie=cookie)[1]
    with sqlite3.connect(server.state / "vitrine.db") as db:
        db.execute("UPDATE tokens SET used_ms = 1, expires_ms = expires_ms - 1000000000 WHERE kind = 1")
        before = db.execute("SELECT max(expires_ms) FROM tokens t JOIN users u ON u.id = t.user WHERE u.name = ? AND kind = 1", (name,)).fetchone()[0]
    assert server.ask("GET", "/", Cookie=cookie)[1]["Set-Cookie"].startswith(cookie)
    with sqlite3.connect(server.state / "vitrine.db") as db:
        after = db.execute("SELECT max(expires_ms) FROM tokens t JOIN users u ON u.id = t.user WHERE u.name = ? AND kind = 1", (name,)).fetchone()[0]
    assert after - before > 900000000


# ---- profile, export, leaving ----

def test_the_profile_shows_name_spaces_and_likes(server):
    name, cookie = join(server)
    token = new_token(server, cookie)
    server.create("shown", token=token)
    server.create("hidden", token=token, private=True)
    for space in ("shown", "hidden"):
        assert server.ask("POST", f"/api/spaces/{name}/{space}/like", token=token)[0] == 200
    assert form(server, "/-/account/profile", cookie, fullname="Ada <b>Love</b>")[0] == 303
    assert form(server, "/-/account/profile", cookie, fullname="x" * 101)[0] == 400
    page = server.ask("GET", f"/{name}", Accept="text/html")[2]
    assert "Ada &lt;b&gt;Love" in page and f"{name}/shown" in page and f"{name}/hidden" not in page and "/-/account" not in page
    mine = server.ask("GET", f"/{name}?sort=likes", Accept="text/html", Cookie=cookie)[2]
    assert f"{name}/hidden" in mine and 'href="/-/account"' in mine
    assert [s["id"] for s in json.loads(server.ask("GET", f"/{name}", Accept="application/json")[2])] == [f"{name}/shown"]


def test_the_export_has_what_is_mine(server):
    name, cookie = join(server)
    token = new_token(server, cookie, label="exporter")
    server.create("taken", token=token, variables=[{"key": "COLOUR", "value": "not-in-the-export"}])
    server.ask("POST", f"/api/spaces/{name}/taken/like", token=token)
    status, headers, text = server.ask("GET", "/-/account/export", Cookie=cookie)
    assert status == 200 and f'filename="vitrine-{name}.json"' in headers["Content-Disposition"] and headers["Cache-Control"] == "no-store"
    data = json.loads(text)
    assert data["profile"]["name"] == name and data["likes"][0]["repo"] == f"{name}/taken"
    assert data["spaces"][0]["variables"] == ["COLOUR"] and data["spaces"][0]["clone"].endswith(f"/spaces/{name}/taken")
    assert [t["name"] for t in data["tokens"]] == ["exporter"] and len(data["sessions"]) == 1
    assert {"account", "token"} <= {e["what"] for e in data["events"]}
    assert token not in text and "not-in-the-export" not in text and PASSWORD not in text


def test_deleting_an_account_removes_everything(server):
    name, cookie = join(server)
    other, others = join(server)
    token, reading = new_token(server, cookie), new_token(server, cookie, "read")
    server.create("mine", token=token)
    server.create("theirs", token=new_token(server, others))
    theirs = f"/api/spaces/{other}/theirs"
    for t in (token, new_token(server, others)):
        assert server.ask("POST", f"{theirs}/like", token=t)[0] == 200
    page = server.ask("GET", "/-/account/delete", Cookie=cookie, Accept="text/html")
    assert page[0] == 200 and f"/spaces/{name}/mine" in page[2]
    tries = [form(server, "/-/account/delete", cookie, confirm=other, password=PASSWORD, spaces="delete"),
             form(server, "/-/account/delete", cookie, confirm=name, password="wrong password", spaces="delete"),
             form(server, "/-/account/delete", cookie, confirm=name, password=PASSWORD)]
    assert [t[0] for t in tries] == [400, 403, 409] and "owns 1 Space" in problem(tries[2])
    assert who(server, cookie) == name
    answer = form(server, "/-/account/delete", cookie, confirm=name, password=PASSWORD, spaces="delete")
    assert answer[0] == 303 and "Max-Age=0" in answer[1]["Set-Cookie"]
    assert who(server, cookie) is None and sign_in(server, name)[0] == 401
    for t in (token, reading):
        assert server.ask("GET", "/api/whoami-v2", token=t)[0] == 401
    assert server.ask("GET", f"/api/spaces/{name}/mine", token=server.token)[0] == 404
    assert server.ask("GET", f"/api/users/{name}/overview")[0] == 404
    assert server.ask("GET", f"/{name}", Accept="text/html")[0] == 404
    assert json.loads(server.ask("GET", theirs)[2])["likes"] == 1
    assert [l["user"] for l in json.loads(server.ask("GET", f"{theirs}/likers")[2])] == [other]
    with sqlite3.connect(server.state / "vitrine.db") as db:
        assert db.execute("SELECT count(*) FROM tokens WHERE user NOT IN (SELECT id FROM users)").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM redirects WHERE owner NOT IN (SELECT id FROM users)").fetchone() == (0,)
    # The name is free again and brings nothing back.
    join(server, name=name)
    assert json.loads(server.ask("GET", f"/api/users/{name}/overview")[2])["numLikes"] == 0
    assert server.ask("GET", f"/api/spaces/{name}/mine", token=server.token)[0] == 404


def test_the_operator_deletes_a_user(server):
    name, cookie = join(server)
    server.create("owned", token=new_token(server, cookie))
    assert server.admin(cmd="user-show", name=name)["spaces"] == [f"{name}/owned"]
    refused = server.admin(cmd="user-del", name=name)
    assert not refused["ok"] and "owns 1 Space" in refused["error"]
    assert server.admin(cmd="user-del", name=name, with_spaces=True)["ok"]
    assert who(server, cookie) is None and name not in [u["name"] for u in server.admin(cmd="user-list")["users"]]
    assert not server.admin(cmd="user-del", name=name)["ok"]


def test_the_last_administrator_stays():
    control = Control(BIN).start()
    try:
        control.create("kept")
        refused = control.admin(cmd="user-del", name="admin", with_spaces=True)
        assert not refused["ok"] and "last administrator" in refused["error"]
        assert control.ask("GET", "/api/spaces/admin/kept", token=control.token)[0] == 200
        link = link_token(control.admin(cmd="signin-link", name="admin"))
        cookie = cookie_of(form(control, "/-/signin", link=link))
        with sqlite3.connect(control.state / "vitrine.db") as db:
            db.execute("UPDATE tokens SET created_ms = created_ms - 3600000 WHERE kind = 1")
        answer = form(control, "/-/account/delete", cookie, confirm="admin", spaces="delete")      # no password, an old session
        assert answer[0] == 403 and "sign in once more" in problem(answer)
    finally:
        control.stop()
        control.remove()


# ---- the device flow ----

def oauth(server, path, peer="192.0.2.50", **fields):
    fields.setdefault("client_id", HF_CLIENT)
    status, headers, text = server.ask("POST", path, urllib.parse.urlencode(fields), Content_Type="application/x-www-form-urlencoded", X_Vitrine_Peer=peer)
    return status, json.loads(text)


def poll(server, code, **more):
    return oauth(server, "/oauth/token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=code, **more)


def test_the_device_flow_grants_what_was_allowed(server):
    name, cookie = join(server)
    status, asked = oauth(server, "/oauth/device")
    assert status == 200 and asked["interval"] >= 1 and asked["expires_in"] == 900
    assert asked["verification_uri_complete"] == f"{asked['verification_uri']}?code={asked['user_code']}"
    assert poll(server, asked["device_code"])[1]["error"] == "authorization_pending"
    assert poll(server, asked["device_code"])[1]["error"] == "slow_down"
    typed = asked["user_code"].lower().replace("-", " ")
    page = server.ask("GET", f"/-/device?code={urllib.parse.quote(typed)}", Cookie=cookie, Accept="text/html")
    assert page[0] == 200 and asked["user_code"] in page[2] and "hf auth login" in page[2] and "192.0.2.50" in page[2]
    assert form(server, "/-/device", cookie, code=typed, role="read", answer="yes")[0] == 200
    assert form(server, "/-/device", cookie, code=typed, role="write", answer="yes")[0] == 404     # answered once
    status, granted = poll(server, asked["device_code"])
    assert status == 200 and granted["token_type"] == "bearer" and granted["expires_in"] > 24 * 3600
    told = json.loads(server.ask("GET", "/api/whoami-v2", token=granted["access_token"])[2])
    assert told["name"] == name and told["auth"]["accessToken"]["role"] == "read"
    assert poll(server, asked["device_code"])[1]["error"] == "expired_token"
    assert "hf auth login from 192.0.2.50" in account_page(server, cookie)


def test_a_granted_token_is_renewed_once_and_revoked_with_its_refresh_token(server):
    _, cookie = join(server)
    asked = oauth(server, "/oauth/device")[1]
    form(server, "/-/device", cookie, code=asked["user_code"], role="write", answer="yes")
    first = poll(server, asked["device_code"])[1]

    def renew(token):
        return oauth(server, "/oauth/token", grant_type="refresh_token", refresh_token=token)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(renew, [first["refresh_token"]] * 2))
    assert sorted(s for s, _ in both) == [200, 400]
    second = next(a for s, a in both if s == 200)
    assert next(a for s, a in both if s == 400)["error"] == "invalid_grant"
    assert server.ask("GET", "/api/whoami-v2", token=second["access_token"])[0] == 200
    assert server.ask("GET", "/api/whoami-v2", token=second["refresh_token"])[0] == 401       # it renews and nothing else
    for ident in re.findall(r"/-/tokens/([0-9a-f]{24})/revoke", account_page(server, cookie)):
        form(server, f"/-/tokens/{ident}/revoke", cookie)
    assert server.ask("GET", "/api/whoami-v2", token=second["access_token"])[0] == 401
    assert renew(second["refresh_token"])[1]["error"] == "invalid_grant"
    assert renew("")[1]["error"] == "invalid_grant"


def test_a_denied_or_unknown_device_gets_nothing(server):
    _, cookie = join(server)
    asked = oauth(server, "/oauth/device")[1]
    assert form(server, "/-/device", cookie, code=asked["user_code"], answer="no")[0] == 200
    assert poll(server, asked["device_code"]) == (400, {"error": "access_denied", "error_description": "The login was denied in the browser."})
    assert poll(server, "x" * 43)[1]["error"] == "expired_token" and poll(server, "x" * 500)[1]["error"] == "expired_token"
    assert oauth(server, "/oauth/device", client_id="somebody")[1]["error"] == "invalid_client"
    assert oauth(server, "/oauth/token", grant_type="password")[1]["error"] == "unsupported_grant_type"
    for code in ("", "BCDF", "BCDF-GHJK-LMNP", "----------"):
        assert server.ask("GET", f"/-/device?code={code}", Cookie=cookie, Accept="text/html", X_Vitrine_Peer="192.0.2.51")[0] == (404 if code else 200)
    for _ in range(40):
        last = server.ask("GET", "/-/device?code=BCDFGHJK", Cookie=cookie, Accept="text/html", X_Vitrine_Peer="192.0.2.52")[0]
    assert last == 429


def test_one_address_does_not_push_out_anothers_login(server):
    mine = oauth(server, "/oauth/device", peer="192.0.2.60")[1]
    flood = [oauth(server, "/oauth/device", peer="192.0.2.61")[1] for _ in range(12)]
    assert poll(server, mine["device_code"])[1]["error"] == "authorization_pending"
    assert poll(server, flood[0]["device_code"])[1]["error"] == "expired_token"
    assert poll(server, flood[-1]["device_code"])[1]["error"] == "authorization_pending"
