import json

import pytest

from guestbook.app import App
from guestbook.store import Store

TOKEN = "of-the-tests"


@pytest.fixture
def app():
    return App(Store(), title="Book & pen", version="7", token=TOKEN)


def post(app, value):
    return app.handle("POST", "/api/entries", {}, json.dumps(value).encode())


def test_an_entry_is_kept_and_listed(app):
    assert post(app, {"name": "Ada", "text": "hello"}).status == 201
    listed = json.loads(app.handle("GET", "/api/entries?page=1", {}).body)
    assert listed == {"entries": [{"id": 1, "name": "Ada", "text": "hello"}]}


def test_the_page_shows_text_as_text(app):
    post(app, {"name": "Ada", "text": "<script>alert(1)</script>"})
    page = app.handle("GET", "/", {}).body.decode()
    assert "Book &amp; pen" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[]", 400), (b"{}", 422), (b'{"name": "Ada", "text": ""}', 422)],
)
def test_what_is_no_entry(app, body, status):
    assert app.handle("POST", "/api/entries", {}, body).status == status


def test_health_tells_the_version_and_whether_the_database_answers():
    store = Store()
    app = App(store, version="7")
    answer = app.handle("GET", "/health", {})
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok", "version": "7"})
    store.close()
    assert app.handle("GET", "/health", {}).status == 503


@pytest.mark.parametrize(
    ("given", "status"), [("", 403), ("Bearer guessed", 403), ("Bearer é", 403), (f"Bearer {TOKEN}", 204)]
)
def test_only_the_token_takes_entries_out(app, given, status):
    post(app, {"name": "Ada", "text": "hello"})
    assert app.handle("DELETE", "/api/entries/1", {"authorization": given}).status == status


def test_without_a_token_nobody_takes_entries_out():
    app = App(Store())
    assert app.handle("DELETE", "/api/entries/1", {"authorization": "Bearer "}).status == 403


@pytest.mark.parametrize("entry", ["2", "one", "", "²", "9" * 30])
def test_no_such_entry(app, entry):
    assert app.handle("DELETE", f"/api/entries/{entry}", {"authorization": f"Bearer {TOKEN}"}).status == 404


def test_other_ways(app):
    assert app.handle("PUT", "/api/entries", {}).status == 405
    assert app.handle("GET", "/nowhere", {}).status == 404
