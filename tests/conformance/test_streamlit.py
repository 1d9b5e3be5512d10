"""A real Streamlit app in a real Chromium through the public port: its WebSocket is the page."""
import pytest

from conftest import ROOT

APP = ROOT / "templates/streamlit-hello"


@pytest.fixture(scope="module")
def url(server):
    run = server.cli("deploy", APP, "--name", f"{server.owner}/streamlit-conf", timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    return server.app_url("admin-streamlit-conf")


def test_the_page_renders_and_reacts(url):
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(url)
        page.get_by_text("Hello world!").wait_for(timeout=30000)
        page.get_by_role("button", name="Count").click()
        page.get_by_text("Counted to 1.").wait_for(timeout=30000)
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Your name").press("Enter")
        page.get_by_text("Hello Ada!").wait_for(timeout=30000)
        (ROOT / "build/screens").mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ROOT / "build/screens/streamlit.png")
        browser.close()
    assert not errors
