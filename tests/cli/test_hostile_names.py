"""Names that clouds choose, on the command line: harmless to a terminal and a spreadsheet."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from openstats.storage.store import Store
from tests import hostile
from tests.cli.installation import Installation
from tests.double import Double
from tests.hostile import CHOSEN, MARK, NAMES, ODD

FORMULA = ("=", "+", "-", "@", "\t", "\r")
AGGREGATES = ("customer", "project_group", "project")
NAMED = [
    ("customer",),
    *(("quota", "--each", "--aggregate", aggregate) for aggregate in AGGREGATES),
    *(("usage", "memory", "--aggregate", each, "--datapoints", "1") for each in AGGREGATES),
]


@pytest.fixture
def attacked(installed: Installation) -> Installation:
    store = Store(f"sqlite:///{installed.store}")
    with store.transaction() as db:
        hostile.fill(db)
    store.close()
    return installed


def shown(attacked: Installation, *words: str) -> str:
    """Give what a command prints, in which only lines end; nothing is left out."""
    told = attacked.run("stats", *words)
    assert (told.status, told.err) == (0, "")
    assert all(line.isprintable() for line in told.out.split("\n"))
    assert told.out.count(MARK) == sum(name.count(MARK) for name in NAMES)
    return told.out


@pytest.mark.parametrize("words", NAMED, ids=" ".join)
def test_as_a_table(attacked: Installation, words: tuple[str, ...]) -> None:
    lines = shown(attacked, *words, "-f", "table").splitlines()
    assert len(lines) == len(NAMES) + 4
    assert {line[0] for line in lines} == {"+", "|"}


@pytest.mark.parametrize("words", NAMED, ids=" ".join)
def test_as_csv(attacked: Installation, words: tuple[str, ...]) -> None:
    told = shown(attacked, *words, "-f", "csv")
    for dialect in ({"escapechar": "\\"}, {}):
        # Spreadsheets do not know escapes: a quote that is not doubled would end the cell.
        rows = list(csv.reader(io.StringIO(told), strict=not dialect, **dialect))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert len(rows) == len(NAMES) + 1
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell.startswith(FORMULA)]
    column = rows[0].index("name")
    quoted = sum(row[column].startswith("'") for row in rows[1:])
    assert quoted == sum(name.startswith((*FORMULA, "'")) for name in NAMES)


@pytest.mark.parametrize("formatter", ["json", "yaml", "value"])
@pytest.mark.parametrize("words", NAMED, ids=" ".join)
def test_in_other_formats(attacked: Installation, words: tuple[str, ...], formatter: str) -> None:
    shown(attacked, *words, "-f", formatter)


@pytest.mark.parametrize(("formatter", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize("words", [("stats", "customer"), ("project", "list"), ("group", "list")])
def test_documents_hold_names_as_they_are(
    attacked: Installation, words: tuple[str, ...], formatter: str, read: Callable[[str], Any]
) -> None:
    told = attacked.run(*words, "-f", formatter)
    assert sorted(entry["name"] for entry in read(told.out)) == sorted(NAMES)


@pytest.mark.parametrize("name", [*NAMES, *ODD])
def test_entries_are_found_by_any_name(attacked: Installation, name: str) -> None:
    if name in ODD:
        assert attacked.run("customer", "create", f"--name={name}").status == 0
    listed = json.loads(attacked.run("customer", "list", f"--name={name}", "-f", "json").out)
    assert [entry["name"] for entry in listed] == [name]
    shown = json.loads(attacked.run("customer", "show", "-f", "json", "--", name).out)
    assert shown == listed[0]
    exported = attacked.directory / "registry.yaml"
    assert attacked.run("registry", "export", str(exported)).status == 0
    assert attacked.run("registry", "import", str(exported)).status == 0
    after = json.loads(attacked.run("customer", "list", f"--name={name}", "-f", "json").out)
    assert after == listed


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("half\ud800", 0, ""),
        ("an end\0", 0, ""),
        ("x" * 256, 1, ": ValueError 256 characters instead of 255 at most"),
    ],
)
def test_unstorable_text_is_refused(
    alpha: Double, installed: Installation, name: str, status: int, said: str
) -> None:
    alpha.create_project(name, alpha.create_domain("d").id)
    told = installed.run("collect", "--once")
    assert told.status == status
    assert said in told.err
    assert "defect" not in told.err


@pytest.mark.parametrize("words", [("check",), ("collect", "--once")])
def test_hostile_cloud_names_are_printed_escaped(
    alpha: Double, installed: Installation, words: tuple[str, ...]
) -> None:
    hostile = f"{CHOSEN['a colour']}{CHOSEN['lines']}{CHOSEN['one of C1']}"
    alpha.site.catalog[:] = [each._replace(region=hostile) for each in alpha.site.catalog]
    told = installed.run(*words)
    assert told.status == 1
    assert MARK in told.out + told.err
    assert all(line.isprintable() for line in (told.out + told.err).split("\n"))
