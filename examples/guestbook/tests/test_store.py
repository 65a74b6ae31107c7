import pytest

from guestbook.store import LONGEST_NAME, LONGEST_TEXT, NEWEST, Refused, Store


def test_the_newest_comes_first():
    store = Store()
    store.add("Ada", "first")
    store.add("Grace", "second")
    assert [entry["name"] for entry in store.newest()] == ["Grace", "Ada"]


def test_only_so_many_are_shown():
    store = Store()
    for number in range(NEWEST + 1):
        store.add("Ada", str(number))
    assert len(store.newest()) == NEWEST


def test_entries_outlive_the_connection(tmp_path):
    path = tmp_path / "entries.db"
    store = Store(path)
    store.add("Zoë", "größer als 日本")
    store.close()
    assert Store(path).newest() == [{"id": 1, "name": "Zoë", "text": "größer als 日本"}]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("", "hello", "a name is missing"),
        ("Ada", "  ", "a text is missing"),
        ("a" * (LONGEST_NAME + 1), "hello", "a name has at most"),
        ("Ada", "a" * (LONGEST_TEXT + 1), "a text has at most"),
        (None, "hello", "have to be text"),
        ("Ada", 7, "have to be text"),
    ],
)
def test_what_is_refused(name, text, why):
    with pytest.raises(Refused, match=why):
        Store().add(name, text)


def test_what_is_taken_out_is_gone():
    store = Store()
    entry = store.add("Ada", "hello")
    assert store.remove(entry["id"])
    assert not store.remove(entry["id"])
    assert store.newest() == []
