"""What is answered to which request. Nothing here knows of sockets, so that tests need none."""

import hmac
import html
import json
from dataclasses import dataclass, field

from guestbook.store import Refused


@dataclass
class Answer:
    """What goes back: a status, a body, and what kind of body it is."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict = field(default_factory=dict)


def as_json(status, value):
    """An answer for programs."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


class App:
    """The guestbook: its entries, what it is called, and the token of those who may take entries out."""

    def __init__(self, store, *, title="Guestbook", version="dev", token=""):
        self._store = store
        self._title = title
        self._version = version
        self._token = token

    def handle(self, method, path, headers, body=b""):
        """The answer to one request; names of headers are in small letters."""
        path = path.split("?", 1)[0]
        if path == "/" and method == "GET":
            return self._page()
        if path == "/health" and method == "GET":
            return self._health()
        if path == "/api/entries":
            if method == "GET":
                return as_json(200, {"entries": self._store.newest()})
            if method == "POST":
                return self._add(body)
            return as_json(405, {"error": "GET or POST"})
        if path.startswith("/api/entries/") and method == "DELETE":
            return self._remove(path.removeprefix("/api/entries/"), headers)
        return as_json(404, {"error": "nothing is here"})

    def _page(self):
        entries = "".join(
            f"<li><b>{html.escape(entry['name'])}</b>: {html.escape(entry['text'])}</li>"
            for entry in self._store.newest()
        )
        title = html.escape(self._title)
        page = f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{entries}</ul>'
        return Answer(200, page.encode(), "text/html; charset=utf-8")

    def _health(self):
        well = self._store.answers()
        return as_json(200 if well else 503, {"status": "ok" if well else "failing", "version": self._version})

    def _add(self, body):
        try:
            entry = json.loads(body)
        except ValueError:
            return as_json(400, {"error": "the body is not JSON"})
        if not isinstance(entry, dict):
            return as_json(400, {"error": "the body is not an object"})
        try:
            return as_json(201, self._store.add(entry.get("name"), entry.get("text")))
        except Refused as why:
            return as_json(422, {"error": str(why)})

    def _remove(self, entry, headers):
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if not self._token or not hmac.compare_digest(given.encode(), self._token.encode()):
            return as_json(403, {"error": "only who has the token takes entries out"})
        if not (entry.isascii() and entry.isdigit() and len(entry) <= 18) or not self._store.remove(int(entry)):
            return as_json(404, {"error": "no such entry"})
        return Answer(204, b"")
