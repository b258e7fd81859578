"""``check``: tries everything, and says what answers and which rights lack."""

import json
from typing import Any

import pytest

from tests.cli.installation import Installation, Told
from tests.double import Double, Settings
from tests.edge import Edge, Status


def lines(told: Told) -> dict[str, tuple[str, str]]:
    """Give state and words by what was tried."""
    return {line["what"]: (line["state"], line["said"]) for line in json.loads(told.out)}


def check(installed: Installation, *clouds: str) -> tuple[int, dict[str, tuple[str, str]]]:
    told = installed.run("check", "-f", "json", *clouds)
    return told.status, lines(told)


def test_all_is_well(installed: Installation, alpha: Double) -> None:
    assert check(installed) == (
        0,
        {
            "configuration": ("ok", str(installed.conf)),
            "store": ("ok", f"sqlite:///{installed.store}"),
            "alpha: Keystone": ("ok", "5 projects, 2 of them no customer's"),
            "alpha: Nova, hypervisors": ("ok", "256 vCPUs"),
            "alpha: Placement": ("ok", "microversion 1.36, 1 providers"),
            "alpha: Nova, servers": ("ok", "microversion 2.87, some servers"),
            "alpha: Nova, quotas": ("ok", "3 resources"),
            "alpha: Cinder, volumes": ("ok", "microversion 3.70, 3 tenants have some"),
            "alpha: Cinder, quotas": ("ok", "1 resources"),
            "alpha: usage, nova": ("ok", "cpu"),
        },
    )


def test_too_many_servers_to_ask_each_for_its_use(installed: Installation, alpha: Double) -> None:
    with installed.conf.open("a") as conf:
        conf.write("[usage]\ndiagnostics_max_instances = 2\n")
    status, found = check(installed)
    state, said = found["alpha: usage, nova"]
    assert (status, state) == (1, "failed")
    assert said.startswith("more than 2 servers run")
    assert "meter_source = gnocchi or prometheus" in said


def test_a_meter_source_that_does_not_answer(installed: Installation, alpha: Double) -> None:
    source = {"meter_source": "prometheus", "meter_options": {"url": "http://127.0.0.1:9"}}
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": source})
    status, found = check(installed)
    assert (status, found["alpha: usage, prometheus"][0]) == (1, "failed")
    assert "its range query" in found["alpha: usage, prometheus"][1]


def test_a_meter_source_that_there_is_none_of(installed: Installation, alpha: Double) -> None:
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": {"meter_source": "guesses"}})
    said = "[clouds] meter_source: no source 'guesses'; there are gnocchi, nova, prometheus"
    assert check(installed)[1]["alpha: usage, guesses"] == ("failed", said)


def test_as_a_table(installed: Installation, alpha: Double) -> None:
    told = installed.run("check")
    assert (told.status, told.err) == (0, "")
    assert "| alpha: Keystone " in told.out


def test_only_what_will_be_asked(installed: Installation, alpha: Double) -> None:
    settings = {"capacity_source": "placement", "block_storage": False}
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": settings})
    status, found = check(installed)
    assert status == 0
    assert not [what for what in found if "Cinder" in what or "hypervisors" in what]
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": {"capacity_source": "nova"}})
    assert "alpha: Placement" not in check(installed)[1]


def test_a_wrong_password(installed: Installation, alpha: Double) -> None:
    entry = alpha.clouds_entry()
    entry["auth"]["password"] = "topsecret"
    installed.clouds(alpha=entry)
    status, found = check(installed)
    assert status == 1
    assert found["store"][0] == "ok"
    tried = [told for what, told in found.items() if what.startswith("alpha: ")]
    assert {state for state, _ in tried} == {"failed"}
    assert all("HTTP 401" in said and "topsecret" not in said for _, said in tried)


RIGHTS = {
    "alpha: Keystone": "/v3/projects",
    "alpha: Nova, hypervisors": "statistics",
    "alpha: Placement": "/resource_providers",
    "alpha: Nova, servers": "servers/detail",
    "alpha: Nova, quotas": "/compute/.*os-quota-sets",
    "alpha: Cinder, volumes": "volumes/detail",
    "alpha: Cinder, quotas": "/volume/.*os-quota-sets",
    "alpha: usage, nova": "diagnostics",
}


@pytest.mark.parametrize("what", RIGHTS)
def test_a_right_that_lacks(installed: Installation, edge: Edge, alpha: Double, what: str) -> None:
    edge.rule(RIGHTS[what], Status(403))
    status, found = check(installed)
    assert status == 1
    state, said = found.pop(what)
    assert state == "no right"
    assert "HTTP 403" in said
    if what == "alpha: Nova, servers":
        # Whose use is measured, is learnt from them.
        assert found.pop("alpha: usage, nova")[0] == "no right"
    if what != "alpha: Keystone":
        assert {state for state, _ in found.values()} == {"ok"}


def test_a_cloud_that_is_not_there(installed: Installation, alpha: Double) -> None:
    gone = alpha.clouds_entry()
    gone["auth"] |= {"auth_url": "http://127.0.0.1:1/v3"}
    installed.clouds(alpha=alpha.clouds_entry(), beta=gone)
    status, found = check(installed)
    assert status == 1
    assert found["alpha: Keystone"][0] == "ok"
    state, said = found["beta: Keystone"]
    assert state == "failed"
    assert said.endswith("[Errno 111] Connection refused")
    assert check(installed, "alpha")[0] == 0


def test_a_cloud_that_is_too_old(installed: Installation) -> None:
    with Double(settings=Settings(compute_max=(2, 40))) as double:
        installed.clouds(alpha=double.clouds_entry())
        status, found = check(installed)
    assert status == 1
    assert found["alpha: Nova, servers"] == (
        "failed",
        "alpha: compute serves microversions 2.1 to 2.40, openstats speaks 2.47 to 2.87",
    )


def test_no_clouds_yaml(installed: Installation) -> None:
    status, found = check(installed)
    assert status == 1
    assert found["clouds.yaml"][0] == "failed"
    assert "write a clouds.yaml" in found["clouds.yaml"][1]


@pytest.mark.parametrize("broken", ["no schema", "no store", "no value"])
def test_what_is_wrong_here(bare: Installation, broken: str) -> None:
    given: dict[str, Any] = {}
    if broken == "no store":
        given = {"database": {"connection": "mysql://a:topsecret@b/c"}}
    if broken == "no value":
        given = {"collector": {"threads": "many"}}
    for group, options in given.items():
        bare.configure(group, **options)
    status, found = check(bare)
    assert status == 1
    assert found["store"][0] == "failed"
    assert found["configuration"][0] == ("failed" if broken == "no value" else "ok")
    assert "topsecret" not in str(found)
    assert found["clouds.yaml"][0] == "failed"


def test_what_a_cloud_says_is_somebody_elses_text(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    body = json.dumps({"forbidden": {"message": "=cmd()\x1b[31m\nmore", "code": 403}})
    kind = {"Content-Type": "application/json"}
    edge.rule("statistics", Status(403, kind, body.encode()))
    for formatter in ("table", "csv", "json", "yaml", "value"):
        told = installed.run("check", "-f", formatter)
        assert told.status == 1
        assert "\x1b" not in told.out
        assert "\\u001b" not in told.out
