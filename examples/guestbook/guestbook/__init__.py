"""A guestbook: a page and a small JSON interface over SQLite, with the standard library alone."""
