"""Accounts, lists, likes and variables with the real huggingface_hub and hf (hf-api.md 1, 2.4, 2.5, 5.1, 6)."""
import os
import re
import subprocess
import uuid

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

ISO_Z = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture(scope="module")
def api(server):
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture(scope="module")
def other(server):
    """A second, ordinary user: (name, HfApi)."""
    if os.environ.get("VITRINE_OTHER_TOKEN"):
        token = os.environ["VITRINE_OTHER_TOKEN"]
    else:
        name = "bob-" + uuid.uuid4().hex[:6]
        done = server.admin("user", "add", name)
        assert done.returncode == 0, done.stderr
        token = done.stdout.split()[1]
    other = HfApi(endpoint=server.url, token=token)
    return other.whoami()["name"], other


@pytest.fixture(scope="module")
def anonymous(server):
    return HfApi(endpoint=server.url, token=False)


@pytest.fixture(scope="module")
def me(api):
    return api.whoami()["name"]


@pytest.fixture(scope="module")
def spaces(api, me):
    """Three Spaces of this run alone: two public ones, one private one. Names share a word to search for."""
    word = "w" + uuid.uuid4().hex[:10]
    ids = [f"{me}/{word}-{i}" for i in range(3)]
    for i, repo in enumerate(ids):
        api.create_repo(repo, repo_type="space", space_sdk="static", private=i == 2)
    yield word, ids
    for repo in ids:
        api.delete_repo(repo, repo_type="space", missing_ok=True)


def get(server, path, token=None, **kw):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(server.url + path, headers=headers, **kw)


# ---- who asks ----

def test_whoami_has_every_field_that_clients_need(server):
    answer = get(server, "/api/whoami-v2", server.token)
    assert answer.status_code == 200
    who = answer.json()
    assert who["type"] == "user" and who["orgs"] == []
    assert who["name"] and who["fullname"] and who["avatarUrl"].startswith(server.url)
    assert who["auth"]["accessToken"]["role"] == "write" and who["auth"]["accessToken"]["displayName"]
    picture = httpx.get(who["avatarUrl"])
    assert picture.status_code == 200 and picture.headers["content-type"] == "image/svg+xml"


def test_hf_auth_whoami(server, me):
    done = subprocess.run(["hf", "auth", "whoami"], env=server.client_env(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert me in done.stdout


def test_without_a_token_whoami_is_401(server):
    answer = get(server, "/api/whoami-v2")
    assert answer.status_code == 401
    assert isinstance(answer.json()["error"], str) and answer.headers["x-error-message"]


def test_a_wrong_token_is_told_even_on_public_reads(server):
    for path in "/api/whoami-v2", "/api/spaces", "/api/agent-harnesses":
        answer = get(server, path, "hf_wrong")
        assert answer.status_code == 401, path
        assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"


def test_calls_that_every_process_makes(server):
    assert get(server, "/api/agent-harnesses").json() == {"standardEnvVars": [], "harnesses": {}}
    answer = httpx.head(server.url + "/api/telemetry/gradio/initiated")
    assert answer.status_code in (200, 204) and answer.content == b""


def test_overview_by_name_and_by_id(server, api, me):
    user = api.get_user_overview(me)
    assert user.username == me and user.avatar_url.startswith(server.url)
    raw = get(server, f"/api/users/{me}/overview").json()
    assert get(server, f"/api/users/{raw['_id']}/overview").json()["user"] == me
    assert raw["type"] == "user" and raw["numModels"] == 0


def test_an_unknown_user_and_any_organization_are_404_objects(server, api):
    with pytest.raises(HfHubHTTPError) as unknown:
        api.get_user_overview("nobody-of-this-name")
    assert unknown.value.response.status_code == 404
    with pytest.raises(HfHubHTTPError) as organization:
        api.get_organization_overview("huggingface")
    assert organization.value.response.status_code == 404
    assert isinstance(get(server, "/api/organizations/x/overview").json()["error"], str)


def test_auth_check_tells_reading_from_writing(api, other, spaces):
    _, (public, _, private) = spaces
    api.auth_check(public, repo_type="space", write=True)
    other[1].auth_check(public, repo_type="space")
    with pytest.raises(HfHubHTTPError) as denied:
        other[1].auth_check(public, repo_type="space", write=True)
    assert denied.value.response.status_code == 403
    with pytest.raises(RepositoryNotFoundError):
        other[1].auth_check(private, repo_type="space")


# ---- lists ----

def listed(api, **kw):
    return [s.id for s in api.list_spaces(**kw)]


def test_the_newest_come_first_and_private_ones_for_their_owner_only(api, other, anonymous, spaces, me):
    word, (first, second, private) = spaces
    assert listed(api, search=word, sort="created_at") == [private, second, first]
    assert listed(other[1], search=word, sort="created_at") == [second, first]
    assert listed(anonymous, search=word, sort="created_at") == [second, first]
    assert listed(api, author=me.upper(), search=word, limit=1, sort="created_at") == [private]
    assert listed(api, author="nobody-of-this-name") == []


def test_filters_are_tags(api, spaces):
    word, (first, second, private) = spaces
    assert set(listed(api, search=word, filter="static")) == {first, second, private}
    assert listed(api, search=word, filter=["static", "gradio"]) == []
    assert listed(api, search=word, models="gpt2") == []


def test_full_and_expand_say_more_and_less(server, api, spaces):
    word, (first, _, _) = spaces
    info = next(s for s in api.list_spaces(search=word, full=True) if s.id == first)
    assert info.sha and re.fullmatch("[0-9a-f]{40}", info.sha)
    assert {f.rfilename for f in info.siblings} >= {"README.md", ".gitattributes"}
    assert info.sdk == "static" and info.private is False and info.created_at and info.last_modified
    short = get(server, "/api/spaces", params={"search": word, "expand": ["likes", "xetEnabled"]}).json()
    assert all(set(s) == {"_id", "id", "likes", "xetEnabled"} for s in short)
    brackets = get(server, f"/api/spaces?search={word}&expand%5B%5D=sdk").json()
    assert all(set(s) == {"_id", "id", "sdk"} for s in brackets)
    runtime = [s.runtime for s in api.list_spaces(search=word, expand=["runtime"])]
    assert all(r is None or r.stage for r in runtime)


def test_addresses_and_times_have_the_form_that_clients_parse(server, spaces):
    word, ids = spaces
    for space in get(server, "/api/spaces", params={"search": word}).json():
        assert ISO_Z.match(space["createdAt"]) and ISO_Z.match(space["lastModified"])
        assert re.fullmatch("[0-9a-f]{24}", space["_id"])
        port = server.url.rsplit(":", 1)[1]
        assert space["host"] == f"http://{space['subdomain']}.{server.domain}:{port}"
        assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", space["subdomain"])
        assert space["id"] in ids


def test_pages_link_to_the_next_with_every_parameter(server, spaces):
    word, (first, second, private) = spaces
    seen, url = [], f"{server.url}/api/spaces?search={word}&sort=createdAt&limit=1&expand=likes&expand=sdk"
    while url:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {server.token}"})
        page = answer.json()
        assert len(page) == 1 and set(page[0]) == {"_id", "id", "likes", "sdk"}
        seen.append(page[0]["id"])
        link = answer.headers.get("link")
        url = re.fullmatch(r'<(https?://[^>]+)>; rel="next"', link).group(1) if link else None
        assert not url or url.startswith(server.url + "/api/spaces?")
    assert seen == [private, second, first]


def test_the_client_follows_pages(api, spaces):
    word, ids = spaces
    assert len(listed(api, search=word, limit=2)) == 2
    assert set(listed(api, search=word)) == set(ids)


@pytest.mark.parametrize("query", ["sort=nonsense", "limit=x", "limit=-1", "direction=up", "cursor=-5"])
def test_bad_parameters_are_400_with_a_sentence(server, query):
    answer = get(server, f"/api/spaces?{query}")
    assert answer.status_code == 400 and answer.json()["error"]


@pytest.mark.parametrize("search", ["'; DROP TABLE repos; --", "%", "_", "\\", "a" * 5000, "\u0000x", "🤗"])
def test_searches_are_text_and_nothing_else(server, search):
    answer = get(server, "/api/spaces", params={"search": search})
    assert answer.status_code == 200 and isinstance(answer.json(), list)


def test_models_and_datasets_are_empty_lists(api):
    assert list(api.list_models(author="x")) == [] and list(api.list_datasets(search="y")) == []


def test_models_and_datasets_are_told_missing_in_the_words_of_the_client(api, anonymous):
    for kind in "model", "dataset":
        assert api.repo_exists("nobody/nothing", repo_type=kind) is False
        assert anonymous.file_exists("nobody/nothing", "config.json", repo_type=kind) is False
        with pytest.raises(RepositoryNotFoundError):
            api.unlike("nobody/nothing", repo_type=kind)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("gpt2")


def test_search_finds_by_words(api, server, spaces):
    word, (first, second, private) = spaces
    found = list(api.search_spaces(f"an app called {word}", include_non_running=True))
    assert {s.id for s in found} >= {first, second, private}
    assert {s.id for s in api.search_spaces(word, sdk=["gradio", "static"], include_non_running=True)} == {first, second, private}
    assert list(api.search_spaces(word, sdk="docker", include_non_running=True)) == []
    assert get(server, "/api/spaces/semantic-search").status_code == 400


def test_templates_and_hardware(api):
    assert all(t.repo_id == f"vitrine/{t.name}" for t in api.list_space_templates())
    hardware = {h.name: h for h in api.list_spaces_hardware()}
    assert hardware["cpu-basic"].accelerator is None and hardware["cpu-basic"].unit_cost_usd == 0


def test_own_repositories_with_their_size(api, me, other, spaces):
    _, ids = spaces
    mine = {r.id: r for r in api.list_user_repos()}
    assert set(ids) <= set(mine)
    assert mine[ids[0]].storage > 0 and mine[ids[0]].visibility == "public" and mine[ids[2]].visibility == "private"
    assert set(ids) <= {r.id for r in api.list_user_repos(me)}
    with pytest.raises(HfHubHTTPError) as denied:
        list(other[1].list_user_repos(me))
    assert denied.value.response.status_code == 403


def test_hf_repos_ls(server, spaces):
    done = subprocess.run(["hf", "repos", "ls"], env=server.client_env(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert spaces[1][0] in done.stdout


# ---- likes ----

def like(server, repo, token):
    return httpx.post(f"{server.url}/api/spaces/{repo}/like", headers={"Authorization": f"Bearer {token}"} if token else {})


def test_likes_are_given_listed_and_taken_back(server, api, other, spaces, me):
    _, (repo, _, private) = spaces
    name, bob = other
    assert like(server, repo, bob.token).json() == {"liked": True, "likes": 1}
    assert like(server, repo, bob.token).json()["likes"] == 1
    assert like(server, repo, server.token).json()["likes"] == 2
    likers = {u.username: u for u in api.list_repo_likers(repo, repo_type="space")}
    assert set(likers) == {name, me} and likers[me].avatar_url and likers[me].fullname
    assert repo in bob.list_liked_repos().spaces
    assert repo in api.list_liked_repos(name).spaces
    assert api.space_info(repo, expand=["likes"]).likes == 2
    bob.unlike(repo, repo_type="space")
    assert repo not in bob.list_liked_repos().spaces
    assert [u.username for u in api.list_repo_likers(repo, repo_type="space")] == [me]


def test_likes_need_a_token_and_a_repository_that_one_can_see(server, other, spaces):
    _, (repo, _, private) = spaces
    assert like(server, repo, None).status_code == 401
    hidden = like(server, private, other[1].token)
    assert hidden.status_code == 404 and hidden.headers["x-error-code"] == "RepoNotFound"
    with pytest.raises(RepositoryNotFoundError):
        other[1].unlike("nobody/nothing", repo_type="space")


def test_likes_of_private_spaces_are_not_told_to_others(server, api, other, spaces, me):
    _, (_, _, private) = spaces
    assert like(server, private, server.token).status_code == 200
    assert private in api.list_liked_repos().spaces
    assert private not in other[1].list_liked_repos(me).spaces
    api.unlike(private, repo_type="space")


# ---- variables and secrets ----

def test_variables_are_a_full_map_after_every_call(api, anonymous, spaces):
    _, (repo, _, _) = spaces
    assert api.get_space_variables(repo) == {}
    one = api.add_space_variable(repo, "MODEL", "gpt2", description="which one")
    assert one["MODEL"].value == "gpt2" and one["MODEL"].description == "which one" and one["MODEL"].updated_at
    two = api.add_space_variable(repo, "EMPTY", "")
    assert set(two) == {"MODEL", "EMPTY"} and two["EMPTY"].value == ""
    assert api.add_space_variable(repo, "MODEL", "é🤗\n")["MODEL"].value == "é🤗\n"
    assert set(anonymous.get_space_variables(repo)) == {"MODEL", "EMPTY"}
    assert set(api.delete_space_variable(repo, "EMPTY")) == {"MODEL"}
    assert set(api.delete_space_variable(repo, "NEVER_WAS")) == {"MODEL"}
    assert api.delete_space_variable(repo, "MODEL") == {}


@pytest.mark.parametrize("body", [{}, {"key": "A"}, {"key": "A", "value": 1}, {"key": "", "value": "x"}, {"key": "1A", "value": "x"},
                                  {"key": "A=B", "value": "x"}, {"key": "A" * 200, "value": "x"}, {"key": "A", "value": "x" * 70000},
                                  {"key": "A", "value": "x", "description": 5}, [], "x"])
def test_bad_variables_are_400_and_change_nothing(server, api, spaces, body):
    _, (repo, _, _) = spaces
    answer = httpx.post(f"{server.url}/api/spaces/{repo}/variables", json=body, headers={"Authorization": f"Bearer {server.token}"})
    assert answer.status_code == 400 and isinstance(answer.json()["error"], str), answer.text
    assert "A" not in api.get_space_variables(repo)


def test_variables_of_others_cannot_be_written_nor_seen_when_private(other, spaces):
    _, (repo, _, private) = spaces
    with pytest.raises(HfHubHTTPError) as denied:
        other[1].add_space_variable(repo, "A", "b")
    assert denied.value.response.status_code == 403
    with pytest.raises(RepositoryNotFoundError):
        other[1].get_space_variables(private)
    with pytest.raises(RepositoryNotFoundError):
        other[1].add_space_variable(private, "A", "b")


def test_secrets_go_in_and_never_come_out(api, spaces):
    _, (repo, _, _) = spaces
    api.add_space_secret(repo, "TOKEN", "s3cret", description="for the model")
    listed = api.get_space_secrets(repo)
    assert set(listed) == {"TOKEN"} and listed["TOKEN"].description == "for the model" and listed["TOKEN"].updated_at
    assert "s3cret" not in repr(listed)
    api.add_space_secret(repo, "TOKEN", "other")
    assert set(api.get_space_secrets(repo)) == {"TOKEN"} and api.get_space_secrets(repo)["TOKEN"].description is None
    api.delete_space_secret(repo, "TOKEN")
    api.delete_space_secret(repo, "TOKEN")
    assert api.get_space_secrets(repo) == {}


def test_bad_json_says_where(server, spaces):
    answer = httpx.post(f"{server.url}/api/spaces/{spaces[1][0]}/variables", content=b'{"key": ',
                        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"})
    assert answer.status_code == 400 and "line 1" in answer.json()["error"]


def test_client_maps_bad_requests(api, spaces):
    with pytest.raises(BadRequestError):
        api.add_space_variable(spaces[1][0], "not a name", "x")
