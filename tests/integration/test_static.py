"""A static Space at its own host: files of its release, nothing else (C-HF-112, hf-api.md 9.13)."""
import json
import os
import re
import uuid

import httpx
import pytest
from conftest import wait_for
from huggingface_hub import CommitOperationAdd

README = b"""---
title: Files
sdk: static
app_file: index.html
custom_headers:
  cross-origin-opener-policy: same-origin
---
"""
FILES = {"README.md": README, "index.html": b"<!doctype html><html><head><title>x</title></head><body>hi</body></html>",
         "css/site.css": b"body{}", "docs/index.html": b"<p>docs", "big.bin": bytes(range(256)) * 8192, "page.htm": b"no head at all",
         "a b/ä.txt": b"odd", "long.html": b"<head></head>" + b"<p>long</p>\n" * 200000}


class App:
    """The app's host; with VITRINE_SOLO=1 the server behind edge is asked as edge would."""

    def __init__(self, server, info):
        headers = {}
        self.url = info["host"]
        if os.environ.get("VITRINE_SOLO"):
            headers = {"X-Vitrine-Space": info["_id"], "X-Vitrine-Why": "static"}
            self.url = server.url
        self.client = httpx.Client(base_url=self.url, headers=headers)

    def get(self, path, **kw):
        return self.client.get(path, **kw)


@pytest.fixture(scope="module")
def app(server):
    api = server.api()
    repo = f"{api.whoami()['name']}/static-{uuid.uuid4().hex[:8]}"
    api.create_repo(repo, repo_type="space", space_sdk="static", space_variables=[{"key": "GREETING", "value": "</script><b>&"}])
    api.create_commit(repo, [CommitOperationAdd(p, c) for p, c in FILES.items()], commit_message="files", repo_type="space")
    info = httpx.get(f"{server.url}/api/spaces/{repo}").json()
    site = App(server, info)
    site.repo, site.api = repo, api
    wait_for(lambda: api.get_space_runtime(repo).stage == "RUNNING")
    wait_for(lambda: site.get("/css/site.css").status_code == 200)
    yield site
    api.delete_repo(repo, repo_type="space", missing_ok=True)


def test_index_has_the_variables_and_stays_whole(app):
    answer = app.get("/")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    script = re.search(r"<head><script>(.*?)</script>", answer.text).group(1)
    variables = json.loads(re.search(r"variables:(\{.*\})\}\);", script).group(1))
    assert variables["GREETING"] == "</script><b>&" and variables["SPACE_ID"] == app.repo
    assert re.sub(r"<script>.*?</script>", "", answer.text).encode() == FILES["index.html"]
    if not os.environ.get("VITRINE_SOLO"):      # edge adds them
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_page_without_a_head_gets_them_too(app):
    assert app.get("/page.htm").text.startswith("<script>window.huggingface")


def test_long_pages_come_from_a_file_and_get_them_too(app):
    answer = app.get("/long.html")
    assert answer.text.startswith("<head><script>window.huggingface")
    assert re.sub(r"<script>.*?</script>", "", answer.text).encode() == FILES["long.html"]
    part = app.get("/long.html", headers={"Range": "bytes=1500000-1500009"})
    assert part.status_code == 206 and part.content == answer.content[1500000:1500010]


def test_files_types_and_names(app):
    assert app.get("/css/site.css").headers["Content-Type"].startswith("text/css")
    assert app.get("/a%20b/%C3%A4.txt").content == b"odd"
    assert app.get("/big.bin").content == FILES["big.bin"]


def test_folders_lead_to_their_index(app):
    answer = app.get("/docs?x=1")
    assert answer.status_code == 307 and answer.headers["Location"] == "/docs/?x=1"
    assert "docs" in app.get("/docs/").text


def test_tags_ranges_and_no_store_of_old_pages(app):
    first = app.get("/big.bin")
    assert first.headers["Cache-Control"] == "no-cache"
    assert app.get("/big.bin", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    part = app.get("/big.bin", headers={"Range": "bytes=5-9"})
    assert part.status_code == 206 and part.content == FILES["big.bin"][5:10]
    assert app.get("/big.bin", headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize("path", ["/nothing", "/css/..%2fREADME.md", "/%2e%2e/x", "/.git/config", "/docs/nothing.html", "/css/"])
def test_what_is_not_there_is_404(app, path):
    answer = app.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "<script>alert" not in answer.text


def test_names_in_the_404_page_are_inert(app):
    answer = app.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "<script>alert" not in answer.text


def test_only_reading_is_possible(app):
    assert app.client.post("/", content=b"x").status_code == 405


def test_a_commit_changes_the_page(app):
    app.api.create_commit(app.repo, [CommitOperationAdd("index.html", b"<p>second")], commit_message="m", repo_type="space")
    wait_for(lambda: "second" in app.get("/").text)
