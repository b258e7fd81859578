"""Usage over HTTP: keys, bases, intervals, and how it tells what is not known."""

from typing import Any

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from tests.api.world import CLOCK, READ
from tests.registry import site, uuids

HOUR = {"from": READ - 3600, "to": READ}


def usage(api: TestApp, **parameters: Any) -> Any:
    return api.get("/api/stats/usage/", HOUR | {"datapoints": 1} | parameters)


def values(answer: Any) -> dict[str, list[float]]:
    """Give the values by name; objects of the same name one after the other."""
    found: dict[str, list[float]] = {}
    for entry in answer.json:
        points = [point["value"] for point in entry["datapoints"]]
        found[entry["name"]] = found.get(entry["name"], []) + points
    return found


def test_every_aggregate(stored_app: TestApp) -> None:
    answer = usage(stored_app, item="memory")
    assert values(answer) == {"acme": [124], "umbrella": [0.5]}
    assert values(usage(stored_app, item="memory", aggregate="project")) == {
        "blog": [4], "lab": [0.5], "shop": [120],
    }  # fmt: skip
    assert values(usage(stored_app, item="memory", aggregate="project_group")) == {
        "db": [120],
        "web": [124],
    }


def test_the_keys_of_the_specification(stored_app: TestApp) -> None:
    (entry,) = usage(stored_app, item="storage", limit=1).json
    assert set(entry) == {"name", "datapoints"}
    assert entry["datapoints"] == [{"from": READ - 3600, "to": READ, "value": 124.0}]


def test_the_intervals_of_the_specification(stored_app: TestApp) -> None:
    answer = stored_app.get(
        "/api/stats/usage/?item=memory&from=1&to=1415912629&datapoints=3&limit=1"
    )
    assert answer.json == [
        {
            "name": "acme",
            "datapoints": [
                {"from": 1, "to": 471970877, "value": 0},
                {"from": 471970877, "to": 943941753, "value": 0},
                {"from": 943941753, "to": 1415912629, "value": 0},
            ],
        }
    ]


def test_the_default_is_six_pieces_of_the_last_hour(stored_app: TestApp) -> None:
    (entry, _) = stored_app.get("/stats/usage?item=vcpu_hours").json
    points = entry["datapoints"]
    assert (len(points), points[0]["from"], points[-1]["to"]) == (6, CLOCK - 3600, CLOCK)
    seen = 3600 - (CLOCK - READ)
    assert sum(point["value"] for point in points) == pytest.approx(124 * seen / 3600, abs=1e-5)


def test_cpu_is_a_share(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p1").project("p2").discover().read("cpu.used", READ - 600).read(
            "cpu.used", READ - 300, p1=0.25
        ).read("cpu.used", READ, p1=0.75, p2=0)
    found = usage(writable_app, item="cpu", datapoints=2, **{"from": READ - 600})
    assert values(found) == {"acme": [25, 37.5]}
    assert found.headers["X-Openstats-Basis"] == "used"


def test_uuids_on_request(stored_app: TestApp, filled_store: Store) -> None:
    with filled_store.read() as db:
        customers, projects = uuids(db, "customer"), uuids(db, "project")
    lab = usage(
        stored_app, item="memory", aggregate="project", uuid=projects["lab"], **{"with": "uuid"}
    )
    (entry,) = lab.json
    assert (entry["uuid"], entry["customer"]) == (projects["lab"], customers["umbrella"])
    (entry,) = usage(stored_app, item="memory", uuid=customers["acme"], **{"with": "uuid"}).json
    assert entry["uuid"] == customers["acme"]
    assert "customer" not in entry


def test_pages(stored_app: TestApp, filled_store: Store) -> None:
    with filled_store.read() as db:
        acme = uuids(db, "customer")["acme"]
    assert list(values(usage(stored_app, item="memory", limit=1))) == ["acme"]
    assert list(values(usage(stored_app, item="memory", limit=1, marker=acme))) == ["umbrella"]


def test_zeros_can_be_told_from_nothing_known(stored_app: TestApp) -> None:
    wide = {"from": READ - 7200, "to": READ + 3600, "datapoints": 3}
    assert values(usage(stored_app, item="memory", **wide))["acme"] == [0, 124, 0]
    answer = usage(stored_app, item="memory", fill="null", **wide)
    assert values(answer)["acme"] == [None, 124, None]
    assert answer.headers["X-Openstats-Complete-Until"] == str(READ)
    assert answer.headers["X-Openstats-Age"] == str(CLOCK - READ)
    assert answer.headers["X-Openstats-Coverage"] == "tenants=4/4 clouds=2/2"


def test_a_cloud_that_was_not_read(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        one = site(db).project("p1").project("p2").discover()
        one.read("memory.allocated", READ - 300).read("memory.allocated", READ, p1=5)
        site(db, "beta", region="two").project("p1").discover()
    found = usage(
        writable_app, item="memory", aggregate="project", fill="null", **{"from": READ - 300}
    )
    # p2 is in the cloud that was read, p1 in both.
    assert values(found) == {"p1": [None], "p2": [0]}
    assert found.headers["X-Openstats-Coverage"] == "tenants=2/3 clouds=1/2"
    filled = usage(writable_app, item="memory", aggregate="project", **{"from": READ - 300})
    assert values(filled) == {"p1": [5], "p2": [0]}
    answer = writable_app.get("/api/stats/usage/?item=memory&strict=true", status=503)
    assert answer.json["errors"][0]["code"] == "openstats.statistic.incomplete"


def test_usage_without_readings_is_unknown(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p1").discover()
    answer = usage(writable_app, item="memory")
    assert values(answer) == {"acme": [0]}
    assert "X-Openstats-Complete-Until" not in answer.headers
    assert answer.headers["X-Openstats-Coverage"] == "tenants=0/1 clouds=0/1"


def test_a_basis_is_what_every_cloud_has_unless_asked_for(stored_app: TestApp) -> None:
    # The clouds of this world measure storage, and not memory.
    for parameters, basis in (
        ({"item": "storage"}, "used"),
        ({"item": "memory"}, "allocated"),
        ({"item": "storage", "basis": "allocated"}, "allocated"),
        ({"item": "memory", "basis": "used"}, "used"),
        ({"item": "cpu"}, "used"),
        ({"item": "vcpu_hours"}, "allocated"),
    ):
        assert usage(stored_app, **parameters).headers["X-Openstats-Basis"] == basis
    unmeasured = usage(stored_app, item="memory", basis="used", fill="null")
    assert values(unmeasured)["acme"] == [None]
    assert unmeasured.headers["X-Openstats-Coverage"] == "tenants=0/4 clouds=0/2"


def test_intervals_of_a_calendar(stored_app: TestApp) -> None:
    days = {"from": "2023-11-13T12:00", "to": "2023-11-15", "interval": "day", "item": "memory"}
    (entry, _) = stored_app.get("/api/stats/usage/", days).json
    assert [point["from"] for point in entry["datapoints"]] == [1699876800, 1699920000]
    (entry, _) = stored_app.get("/api/stats/usage/", days | {"tz": "Europe/Berlin"}).json
    assert [point["to"] for point in entry["datapoints"]] == [1699916400, 1700002800]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("usage/?item=cpu&interval=day&datapoints=5", "datapoints: "),
        ("creation-time/?type=customer&interval=day&datapoints=6", "datapoints: "),
        ("usage/?item=cpu&interval=hour&from=0", "interval=hour: the period from 0 "),
    ],
)
def test_a_calendar_has_no_datapoints_and_not_too_many_intervals(
    empty_app: TestApp, query: str, problem: str
) -> None:
    answer = empty_app.get(f"/api/stats/{query}", status=400)
    assert answer.json["errors"][0]["detail"].startswith(problem)


def test_an_answer_that_would_be_too_long(
    writable_app: TestApp, store: Store, options: Any
) -> None:
    with store.transaction() as db:
        alpha = site(db)
        for i in range(501):
            alpha.project(f"p{i}")
        alpha.discover()
    url = "/api/stats/usage/?item=cpu&aggregate=project&datapoints=1000&from=0"
    detail = writable_app.get(url, status=400).json["errors"][0]["detail"]
    assert detail.startswith("datapoints: 501 objects times 1000 intervals are 501000; ")
    assert len(writable_app.get(f"{url}&limit=2").json) == 2


def test_usage_of_before_a_move_stays_with_the_former_owner(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p1").discover()
        alpha.read("memory.allocated", READ - 600).read("memory.allocated", READ, 600, p1=8)
        alpha.project("p1", customer="new").discover(READ - 150)
    # Of the second half the new customer has a half.
    found = usage(writable_app, item="memory", datapoints=2, **{"from": READ - 600})
    assert values(found) == {"acme": [8, 4], "new": [0, 4]}


PART = {"from": READ - 3600, "to": READ, "datapoints": 1}


@pytest.fixture
def in_part(writable_app: TestApp, store: Store) -> TestApp:
    """Give a client of a store in which 5 of 60 minutes were observed."""
    with store.transaction() as db:
        alpha = site(db).project("p1").discover().polled()
        alpha.read("vcpu_hours.allocated", READ - 300).read("vcpu_hours.allocated", READ, p1=12)
    return writable_app


def test_partly_observed_usage_is_flagged_and_not_scaled_up(in_part: TestApp) -> None:
    answer = usage(in_part, item="vcpu_hours", **{"with": "observed"})
    (entry,) = answer.json
    assert entry["datapoints"] == [
        {
            "from": READ - 3600,
            "to": READ,
            "value": 1,
            "observed": pytest.approx(300 / 3600, abs=1e-6),
        }
    ]
    (entry,) = usage(in_part, item="vcpu_hours", datapoints=12, **{"with": "observed,uuid"}).json
    assert [point["observed"] for point in entry["datapoints"]] == [0] * 11 + [1]
    assert entry["uuid"]


@pytest.mark.parametrize(
    ("period", "said"),
    [
        ({}, "'acme' was observed for 8% of the time"),
        ({"fill": "null"}, "'acme' was observed for 8% of the time"),
        ({"datapoints": 12}, "'acme' was observed for 0% of the time"),
        ({"from": READ, "to": CLOCK}, "'acme' was observed for 0% of the time"),
        ({"from": READ - 9000, "to": READ - 7200}, "only tenants=0/1 clouds=0/1 are known"),
        ({"to": CLOCK + 60}, f"to={CLOCK + 60} is later than now, {CLOCK}"),
    ],
    ids=str,
)
def test_strict_refuses_time_that_was_not_observed(
    in_part: TestApp, period: dict[str, Any], said: str
) -> None:
    query = PART | {"item": "vcpu_hours", "strict": "true"} | period
    (error,) = in_part.get("/api/stats/usage/", query, status=503).json["errors"]
    assert error["code"] == "openstats.statistic.incomplete"
    assert said in error["detail"]


def test_strict_answers_for_time_that_was_observed(in_part: TestApp) -> None:
    found = usage(in_part, item="vcpu_hours", strict="true", **{"from": READ - 300})
    assert values(found) == {"acme": [1]}
    assert found.headers["X-Openstats-Coverage"] == "tenants=1/1 clouds=1/1"


def test_coverage_begins_with_the_first_reading(in_part: TestApp) -> None:
    found = usage(in_part, item="vcpu_hours", **{"from": READ - 9000, "to": READ - 7200})
    assert found.headers["X-Openstats-Coverage"] == "tenants=0/1 clouds=0/1"
    assert found.headers["X-Openstats-Complete-Until"] == str(READ)


@pytest.mark.parametrize("statistic", ["creation-time", "alert"])
def test_the_future_is_not_known(stored_app: TestApp, statistic: str) -> None:
    query = {"type": "project"} if statistic == "creation-time" else {}
    url = f"/api/stats/{statistic}/"
    (error,) = stored_app.get(url, query | {"strict": "true", "to": CLOCK + 60}, status=503).json[
        "errors"
    ]
    assert f"to={CLOCK + 60} is later than now, {CLOCK}" in error["detail"]
    stored_app.get(url, query | {"strict": "true", "to": CLOCK})


def test_a_cloud_that_was_never_reached_is_missing(writable_app: TestApp, store: Store) -> None:
    """Also where a meter source of its own answered."""
    with store.transaction() as db:
        alpha = site(db).project("p1").discover()
        alpha.read("memory.allocated", READ - 300).read("memory.allocated", READ, p1=5)
        dark = site(db, "beta", region="two")
        dark.read("memory.allocated", READ - 300).read("memory.allocated", READ)
    found = usage(writable_app, item="memory")
    assert found.headers["X-Openstats-Coverage"] == "tenants=1/1 clouds=1/2"


def test_tenants_that_are_gone_or_moved_away_are_in_no_coverage(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p1").project("p2").project("off", enabled=False).discover()
        alpha.read("memory.allocated", READ - 300).read("memory.allocated", READ, p1=5, p2=5)
        alpha.without("p2").discover().discover()
    found = usage(writable_app, item="memory")
    assert found.headers["X-Openstats-Coverage"] == "tenants=1/1 clouds=1/1"
    assert (
        writable_app.get("/api/stats/quota/")
        .headers["X-Openstats-Coverage"]
        .startswith("tenants=0/1 ")
    )


def test_a_project_that_was_deleted_keeps_a_past_that_can_be_asked_for(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p1").project("p2").project("p3").discover(READ - 900)
        alpha.read("memory.allocated", READ - 600)
        alpha.read("memory.allocated", READ, 600, p1=1, p2=2, p3=4)
        alpha.without("p2").discover(READ - 60).discover(READ)
        lab = uuids(db, "project")["p3"]
    (tenant,) = [
        t["uuid"] for t in writable_app.get("/api/tenants/").json["tenants"] if t["name"] == "p3"
    ]
    writable_app.patch_json(f"/api/tenants/{tenant}/", {"project": None})
    writable_app.delete(f"/api/projects/{lab}/")
    past = {"item": "memory", "from": READ - 600, "to": READ, "aggregate": "project"}
    # The cloud has p2 no more, since the end of this time; p3 was deleted by hand.
    assert values(usage(writable_app, **past)) == {"p1": [1], "p2": [2]}
    assert values(usage(writable_app, **past, deleted="true")) == {"p1": [1], "p2": [2], "p3": [4]}
    assert values(usage(writable_app, **past, uuid=lab)) == {"p3": [4]}
    assert values(usage(writable_app, **past | {"aggregate": "customer"})) == {"acme": [7]}
    later = past | {"from": READ, "to": READ + 60}
    assert list(values(usage(writable_app, **later))) == ["p1"]
    each = writable_app.get(f"/api/stats/alert/?each=true&aggregate=project&uuid={lab}").json
    assert [entry["name"] for entry in each] == ["p3"]
    assert [
        entry["name"]
        for entry in writable_app.get("/api/stats/quota/?each=true&aggregate=project").json
    ] == ["p1"]
