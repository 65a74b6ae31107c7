"""The entries, kept in SQLite."""

import sqlite3
import threading

LONGEST_NAME = 60
LONGEST_TEXT = 500
NEWEST = 50


class Refused(ValueError):
    """An entry that is not taken; the message says why."""


def checked(name, text):
    """Name and text without the space around them, or `Refused`."""
    if not isinstance(name, str) or not isinstance(text, str):
        raise Refused("name and text have to be text")
    name, text = name.strip(), text.strip()
    if not name:
        raise Refused("a name is missing")
    if not text:
        raise Refused("a text is missing")
    if len(name) > LONGEST_NAME:
        raise Refused(f"a name has at most {LONGEST_NAME} characters")
    if len(text) > LONGEST_TEXT:
        raise Refused(f"a text has at most {LONGEST_TEXT} characters")
    return name, text


class Store:
    """One connection, which all threads of the server share."""

    def __init__(self, path=":memory:"):
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        with self._lock, self._connection:
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"
            )

    def add(self, name, text):
        """Keeps an entry and gives it back with its id."""
        name, text = checked(name, text)
        with self._lock, self._connection:
            cursor = self._connection.execute("INSERT INTO entry (name, text) VALUES (?, ?)", (name, text))
            return {"id": cursor.lastrowid, "name": name, "text": text}

    def newest(self):
        """The newest entries, newest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, name, text FROM entry ORDER BY id DESC LIMIT ?", (NEWEST,)
            ).fetchall()
        return [{"id": row[0], "name": row[1], "text": row[2]} for row in rows]

    def remove(self, entry):
        """Whether there was an entry of that id to take out."""
        with self._lock, self._connection:
            return self._connection.execute("DELETE FROM entry WHERE id = ?", (entry,)).rowcount == 1

    def answers(self):
        """Whether the database can be asked."""
        try:
            with self._lock:
                self._connection.execute("SELECT 1 FROM entry LIMIT 1").fetchall()
        except sqlite3.Error:
            return False
        return True

    def close(self):
        """Nothing is kept after that."""
        with self._lock:
            self._connection.close()
