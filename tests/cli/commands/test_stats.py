"""``stats``: the statistics, in every format. Names are in ``tests/cli/test_hostile_names.py``."""

import csv
import io
import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from openstats.api.routes import STATISTICS, Statistic
from openstats.cli.main import Openstats, main
from openstats.http.validation import parameter_names
from openstats.storage.schema.types import FOREVER
from tests.cli.installation import Installation, kept_process
from tests.cli.rows import sql
from tests.conftest import Sqlite
from tests.double import Double, Flavor

PROJECTS = [f"project {number}" for number in range(10)]


@pytest.fixture(scope="module")
def collected(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give a store that knows a cloud with these projects, and that cloud's auth_url."""
    directory = tmp_path_factory.mktemp("collected")
    store, conf = directory / "openstats.sqlite", directory / "openstats.conf"
    shutil.copyfile(sqlite.migrated, store)
    conf.write_text(f"[database]\nconnection = sqlite:///{store}\n")
    with Double() as double, pytest.MonkeyPatch.context() as patch, kept_process():
        _fill(double)
        entries = {"clouds": {"alpha": double.clouds_entry()}}
        (directory / "clouds.yaml").write_text(yaml.safe_dump(entries))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(directory / "clouds.yaml"))
        patch.delenv("HTTP_PROXY", raising=False)
        patch.delenv("http_proxy", raising=False)
        assert main(["--config-file", str(conf), "collect", "--once"]) == 0
    # The command's own connection may still be open, and hold the newest part.
    whole = directory / "whole.sqlite"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(f"VACUUM INTO '{whole}'")
    return whole, double.auth_url


def _fill(double: Double) -> None:
    double.add_hypervisor("compute-0000", vcpus=64)
    for name in PROJECTS:
        project = double.create_project(name, double.create_domain(name).id).id
        double.boot(project, Flavor("m1.small", 1, 2048, 20), created=time.time() - 100)
        double.create_volume(project, 2)


@pytest.fixture
def known(bare: Installation, collected: tuple[Path, str]) -> Installation:
    """Give an installation on a copy of that store."""
    shutil.copyfile(collected[0], bare.store)
    return bare


def stats(known: Installation, *words: str) -> list[dict[str, Any]]:
    """Return the rows of a statistic."""
    return printed(known, "json", *words)


def printed(known: Installation, formatter: str, *words: str) -> list[dict[str, Any]]:
    """Return the rows that a formatter prints of a statistic.

    Of usage nothing is known: the store is one that was collected once.
    """
    answer = known.run("stats", *words, "-f", formatter)
    warning = r"Incomplete: the figures cover tenants=0/\d+ clouds=0/1\.\n"
    assert answer.status == 0
    assert re.fullmatch(warning if words[0] == "usage" else "", answer.err)
    return READERS[formatter](answer.out)


def _read_csv(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


def _read_table(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


READERS = {"json": json.loads, "yaml": yaml.safe_load, "csv": _read_csv, "table": _read_table}
COMMANDS = {
    "resource": ("resource", "--strict"),
    "quota": ("quota",),
    "quota of each": ("quota", "--each", "--aggregate", "project"),
    "customer": ("customer",),
    "creation-time": ("creation-time", "project", "--to", "2027-01-01", "--from", "2026-01-01"),
    "usage": ("usage", "memory", "--to", "2026-11-22", "--fill", "null"),
    "alert": ("alert", "--interval", "month", "--from", "2026-01-01", "--to", "2026-11-22"),
    "alerts of each": ("alert", "--each", "--aggregate", "project"),
}


@pytest.mark.parametrize("formatter", ["yaml", "csv", "table"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_format_has_the_same_rows(
    alarmed: Installation, collected: tuple[Path, str], command: str, formatter: str
) -> None:
    name, *words = COMMANDS[command]
    if name == "resource":
        words.append(collected[1])
    expected = stats(alarmed, name, *words)
    rows = printed(alarmed, formatter, name, *words)
    # A table has dates.
    left_out = ("from", "to") if formatter == "table" else ()
    assert [texts(row, left_out) for row in rows] == [texts(row, left_out) for row in expected]


def texts(row: dict[str, Any], left_out: tuple[str, ...]) -> dict[str, str]:
    return {
        name: "" if value is None else str(value)
        for name, value in row.items()
        if name not in left_out
    }


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


def test_customer(known: Installation) -> None:
    rows = stats(known, "customer")
    assert set(rows[0]) == {"name", "projects", "project_groups", "instances"}
    assert {row["instances"] for row in rows} == {1}
    assert names(rows) == set(PROJECTS)


def test_quota_of_each(known: Installation) -> None:
    rows = stats(known, "quota", "--each", "--aggregate", "project")
    assert names(rows) == set(PROJECTS)
    assert {(r["vcpu"], r["vcpu_usage"], r["storage_usage"]) for r in rows} == {(20, 1, 2048)}


def test_quota_in_all(known: Installation) -> None:
    assert stats(known, "quota") == [
        {
            "vcpu": 200,
            "ram": 512000,
            "storage": 10240000,
            "max_instances": 100,
            "vcpu_usage": 10,
            "ram_usage": 20480,
            "storage_usage": 20480,
            "max_instances_usage": 10,
        }
    ]


def test_quota_of_one(known: Installation) -> None:
    listed = stats(known, "customer", "--with", "uuid")
    uuids = [entry["uuid"] for entry in listed[:2]]
    (row,) = stats(known, "quota", "--uuid", uuids[0], "--uuid", uuids[1])
    assert row["vcpu_usage"] == 2
    assert stats(known, "customer", "--limit", "3")[2]["name"] == listed[2]["name"]
    (last,) = stats(known, "customer", "--marker", listed[-2]["uuid"])
    assert last["name"] == listed[-1]["name"]


def test_resource(known: Installation, collected: tuple[Path, str]) -> None:
    (row,) = stats(known, "resource", collected[1])
    assert (len(row), row["vcpus"], row["vcpu_quota"]) == (9, 64, 200)


def test_creation_time(known: Installation) -> None:
    rows = stats(known, "creation-time", "project", "--datapoints", "3")
    assert len(rows) == 3
    assert sum(row["value"] for row in rows) == len(PROJECTS)
    rows = stats(known, "creation-time", "customer", "--from", "2012-01-01", "--to", "1400000000")
    assert [row["value"] for row in rows] == [0] * 6


SEVERITIES = ["Debug", "Info", "Warning", "Error"]


@pytest.fixture
def alarmed(known: Installation) -> Installation:
    """Give an installation in which something is wrong with each project, half of it known."""
    columns = (
        "uuid, source, fingerprint, severity, alert_type, message, kind, customer_id, project_id"
    )
    times = "created_at, until, span, seen_at, acknowledged_at"
    of = "'am', id, id % 4, 't', 'm', 'project', customer_id, id"
    now = int(time.time())
    sql(
        known,
        f"INSERT INTO alert ({columns}, {times}) SELECT uuid, {of}, {now - 60}, {FOREVER}, 4, "
        f"{now}, CASE WHEN id % 2 THEN 1 END FROM project",
    )
    return known


def test_alerts_in_all(alarmed: Installation) -> None:
    (row,) = stats(alarmed, "alert")
    assert sorted(row) == sorted(SEVERITIES)
    assert sum(row.values()) == len(PROJECTS)
    for words, each in (
        (["--opened", "false"], 0),
        (["--acknowledged", "true"], 5),
        (["--aggregate", "project_group"], 0),
        (["--to", "2011-01-01"], 0),
        (["--from", str(int(time.time())), "--to", "2099-01-01", "--aggregate", "project"], 10),
    ):
        (row,) = stats(alarmed, "alert", *words)
        assert sum(row.values()) == each, words


def test_alerts_of_each(alarmed: Installation) -> None:
    rows = stats(alarmed, "alert", "--each", "--aggregate", "project")
    assert names(rows) == set(PROJECTS)
    assert {sum(row[severity] for severity in SEVERITIES) for row in rows} == {1}


def test_alerts_of_one(alarmed: Installation) -> None:
    listed = stats(alarmed, "alert", "--each", "--strict")
    (row,) = stats(alarmed, "alert", "--uuid", listed[0]["uuid"], "--uuid", listed[1]["uuid"])
    assert row == {key: listed[0][key] + listed[1][key] for key in SEVERITIES}


def test_usage(known: Installation) -> None:
    rows = stats(known, "usage", "memory", "--aggregate", "project", "--datapoints", "2")
    assert set(rows[0]) == {"name", "from", "to", "value"}
    assert len(rows) == 2 * len(PROJECTS)
    assert names(rows) == set(PROJECTS)


def test_usage_by_the_calendar(known: Installation) -> None:
    words = ["vcpu_hours", "--interval", "month", "--tz", "Europe/Berlin", "--limit", "1"]
    rows = stats(known, "usage", *words, "--from", "2025-01-31", "--to", "2025-03-01")
    # Midnight in Berlin.
    assert [row["to"] for row in rows] == [1738364400, 1740783600]
    rows = stats(known, "usage", "cpu", "--fill", "null", "--datapoints", "1")
    assert {row["value"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "20261122"], "--from 20261122 is 1970-08-23T12:05:22Z, "),
        (["--from", "20251121", "--to", "20261122"], "--to 20261122 is 1970-08-23T12:05:22Z, "),
        (["--from", "2009-12-31T23:59:59"], "--from 2009-12-31T23:59:59 is 2009-12-31"),
        (["--tz", "Asia/Tokyo", "--from", "2010-01-01"], "--from 2010-01-01 is 2009-12-31T15:00"),
    ],
)
@pytest.mark.parametrize("command", [["alert"], ["creation-time", "project"], ["usage", "cpu"]])
def test_a_period_before_openstack_is_warned_of(
    known: Installation, command: list[str], words: list[str], told: str
) -> None:
    answer = known.run("stats", *command, *words, "-f", "json")
    assert answer.status == 0
    assert isinstance(json.loads(answer.out), list)
    assert told in answer.err
    assert "write dates as 2026-11-22" in answer.err


def test_a_period_after_2010_has_no_warning(known: Installation) -> None:
    for words in (["--from", "1262304000"], ["--from", "2010-01-01"], []):
        assert known.run("stats", "creation-time", "project", *words).err == ""


def test_alerts_of_each_by_the_calendar(alarmed: Installation) -> None:
    words = ["--each", "--aggregate", "project", "--limit", "2", "--interval", "day"]
    rows = stats(alarmed, "alert", *words, "--tz", "Europe/Berlin")
    assert len(names(rows)) == 2
    assert all(set(row) == {"uuid", "name", "from", "to", *SEVERITIES} for row in rows)
    assert sum(row[severity] for row in rows for severity in SEVERITIES) == 2
    found = stats(alarmed, "alert", "--interval", "hour", "--from", str(int(time.time())))
    assert sum(found[0][severity] for severity in SEVERITIES) == len(PROJECTS)


def test_creation_time_by_the_calendar(known: Installation) -> None:
    rows = stats(known, "creation-time", "project", "--interval", "month")
    assert 2 <= len(rows) <= 3
    assert sum(row["value"] for row in rows) == len(PROJECTS)


def test_pages_of_quota_and_single_customers(known: Installation) -> None:
    (first,) = stats(known, "quota", "--each", "--limit", "1")
    rest = stats(known, "quota", "--each", "--marker", first["uuid"])
    assert first["uuid"] not in {row["uuid"] for row in rest}
    (one,) = stats(known, "customer", "--uuid", first["uuid"], "--with", "uuid")
    assert one["name"] == first["name"]


def test_unlimited_and_strict_are_accepted(
    known: Installation, collected: tuple[Path, str]
) -> None:
    for words in (["quota"], ["resource", collected[1], "--region", "RegionOne"]):
        assert known.run("stats", *words, "--unlimited", "skip", "--strict").status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resource", "https://nobody.example:5000"], "https://nobody.example:5000"),
        (["resource", "nonsense"], "nonsense"),
        (["quota", "--uuid", "nonsense"], "uuid"),
        (["creation-time", "project", "--from", "yesterday"], "from"),
        (["creation-time", "project", "--from", "2", "--to", "1"], "from"),
        (["creation-time", "project", "--datapoints", "9999"], "datapoints"),
        (["usage", "cpu", "--tz", "nowhere"], "tz"),
        (["usage", "cpu", "--basis", "allocated"], "basis"),
        (["alert", "--uuid", "nonsense"], "uuid"),
        (["alert", "--from", "2", "--to", "1"], "from"),
        (["customer", "--limit", "-1"], "limit"),
        (["customer", "--marker", "nonsense"], "marker"),
    ],
)
def test_unanswerable_statistics_print_one_sentence(
    known: Installation, words: list[str], said: str
) -> None:
    assert said in known.sentence("stats", *words)


@pytest.mark.parametrize(
    "words",
    [
        ["creation-time"],
        ["creation-time", "cloud"],
        ["resource"],
        ["quota", "--uuid"],
        ["usage"],
        ["alert", "--opened", "perhaps"],
        ["alert", "--aggregate", "cloud"],
    ],
)
def test_rejects_unusable_parameters(known: Installation, words: list[str]) -> None:
    told = known.run("stats", *words)
    assert told.status == 2
    assert "Traceback" not in told.err


def test_missing_coverage_is_reported(known: Installation) -> None:
    one = "SELECT min(id) FROM tenant WHERE project_id IS NOT NULL"
    sql(known, f"UPDATE quota SET compute_at = NULL WHERE tenant_id = ({one})")
    told = known.run("stats", "quota", "-f", "json")
    assert told.status == 0
    assert told.err == "Incomplete: the figures cover tenants=9/10 clouds=1/1.\n"
    assert "9/10" in known.sentence("stats", "quota", "--strict")


def test_a_cloud_never_polled_has_no_figures(
    known: Installation, collected: tuple[Path, str]
) -> None:
    sql(known, "DELETE FROM capacity")
    sql(known, "UPDATE job SET polled_at = NULL")
    assert "no figures have been read" in known.sentence("stats", "resource", collected[1])


EMPTY = {
    "json": ("[]\n", ""),
    "yaml": ("[]\n", ""),
    "csv": ('"name","projects","project_groups","instances"\n', ""),
    "table": ("", "No entries.\n"),
    "value": ("", "No entries.\n"),
}


@pytest.mark.parametrize(("formatter", "printed"), EMPTY.items(), ids=EMPTY)
def test_an_empty_registry(
    installed: Installation, formatter: str, printed: tuple[str, str]
) -> None:
    told = installed.run("stats", "customer", "-f", formatter)
    assert (told.out, told.err) == printed


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda statistic: statistic.name)
def test_a_statistic_has_an_option_for_each_parameter(
    bare: Installation, statistic: Statistic
) -> None:
    command, _, _ = Openstats().command_manager.find_command(["stats", statistic.name])
    parser = command(Openstats(), None).get_parser("stats")
    spelled = {action.dest for action in parser._actions}
    assert spelled >= set(parameter_names(statistic.parameters))


ZERO = (("usage", "cpu", "--datapoints", "0"), ("customer", "--limit", "0"))


@pytest.mark.parametrize("words", ZERO, ids=" ".join)
def test_a_zero_is_no_default(known: Installation, words: tuple[str, ...]) -> None:
    assert f"{words[-2][2:]}=0: must be at least 1" in known.sentence("stats", *words)


def test_a_subject_sees_what_is_granted(known: Installation) -> None:
    told = known.run("stats", "customer", "--on-behalf-of", "jane", "-f", "json")
    assert json.loads(told.out) == []


def test_usage_with_uuids_and_deleted_projects(known: Installation) -> None:
    words = ("memory", "--aggregate", "project", "--datapoints", "1", "--deleted")
    rows = stats(known, "usage", *words, "--with", "uuid,observed")
    assert list(rows[0]) == ["uuid", "name", "customer", "from", "to", "value", "observed"]
    assert all(row["uuid"] and row["customer"] for row in rows)


def test_a_table_has_dates_and_other_formats_have_numbers(known: Installation) -> None:
    words = ("creation-time", "project", "--from", "1764460800", "--to", "1764547200")
    assert stats(known, *words)[0]["from"] == 1764460800
    assert printed(known, "csv", *words)[0]["from"] == "1764460800"
    assert printed(known, "table", *words)[0]["from"] == "2025-11-30T00:00:00Z"


def test_a_row_that_is_too_wide_is_a_table_of_its_own(known: Installation) -> None:
    told = known.run("stats", "quota", "--each", "--max-width", "80")
    lines = told.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("| max_instances_usage ") for line in lines) == len(PROJECTS)


def test_a_table_that_is_too_wide_wraps_its_texts(known: Installation) -> None:
    told = known.run("customer", "list", "--max-width", "100")
    lines = told.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[1].split()[1] == "uuid"
