"""The search for secrets in what openstats wrote, in which the functional tests end."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.devcloud.plan import PASSWORD
from tests.double import Settings
from tests.functional import leaks, personas

SECRET = "a secret/of ours"
TOKEN = "gAAAAABl" + "x-_9" * 40


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give an installation in which all is as it should be."""
    for name in leaks.HOLDERS:
        (tmp_path / name).write_text(f"password = {SECRET}\n")
    (tmp_path / "serve.log").write_text("ready\nX-Auth-Token: {SHA256}a5c1\na secret, of ours\n")
    (tmp_path / "said.txt").write_text('{"name": "gAAAAshort"}\n')
    with closing(sqlite3.connect(tmp_path / "openstats.sqlite")) as db:
        db.execute("CREATE TABLE job (error TEXT)")
        db.execute("INSERT INTO job VALUES ('HTTP 401')")
        db.commit()
    peer = tmp_path / "gnocchi"
    peer.mkdir()
    (peer / "gnocchi.conf").write_text(f"password = {SECRET}")
    (tmp_path / ".novaclient").mkdir()
    return tmp_path


def searched(home: Path, *secrets: str) -> list[str]:
    watch = leaks.Watch()
    watch.add(home, [SECRET, *secrets])
    return watch.leaks()


def test_where_there_is_none_nothing_is_found(home: Path) -> None:
    assert searched(home) == []
    assert leaks.Watch().leaks() == []
    assert searched(home / "not there") == []


@pytest.mark.parametrize("name", ["serve.log", "said.txt", "new.log", ".novaclient/cache"])
@pytest.mark.parametrize(
    ("leak", "what"),
    [
        (SECRET, "a password of 16 characters"),
        ("a%20secret%2Fof%20ours", "a password of 16 characters"),
        (TOKEN, "a token"),
    ],
)
def test_a_leak_is_found_with_its_place(home: Path, name: str, leak: str, what: str) -> None:
    path = home / name
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n: {leak}\n")
    line, byte = before.count("\n") + 2, len(before) + 3
    assert searched(home) == [f"{path}:{line}: {what}, at byte {byte}"]


def test_every_leak_is_found_and_none_is_repeated(home: Path) -> None:
    other = "something else that is secret"
    (home / "collect.log").write_text(f"{SECRET} {other}\n{SECRET}\n")
    found = searched(home, other)
    assert len(found) == 3
    assert not [place for place in found if SECRET in place or other in place]


def test_a_leak_in_the_store_is_found(home: Path) -> None:
    with closing(sqlite3.connect(home / "openstats.sqlite")) as db:
        db.execute("INSERT INTO job VALUES (?)", (f"{'x' * 9000} {SECRET}",))
        db.commit()
    (place,) = searched(home)
    assert place.startswith(f"{home / 'openstats.sqlite'}:")


def test_ordinary_words_are_not_looked_for(home: Path) -> None:
    (home / "serve.log").write_text("admin secret password topsecret")
    assert searched(home, "admin", "secret", "password", "topsecret", "") == []


def test_the_secrets_of_one_are_looked_for_in_all(home: Path, tmp_path: Path) -> None:
    watch = leaks.Watch()
    watch.add(home, [])
    watch.add(tmp_path / "other", ["of the other one"])
    (home / "serve.log").write_text("of the other one")
    assert len(watch.leaks()) == 1


def test_the_passwords_of_the_tests_are_no_ordinary_words() -> None:
    for password in (PASSWORD, personas.PASSWORD, Settings().password):
        assert len(password) >= leaks.SHORTEST
