"""The command line itself: help, configuration, store, and errors in one line."""

import argparse
import io
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from openstats import __version__
from openstats.cli.main import Openstats, OpenstatsCommand
from openstats.storage.schema.tables import HEAD
from tests.cli.installation import Installation
from tests.cli.rows import sql


def test_help_lists_every_command(bare: Installation) -> None:
    told = bare.run("--help")
    assert (told.status, told.err) == (0, "")
    commands = [each.name.replace("_", " ") for each in entry_points(group="openstats.commands")]
    assert len(commands) >= 11
    for name in commands:
        assert f"\n  {name} " in told.out
    listed = told.out.partition("Commands:\n")[2].splitlines()
    named = [f"  {name}  " for name, _ in Openstats().command_manager]
    width = max(map(len, named))
    # The texts of all commands begin in one column.
    assert sorted(line[:width] for line in listed) == sorted(f"{name:<{width}}" for name in named)
    assert all(line[width] != " " for line in listed)


def test_every_command_has_help(bare: Installation) -> None:
    for name, command in Openstats().command_manager:
        told = bare.run(*name.split(), "--help")
        assert told.status == 0
        assert f"usage: openstats {name}" in told.out
        assert command.load().__doc__.splitlines()[0] in " ".join(told.out.split())
        assert "openstats plugin" not in told.out


def test_without_a_command_it_prints_its_help(bare: Installation) -> None:
    told = bare.run()
    assert (told.status, told.err) == (0, "")
    assert told == bare.run("--help")


def test_files_of_a_directory_are_read_after_the_file(bare: Installation) -> None:
    directory = bare.directory / "conf.d"
    directory.mkdir()
    (directory / "1.conf").write_text("[database]\nconnection = nonsense\n")
    last = directory / "2.conf"
    last.write_text(f"[database]\nconnection = sqlite:///{bare.directory}/second.sqlite\n")
    told = bare.run("--config-dir", str(directory), "db", "upgrade")
    assert (told.status, told.err) == (0, "")
    assert "second.sqlite" in told.out
    assert "does-not-exist" in bare.sentence("--config-dir", "/does-not-exist", "db", "upgrade")


def test_version_is_printed(bare: Installation) -> None:
    told = bare.run("--version")
    assert (told.status, told.err) == (0, "")
    assert told.out.endswith(f" {__version__}\n")


@pytest.mark.parametrize(
    "words", [["nonsense"], ["stats"], ["registry"], ["collect", "--nonsense"]], ids=" ".join
)
def test_unknown_command_is_refused(bare: Installation, words: list[str]) -> None:
    told = bare.run(*words)
    assert told.status == 2
    assert "Traceback" not in told.err


def test_the_store_is_made_and_brought_up_to_date(bare: Installation) -> None:
    for _ in range(2):
        told = bare.run("db", "upgrade")
        assert told == (0, f"The store sqlite:///{bare.store} is at schema {HEAD}.\n", "")
    assert bare.run("stats", "customer").status == 0


def test_only_the_directory_of_the_default_store_is_made(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistyped = bare.directory / "some" / "where"
    bare.configure("database", connection=f"sqlite:///{mistyped}/openstats.sqlite")
    assert f"there is no directory {mistyped}" in bare.sentence("db", "upgrade")
    assert not mistyped.exists()
    default = bare.directory / "state" / "openstats"
    bare.configure("database", connection=f"sqlite:///{default}/openstats.sqlite")
    monkeypatch.setenv("XDG_STATE_HOME", str(default.parent))
    assert bare.run("db", "upgrade").status == 0
    assert (default / "openstats.sqlite").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["stats", "customer"],
        ["stats", "resource", "https://keystone.example:5000"],
        ["registry", "export"],
        ["collect", "--once"],
        ["discover"],
        ["serve", "--port", "0"],
    ],
)
def test_a_store_without_schema_is_refused(bare: Installation, words: list[str]) -> None:
    bare.clouds(alpha={"auth": {"auth_url": "http://127.0.0.1:1"}})
    assert bare.sentence(*words) == (
        f"the store sqlite:///{bare.store} has schema none and this version needs {HEAD}: "
        "run 'openstats db upgrade'"
    )


def test_a_store_of_another_schema_is_refused(installed: Installation) -> None:
    sql(installed, "UPDATE alembic_version SET version_num = '0000'")
    said = installed.sentence("stats", "customer")
    assert f"has schema 0000 and this version needs {HEAD}: run 'openstats db upgrade'" in said
    sql(installed, "UPDATE alembic_version SET version_num = '9999'")
    for words in (["stats", "customer"], ["db", "upgrade"]):
        assert "has schema 9999, of a newer openstats" in installed.sentence(*words)


def test_an_upgrade_without_a_configuration_says_which_store_it_makes(tmp_path: Path) -> None:
    environ = os.environ | {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    printed = subprocess.run(
        [sys.executable, "-m", "openstats.cli.main", "db", "upgrade"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    store = f"sqlite:///{tmp_path}/openstats/openstats.sqlite"
    assert printed.stderr == f"No configuration file found: using the store {store}.\n"
    assert printed.stdout == f"The store {store} is at schema {HEAD}.\n"


def test_a_file_that_is_no_store_is_refused(bare: Installation) -> None:
    bare.store.write_text("certainly no database, of more than sixteen bytes")
    assert "file is not a database" in bare.sentence("stats", "customer")
    assert "file is not a database" in bare.sentence("db", "upgrade")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a:topsecret@b/c",
        "nonsense",
        "sqlite://",
        "postgresql+psycopg://me:topsecret@host:54a2/openstats",
    ],
)
def test_an_invalid_store_url_is_refused_without_its_password(bare: Installation, url: str) -> None:
    bare.configure("database", connection=url)
    said = bare.sentence("db", "upgrade")
    assert said.startswith("[database] connection: must be sqlite:///FILE, ")
    assert "topsecret" not in said


@pytest.mark.parametrize("password", ["top@secret", "@topsecret", "topsecret@", "p@$$top@secret"])
def test_a_password_with_an_at_sign_is_not_printed(bare: Installation, password: str) -> None:
    escaped = password.replace("$", "$$")
    bare.configure("database", connection=f"postgresql+psycopg://me:{escaped}@db/openstats")
    said = bare.sentence("db", "upgrade")
    assert "as %40" in said
    assert "secret" not in said


def test_an_unreachable_database_is_reported_without_its_password(bare: Installation) -> None:
    url = "postgresql+psycopg://me:topsecret@127.0.0.1:1/openstats"
    bare.configure("database", connection=url)
    for words in (["db", "upgrade"], ["stats", "customer"]):
        said = bare.sentence(*words)
        assert "does not answer" in said
        assert "topsecret" not in said


def test_check_names_an_option_of_the_store_that_its_driver_refuses(bare: Installation) -> None:
    url = "mysql+pymysql://me:topsecret@127.0.0.1:1/openstats?sslmode=require"
    bare.configure("database", connection=url)
    said = bare.run("check", "-f", "value")
    assert said.status == 1
    assert "store failed [database] connection: sslmode after ? cannot be used: " in said.out
    assert "topsecret" not in said.out + said.err


class Broken(OpenstatsCommand):
    """A command with a defect."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from openstats import logs

        logs.silence()
        return 1 // 0


@pytest.mark.parametrize("debug", [False, True])
def test_a_defect_is_printed_whatever_is_logged(debug: bool) -> None:
    app = Openstats()
    app.stderr = io.StringIO()
    app.command_manager.add_command("broken", Broken)
    assert app.run([*(["--debug"] if debug else []), "broken"]) == 1
    sentence = "openstats: a defect of openstats: ZeroDivisionError("
    lines = app.stderr.getvalue().splitlines()
    assert lines[-1].startswith(sentence)
    assert ("Traceback (most recent call last):" in lines) is debug
    assert debug or len(lines) == 1


def test_a_missing_configuration_is_refused(bare: Installation) -> None:
    bare.conf.unlink()
    assert "openstats.conf" in bare.sentence("db", "upgrade")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[api]\nport = many\n", "many"),
        ("[clouds]\ncustomer_from = thin air\n", "thin air"),
        ("nonsense\n", "line 3: must be [GROUP], OPTION = VALUE"),
        ("[collector]\nthreads = 0\n", "threads"),
        ("[usage]\ntimezone = CEST\n", "timezone"),
        ("[alerts]\nquota_of_customers = x:90\n", "quota_of_customers"),
        ("[alerts]\nseverities = high:Fatal\n", "severities"),
        ("[alerts]\nreceivers = openstats\n", "receivers"),
        ("[alerts]\nreceivers = a/b\n", "receivers"),
        ("[alerts]\nreceivers = am\n[receiver:am]\nkind = pager\n", "pager"),
    ],
)
def test_a_wrong_option_is_named(bare: Installation, text: str, said: str) -> None:
    bare.conf.write_text(f"[database]\nconnection = sqlite:///{bare.store}\n{text}")
    assert said in bare.sentence("collect", "--once")


def test_a_traceback_is_shown_where_it_is_asked_for(bare: Installation) -> None:
    bare.conf.unlink()
    told = bare.run("--debug", "stats", "quota")
    assert told.status == 1
    assert "Traceback" in told.err
    assert told.err.splitlines()[-1].startswith("openstats: ")


NEAR = {
    "custmer": "customer list",
    "sats": "stats quota",
    "cust": "customer list",
    "discovr": "discover",
}


@pytest.mark.parametrize(("typed", "meant"), NEAR.items(), ids=NEAR)
def test_near_commands_are_proposed(bare: Installation, typed: str, meant: str) -> None:
    told = bare.run(typed)
    assert told.status == 2
    assert f"  {meant}\n" in told.out
    assert "cloud accept" not in told.out


def test_dissimilar_command_gets_no_suggestion(bare: Installation) -> None:
    told = bare.run("foo")
    assert (told.status, told.out) == (2, "")
    assert "foo" in told.err


LOCAL = (
    ("registry", "export"),
    ("registry", "import", "-"),
    ("cloud", "accept", "A"),
    ("db", "upgrade"),
    ("discover",),
    ("collect", "--once"),
)


@pytest.mark.parametrize("words", LOCAL, ids=" ".join)
def test_store_commands_ignore_the_server_url(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("customers: []"))
    monkeypatch.setenv("OPENSTATS_URL", "http://127.0.0.1:1")
    assert "works on the store, not on a server" in installed.sentence(*words)
