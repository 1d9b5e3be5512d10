"""Branches, tags, duplicates, moves, templates and what comes with a new Space, by the unmodified huggingface_hub (hf-api.md 2.1, 2.2)."""
import uuid

import httpx
import pytest
from conftest import wait_for

pytest.importorskip("huggingface_hub")
from huggingface_hub import CommitOperationAdd, HfApi  # noqa: E402
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError  # noqa: E402


@pytest.fixture(scope="module")
def api(server):
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture(scope="module")
def stranger(server):
    return HfApi(endpoint=server.url, token=False)


@pytest.fixture(scope="module")
def me(api):
    return api.whoami()["name"]


@pytest.fixture(scope="module")
def other(server):
    done = server.admin("user", "add", "cleo-" + uuid.uuid4().hex[:6])
    assert done.returncode == 0, done.stderr
    return HfApi(endpoint=server.url, token=done.stdout.split()[1])


def fresh(me, word="r"):
    return f"{me}/{word}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def repo(api, me):
    repo_id = fresh(me)
    api.create_repo(repo_id, repo_type="space", space_sdk="static")
    yield repo_id
    api.delete_repo(repo_id, repo_type="space", missing_ok=True)


def put(api, repo, path, text, **kw):
    return api.create_commit(repo, [CommitOperationAdd(path, text.encode())], commit_message=f"put {path}", repo_type="space", **kw)


def read(api, repo, path, **kw):
    return open(api.hf_hub_download(repo, path, repo_type="space", **kw), encoding="utf-8").read()


def raw(server, method, path, token=None, **kw):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(method, server.url + path, headers=headers, **kw)


# ---- branches, tags, history ----

def test_branches(api, repo):
    first = api.list_repo_commits(repo, repo_type="space")[0].commit_id
    put(api, repo, "a.txt", "main")
    api.create_branch(repo, branch="old", revision=first, repo_type="space")
    api.create_branch(repo, branch="feature/x", repo_type="space")
    refs = api.list_repo_refs(repo, repo_type="space")
    assert {b.name: b.target_commit == first for b in refs.branches} == {"main": False, "old": True, "feature/x": False}
    assert {b.ref for b in refs.branches} == {"refs/heads/main", "refs/heads/old", "refs/heads/feature/x"}
    with pytest.raises(HfHubHTTPError, match="Reference refs/heads/old already exists") as seen:
        api.create_branch(repo, branch="old", repo_type="space")
    assert seen.value.response.status_code == 409
    api.create_branch(repo, branch="old", repo_type="space", exist_ok=True)
    with pytest.raises(HfHubHTTPError, match="collides"):
        api.create_branch(repo, branch="old/below", repo_type="space")
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(repo, branch="b", revision="nowhere", repo_type="space")
    for bad in ("a..b", "x.lock", "-x", "HEAD", "a b", "é" * 200):
        with pytest.raises(HfHubHTTPError) as seen:
            api.create_branch(repo, branch=bad, repo_type="space")
        assert seen.value.response.status_code == 400, bad

    put(api, repo, "b.txt", "on a branch", revision="feature/x")
    assert "b.txt" not in api.list_repo_files(repo, repo_type="space")
    assert read(api, repo, "b.txt", revision="feature/x") == "on a branch"
    assert [c.title for c in api.list_repo_commits(repo, repo_type="space", revision="feature/x")] == ["put b.txt", "put a.txt", "initial commit"]

    api.delete_branch(repo, branch="feature/x", repo_type="space")
    with pytest.raises(HfHubHTTPError, match="Invalid rev id"):
        api.delete_branch(repo, branch="feature/x", repo_type="space")
    with pytest.raises(HfHubHTTPError, match="Cannot delete refs/heads/main"):
        api.delete_branch(repo, branch="main", repo_type="space")


def test_tags(api, repo):
    first = api.list_repo_commits(repo, repo_type="space")[0].commit_id
    put(api, repo, "a.txt", "later")
    api.create_tag(repo, tag="v1", revision=first, tag_message="the first\none", repo_type="space")
    api.create_tag(repo, tag="light", repo_type="space")
    assert {t.name: t.target_commit == first for t in api.list_repo_refs(repo, repo_type="space").tags} == {"v1": True, "light": False}
    assert "a.txt" not in api.list_repo_files(repo, repo_type="space", revision="v1")
    with pytest.raises(HfHubHTTPError) as seen:
        api.create_tag(repo, tag="v1", repo_type="space")
    assert seen.value.response.status_code == 409
    api.create_tag(repo, tag="v1", repo_type="space", exist_ok=True)
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(repo, tag="v2", revision="nowhere", repo_type="space")
    api.create_branch(repo, branch="v1", repo_type="space")     # the name of a tag is free for a branch
    api.delete_tag(repo, tag="v1", repo_type="space")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="v1", repo_type="space")


def test_super_squash(api, repo):
    for i in range(3):
        put(api, repo, f"{i}.txt", str(i))
    before = api.list_repo_commits(repo, repo_type="space")[0].commit_id
    api.super_squash_history(repo, repo_type="space", commit_message="all of it")
    assert [c.title for c in api.list_repo_commits(repo, repo_type="space")] == ["all of it"]
    assert read(api, repo, "2.txt") == "2" and read(api, repo, "2.txt", revision=before) == "2"
    assert api.space_info(repo).sha == api.list_repo_commits(repo, repo_type="space")[0].commit_id
    with pytest.raises(RevisionNotFoundError):
        api.super_squash_history(repo, repo_type="space", branch="nowhere")


def test_references_are_their_owners(api, other, repo):
    for what in (lambda: other.create_branch(repo, branch="x", repo_type="space"), lambda: other.delete_branch(repo, branch="main", repo_type="space"),
                 lambda: other.create_tag(repo, tag="x", repo_type="space"), lambda: other.super_squash_history(repo, repo_type="space")):
        with pytest.raises(HfHubHTTPError) as seen:
            what()
        assert seen.value.response.status_code == 403


# ---- what comes with a new Space ----

def test_created_with_secrets_and_variables(api, server, me):
    repo = fresh(me)
    api.create_repo(repo, repo_type="space", space_sdk="static", space_variables=[{"key": "MODEL", "value": "small", "description": "which"}],
                    space_secrets=[{"key": "API_KEY", "value": "marker-" + "x" * 20, "description": "whose"}])
    assert api.get_space_variables(repo)["MODEL"].value == "small"
    secrets = raw(server, "GET", f"/api/spaces/{repo}/secrets", server.token)
    assert list(secrets.json()) == ["API_KEY"] and "marker" not in secrets.text
    api.delete_repo(repo, repo_type="space")


@pytest.mark.parametrize("extra, status, word", [
    ({"space_secrets": [{"key": "1bad", "value": "v"}]}, 400, "name"),
    ({"space_secrets": [{"key": "K", "value": "v"}], "space_variables": [{"key": "K", "value": "v"}]}, 400, "once"),
    ({"visibility": "protected"}, 400, "public or private"),
])
def test_what_cannot_come_makes_nothing(api, me, extra, status, word):
    repo = fresh(me)
    with pytest.raises(HfHubHTTPError, match=word) as seen:
        api.create_repo(repo, repo_type="space", space_sdk="static", **extra)
    assert seen.value.response.status_code == status
    assert not api.repo_exists(repo, repo_type="space")


def test_volumes_are_refused_before_anything_is_made(server, me):
    name = fresh(me).split("/")[1]
    answer = raw(server, "POST", "/api/repos/create", server.token, json={"name": name, "type": "space", "sdk": "static",
                 "volumes": [{"type": "bucket", "source": "a/b", "mountPath": "/data"}]})
    assert answer.status_code == 501 and "volumes" in answer.json()["error"]
    assert raw(server, "GET", f"/api/spaces/{me}/{name}", server.token).status_code == 404


def test_templates(api, me):
    templates = {t.name: t for t in api.list_space_templates()}
    assert {"gradio-hello", "static-hello", "streamlit-hello"} <= set(templates)
    assert templates["static-hello"].sdk == "static" and templates["static-hello"].repo_id == "vitrine/static-hello"
    repo = fresh(me, "tpl")
    api.create_repo(repo, repo_type="space", space_template="Static-Hello")
    assert {"index.html", "hello.js", "style.css", "README.md", ".gitattributes"} == set(api.list_repo_files(repo, repo_type="space"))
    info = api.space_info(repo)
    assert info.sdk == "static" and info.card_data["title"].startswith("Tpl ")
    wait_for(lambda: api.get_space_runtime(repo).stage == "RUNNING")
    api.delete_repo(repo, repo_type="space")


# ---- duplicate ----

def test_duplicate(api, server, repo, me):
    put(api, repo, "index.html", "<p>twice")
    api.create_tag(repo, tag="v1", repo_type="space")
    api.add_space_variable(repo, "MODEL", "small", description="which")
    api.add_space_variable(repo, "TOKEN", "public")
    api.add_space_secret(repo, "SECRET", "of the source")
    assert raw(server, "POST", f"/api/spaces/{repo}/like", server.token).status_code == 200
    to = fresh(me, "copy")
    url = api.duplicate_repo(repo, to, repo_type="space", space_secrets=[{"key": "TOKEN", "value": "mine"}],
                             space_variables=[{"key": "MORE", "value": "1"}])
    assert str(url) == f"{server.url}/spaces/{to}"
    assert [(c.commit_id, c.title) for c in api.list_repo_commits(to, repo_type="space")] == \
        [(c.commit_id, c.title) for c in api.list_repo_commits(repo, repo_type="space")]
    assert [t.name for t in api.list_repo_refs(to, repo_type="space").tags] == ["v1"]
    assert {k: v.value for k, v in api.get_space_variables(to).items()} == {"MODEL": "small", "MORE": "1"}
    assert list(raw(server, "GET", f"/api/spaces/{to}/secrets", server.token).json()) == ["TOKEN"]
    info = raw(server, "GET", f"/api/spaces/{to}", server.token).json()
    assert info["duplicatedFrom"] == repo and info["likes"] == 0 and info["cardData"]["sdk"] == "static"
    wait_for(lambda: api.get_space_runtime(to).stage == "RUNNING")
    assert "twice" in httpx.get(server.app_url(info["subdomain"])).text

    # Each goes its own way, and the copy outlives its source.
    put(api, to, "only.txt", "here")
    assert "only.txt" not in api.list_repo_files(repo, repo_type="space")
    api.delete_repo(repo, repo_type="space")
    assert read(api, to, "index.html") == "<p>twice"
    api.delete_repo(to, repo_type="space")


def test_duplicate_that_is_there_is_409_with_the_url(api, server, repo, me):
    to = fresh(me, "copy")
    api.duplicate_repo(repo, to, repo_type="space", visibility="private")
    assert api.space_info(to).private
    assert str(api.duplicate_repo(repo, to, repo_type="space", exist_ok=True)) == f"{server.url}/spaces/{to}"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.duplicate_repo(repo, to, repo_type="space")
    api.delete_repo(to, repo_type="space")


def test_duplicating_needs_the_right_to_read_and_to_create(api, server, other, stranger, repo, me):
    theirs = other.whoami()["name"]
    copy = fresh(theirs, "mine")
    other.duplicate_repo(repo, copy, repo_type="space")
    assert not other.space_info(copy).private
    other.delete_repo(copy, repo_type="space")
    with pytest.raises(HfHubHTTPError, match="403"):
        other.duplicate_repo(repo, fresh(me), repo_type="space")
    with pytest.raises(HfHubHTTPError, match="401"):
        stranger.duplicate_repo(repo, fresh(me), repo_type="space")
    api.update_repo_settings(repo, repo_type="space", visibility="private")
    with pytest.raises(RepositoryNotFoundError):
        other.duplicate_repo(repo, copy, repo_type="space")
    to = fresh(me, "copy")
    api.duplicate_repo(repo, to, repo_type="space")             # as private as its source
    assert api.space_info(to).private
    api.delete_repo(to, repo_type="space")
    api.duplicate_repo(repo, to, repo_type="space", visibility="public")
    assert "duplicatedFrom" not in raw(server, "GET", f"/api/spaces/{to}").json()       # nobody learns what the private one is called
    api.delete_repo(to, repo_type="space")


# ---- move ----

def test_move_and_what_the_old_name_does(api, server, stranger, me):
    old, new = fresh(me, "old"), fresh(me, "new")
    api.create_repo(old, repo_type="space", space_sdk="static")
    put(api, old, "index.html", "<p>moved")
    wait_for(lambda: api.get_space_runtime(old).stage == "RUNNING")
    label = api.space_info(old).subdomain
    api.move_repo(old, new, repo_type="space")
    assert api.space_info(new).id == new and api.space_info(old).id == new       # the client follows
    assert read(stranger, old, "index.html") == "<p>moved"
    assert put(api, old, "after.txt", "x").commit_url.startswith(f"{server.url}/spaces/{new}/commit/")
    assert "after.txt" in api.list_repo_files(new, repo_type="space")

    answer = raw(server, "GET", f"/api/spaces/{old}/tree/main?recursive=true", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/api/spaces/{new}/tree/main?recursive=true")
    answer = raw(server, "HEAD", f"/spaces/{old}/resolve/main/index.html", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/spaces/{new}/resolve/main/index.html")
    answer = raw(server, "GET", f"/spaces/{old}", follow_redirects=False)
    assert answer.status_code in (307, 308) and answer.headers["Location"] == f"/spaces/{new}"
    answer = raw(server, "POST", f"/spaces/{old}.git/info/lfs/objects/batch", json={}, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/spaces/{new}.git/info/lfs/objects/batch")

    # The app's host follows too.
    now = api.space_info(new).subdomain
    assert now != label
    wait_for(lambda: httpx.get(server.app_url(now)).status_code == 200)
    answer = httpx.get(server.app_url(label) + "/a?b=c")
    assert (answer.status_code, answer.headers["Location"]) == (307, server.app_url(now) + "/a?b=c")

    # Again, and both old names lead to the last one; a new Space takes its name back.
    third = fresh(me, "third")
    api.move_repo(new, third, repo_type="space")
    assert api.space_info(old).id == third and api.space_info(new).id == third
    api.create_repo(old, repo_type="space", space_sdk="static")
    assert api.space_info(old).id == old
    api.delete_repo(old, repo_type="space")
    assert not api.repo_exists(old, repo_type="space")
    api.delete_repo(third, repo_type="space")
    assert not api.repo_exists(new, repo_type="space")


def test_a_private_space_moves_out_of_sight(api, server, other, stranger, me):
    old, new = fresh(me, "old"), fresh(me, "hidden")
    api.create_repo(old, repo_type="space", space_sdk="static", visibility="private")
    label = api.space_info(old).subdomain
    api.move_repo(old, new, repo_type="space")
    assert api.space_info(old).id == new
    for client, status in ((other, 404), (stranger, 401)):
        assert not client.repo_exists(old, repo_type="space")
        answer = raw(server, "GET", f"/spaces/{old}/resolve/main/README.md", client.token or None, follow_redirects=False)
        assert answer.status_code == status and "hidden" not in answer.text + str(answer.headers)
    answer = httpx.get(server.app_url(label))
    assert "hidden" not in answer.text + str(answer.headers)
    api.delete_repo(new, repo_type="space")


def test_moves_that_are_refused(api, other, repo, me):
    taken = fresh(me, "taken")
    api.create_repo(taken, repo_type="space", space_sdk="static")
    for to, status in ((taken, 409), (f"{me}/a--b", 400), (f"{me}/x.git", 400), ("nobody-is-called-so/x", 403)):
        with pytest.raises(HfHubHTTPError) as seen:
            api.move_repo(repo, to, repo_type="space")
        assert seen.value.response.status_code == status, to
    with pytest.raises(RepositoryNotFoundError):
        api.move_repo(fresh(me), fresh(me), repo_type="space")
    with pytest.raises(HfHubHTTPError, match="403"):
        other.move_repo(repo, fresh(other.whoami()["name"]), repo_type="space")
    api.delete_repo(taken, repo_type="space")


def test_only_the_case_changes(api, me):
    old = fresh(me, "case")
    new = f"{me}/{old.split('/')[1].capitalize()}"
    api.create_repo(old, repo_type="space", space_sdk="static")
    label = api.space_info(old).subdomain
    api.move_repo(old, new, repo_type="space")
    info = api.space_info(new)
    assert info.id == new and info.subdomain == label
    api.delete_repo(new, repo_type="space")
    assert not api.repo_exists(old, repo_type="space")


# ---- likes ----

def test_likes_and_their_lists(api, server, other, repo):
    for token in (server.token, other.token):
        assert raw(server, "POST", f"/api/spaces/{repo}/like", token).json()["liked"] is True
    assert api.space_info(repo).likes == 2
    names = {api.whoami()["name"], other.whoami()["name"]}
    assert {u.username for u in api.list_repo_likers(repo, repo_type="space")} == names
    page = raw(server, "GET", f"/api/spaces/{repo}/likers?limit=1")
    assert len(page.json()) == 1
    more = httpx.get(page.links["next"]["url"])
    assert {page.json()[0]["user"], more.json()[0]["user"]} == names and "next" not in more.links
    assert repo in other.list_liked_repos().spaces
    other.unlike(repo, repo_type="space")
    assert repo not in other.list_liked_repos(other.whoami()["name"]).spaces and api.space_info(repo).likes == 1
