"""Values that options do not take: each is one sentence, which says where it is and what is."""

from pathlib import Path

import pytest

from openstats import conf
from openstats.conf.sources import FilesError
from openstats.conf.values import ValuesError
from tests.unprivileged import unprivileged

WRONG = {
    ("api", "port", "80a"): "must be an integer from 0 to 65535",
    ("api", "threads", "0"): "must be an integer from 1 to 64",
    ("api", "request_timeout", "x"): "must be a number of at least 0.1",
    ("api", "access_log", "maybe"): "must be true or false",
    ("api", "auth_strategy", "nobody"): "must be one of noauth, keystone",
    ("usage", "timezone", "Mars"): "must be the name of a time zone, such as UTC or Europe/Berlin",
    ("alerts", "quota_of_customers", "x"): "must be NAME:VALUE pairs, separated by commas",
    ("clouds", "customer_regex", "$foo"): "write $$ for a dollar sign",
    (
        "alerts",
        "receivers",
        "a b",
    ): "each item 1 to 64 letters, digits, '.', '_' or '-', and neither",
    ("alerts", "severities", "x:Bad"): "each VALUE one of Debug, Info, Warning, Error",
    ("alerts", "quota_of_customers", "u:x"): "each VALUE WARNING/ERROR in percent",
    ("DEFAULT", "use_stderr", "vielleicht"): "must be true or false",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "openstats.conf"


def sentences(path: Path, *directories: Path) -> list[str]:
    with pytest.raises((ValuesError, FilesError)) as raised:
        conf.load([str(path)], list(map(str, directories)))
    return raised.value.sentences


@pytest.mark.parametrize("wrong", WRONG, ids="-".join)
def test_a_wrong_value_is_named_with_what_is_allowed(path: Path, wrong: tuple[str, ...]) -> None:
    group, name, text = wrong
    path.write_text(f"[{group}]\n{name} = {text}\n")
    (sentence,) = sentences(path)
    assert sentence.startswith(f"{path}: [{group}] {name} = {text}: ")
    assert WRONG[wrong] in sentence
    assert "^" not in sentence


def test_a_value_that_may_hold_a_password_is_not_shown(path: Path) -> None:
    path.write_text("[clouds]\nmeter_options = topsecret\n")
    (sentence,) = sentences(path)
    rule = "must be NAME:VALUE pairs, separated by commas"
    assert sentence == f"{path}: [clouds] meter_options: {rule}"


def test_all_wrong_values_are_named_at_once(path: Path) -> None:
    path.write_text(
        "[api]\nport = x\nthreads = y\n[receiver:p]\nkind = z\n[alerts]\nreceivers = p\n"
    )
    assert len(sentences(path)) == 3


def test_the_file_or_variable_that_decides_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("[api]\nport = x\n")
    directory = path.parent / "conf.d"
    directory.mkdir()
    later = directory / "a.conf"
    later.write_text("[api]\nport = y\n")
    assert sentences(path, directory) == [
        f"{later}: [api] port = y: must be an integer from 0 to 65535"
    ]
    monkeypatch.setenv("OS_API__PORT", "z")
    assert sentences(path, directory) == [
        "OS_API__PORT: [api] port = z: must be an integer from 0 to 65535"
    ]


def test_a_secret_is_not_shown(path: Path) -> None:
    path.write_text("[database]\nconnection = $topsecret\n")
    (sentence,) = sentences(path)
    assert sentence.startswith(f"{path}: [database] connection: ")
    assert "topsecret" not in sentence


def test_files_that_cannot_be_read_are_named_with_the_reason(path: Path) -> None:
    nowhere = path.parent / "nowhere"
    assert sentences(path, nowhere) == [
        f"{path} does not exist: create it, or correct --config-file",
        f"{nowhere} does not exist: create it, or correct --config-dir",
    ]
    path.touch()
    assert sentences(path.parent) == [
        f"{path.parent} is a directory: use --config-dir for a directory"
    ]
    assert sentences(path, path) == [f"{path} is not a directory: use --config-file for a file"]


def test_a_file_that_may_not_be_read_is_named(path: Path) -> None:
    path.touch(0)
    with unprivileged():
        (sentence,) = sentences(path)
    assert sentence.startswith(
        f"{path} cannot be read: Permission denied. Make it readable for the user"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[keystone_authtoken]\npassword topsecret\n", 2),
        ("[keystone_authtoken\npassword = topsecret\n", 1),
        ("password = topsecret\n", 1),
        ("[api]\n\n topsecret\n", 3),
        ("[api]\n= topsecret\n", 2),
    ],
)
def test_a_line_that_is_not_understood_is_named_and_not_shown(
    path: Path, text: str, line: int
) -> None:
    path.write_text(text)
    rule = "must be [GROUP], OPTION = VALUE below one, or a # comment"
    assert sentences(path) == [f"{path}, line {line}: {rule}"]


def test_a_file_in_another_encoding_is_named(path: Path) -> None:
    path.write_bytes(b"[api]\n# \xfc\n")
    assert sentences(path) == [f"{path} is not UTF-8: save it in that encoding"]


def test_a_line_in_a_directory_of_files_is_named(path: Path) -> None:
    path.touch()
    (path.parent / "more").mkdir()
    wrong = path.parent / "more" / "a.conf"
    wrong.write_text("topsecret\n")
    (sentence,) = sentences(path, wrong.parent)
    assert sentence.startswith(f"{wrong}, line 1: must be")
