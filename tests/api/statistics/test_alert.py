"""Alert over HTTP: how many were active, by severity."""

from typing import Any

import pytest
from webtest import TestApp

from tests.api.world import CLOCK, UNKNOWN
from tests.registry import NOW

URL = "/api/stats/alert/"
NO_ALERTS = dict.fromkeys(("Debug", "Info", "Warning", "Error"), 0)
ONE_OF_EACH = dict.fromkeys(NO_ALERTS, 1)
OF_SHOP, OF_LAB = NO_ALERTS | {"Error": 1}, NO_ALERTS | {"Warning": 1}
OPENED = NOW - 3600


def ask(api: TestApp, query: str = "") -> Any:
    return api.get(f"{URL}?{query}").json


def each(api: TestApp, query: str) -> dict[str, dict[str, int]]:
    """Give the figures of each=true by name."""
    found = ask(api, f"each=true&{query}")
    assert all(set(entry) == {"uuid", "name", *NO_ALERTS} for entry in found)
    return {e["name"]: {key: e[key] for key in NO_ALERTS} for e in found}


def test_the_answer_has_the_four_severities_in_order(stored_app: TestApp) -> None:
    assert list(ask(stored_app)) == list(NO_ALERTS)
    assert ask(stored_app) == ONE_OF_EACH
    assert stored_app.get("/stats/alert").json == ONE_OF_EACH


def test_an_empty_store_has_no_alerts(empty_app: TestApp) -> None:
    assert ask(empty_app) == NO_ALERTS
    assert ask(empty_app, "each=true") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("aggregate=customer", {"Error": 1, "Warning": 1}),
        ("aggregate=project", {"Error": 1, "Warning": 1}),
        ("aggregate=project_group", {"Error": 1}),
        (f"uuid={UNKNOWN}", {}),
        (f"aggregate=project_group&uuid={UNKNOWN}", {}),
        ("opened=true", ONE_OF_EACH | {"Warning": 0}),
        ("opened=false", {"Warning": 1}),
        ("acknowledged=false", ONE_OF_EACH),
        ("acknowledged=true", {}),
        ("aggregate=customer&opened=true", {"Error": 1}),
        # Created at their edge, and closed at it.
        (f"to={OPENED}", {}),
        (f"to={OPENED + 1}", {"Error": 1}),
        (f"from={NOW - 1000}&to={NOW}", ONE_OF_EACH),
        (f"from={NOW - 999}&to={NOW}", ONE_OF_EACH | {"Warning": 0}),
        ("from=1&to=2", {}),
    ],
)
def test_each_filter_counts_its_alerts(
    stored_app: TestApp, query: str, expected: dict[str, int]
) -> None:
    assert ask(stored_app, query) == NO_ALERTS | expected


def test_the_default_is_a_day(stored_app: TestApp) -> None:
    day = f"from={CLOCK - 86400}&to={CLOCK}"
    assert stored_app.get(URL).headers["ETag"] == stored_app.get(f"{URL}?{day}").headers["ETag"]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("customer", {"acme": OF_SHOP, "umbrella": OF_LAB}),
        ("project", {"blog": NO_ALERTS, "lab": OF_LAB, "shop": OF_SHOP}),
        ("project_group", {"db": OF_SHOP, "web": OF_SHOP}),
    ],
)
def test_each_object_has_its_own_counts(
    stored_app: TestApp, aggregate: str, expected: dict[str, Any]
) -> None:
    assert each(stored_app, f"aggregate={aggregate}") == expected
    entries = ask(stored_app, f"each=true&aggregate={aggregate}")
    assert [entry["name"] for entry in entries] == sorted(expected)
    for entry in entries:
        one = ask(stored_app, f"aggregate={aggregate}&uuid={entry['uuid'].replace('-', '')}")
        assert one == expected[entry["name"]]
        assert each(stored_app, f"aggregate={aggregate}&uuid={entry['uuid']}") == {
            entry["name"]: one
        }


def test_several_objects_are_summed_once(stored_app: TestApp) -> None:
    uuids = "&".join(
        f"uuid={e['uuid']}" for e in ask(stored_app, "each=true&aggregate=project_group")
    )
    assert ask(stored_app, f"aggregate=project_group&{uuids}&{uuids}") == OF_SHOP


def test_headers_say_coverage_and_etag(stored_app: TestApp) -> None:
    answer = stored_app.get(URL)
    assert answer.headers["X-Openstats-Coverage"] == "tenants=4/4 clouds=2/2"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    same = stored_app.get(URL, headers={"If-None-Match": answer.headers["ETag"]}, status=304)
    assert same.body == b""
    assert stored_app.head(URL).headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("aggregate=cloud", "aggregate"),
        ("opened=yes", "opened"),
        ("acknowledged=1", "acknowledged"),
        ("each=2", "each"),
        ("uuid=x", "uuid"),
        ("from=5&to=5", "from"),
        ("from=soon", "from"),
        (f"to={NOW}000", "milliseconds"),
        ("datapoints=2", "datapoints"),
        ("severity=Error", "severity"),
        ("opened=true&opened=false", "opened"),
    ],
)
def test_an_invalid_parameter_is_named(empty_app: TestApp, query: str, named: str) -> None:
    answer = empty_app.get(f"{URL}?{query}", status=400)
    assert named in answer.json["errors"][0]["detail"]


def test_only_get_and_head_are_allowed(stored_app: TestApp) -> None:
    answer = stored_app.post_json(URL, {}, status=405)
    assert answer.headers["Allow"] == "GET, HEAD"


def test_strict_passes_if_nothing_is_missing(writable_app: TestApp) -> None:
    assert writable_app.get(f"{URL}?strict=true").json == NO_ALERTS


def counted(api: TestApp, query: str) -> list[int]:
    return [sum(point[key] for key in NO_ALERTS) for point in ask(api, query)]


def test_an_hours_counts_are_those_of_its_period(stored_app: TestApp) -> None:
    hours = f"interval=hour&from={OPENED - 3600}&to={NOW}"
    points = ask(stored_app, hours)
    assert [list(point) for point in points] == [["from", "to", *NO_ALERTS]] * len(points)
    assert (points[0]["from"], points[-1]["to"]) == (OPENED - 3600, NOW)
    for point in points:
        alone = ask(stored_app, f"from={point['from']}&to={point['to']}")
        assert {key: point[key] for key in NO_ALERTS} == alone
    assert counted(stored_app, hours) == [0, 4, 3]
    assert counted(stored_app, f"{hours}&aggregate=customer") == [0, 2, 1]
    assert counted(stored_app, f"{hours}&opened=true") == [0, 3, 3]


def test_days_begin_at_midnight_of_the_time_zone(stored_app: TestApp) -> None:
    # NOW is 2023-11-14 22:13:20 in UTC, and in Tokyo of the next day.
    days = "interval=day&tz=Asia/Tokyo&from=2023-11-14&to=2023-11-16"
    assert [point["from"] for point in ask(stored_app, days)] == [1699887600, 1699974000]
    assert counted(stored_app, days) == [0, 4]


def test_each_objects_series_is_that_of_the_object_alone(stored_app: TestApp) -> None:
    hours = f"interval=hour&from={OPENED - 3600}&to={NOW}"
    entries = ask(stored_app, f"each=true&aggregate=project&{hours}")
    assert [entry["name"] for entry in entries] == ["blog", "lab", "shop"]
    for entry in entries:
        assert set(entry) == {"uuid", "name", "datapoints"}
        assert entry["datapoints"] == ask(
            stored_app, f"aggregate=project&uuid={entry['uuid']}&{hours}"
        )


def test_too_many_intervals_are_refused(stored_app: TestApp) -> None:
    answer = stored_app.get(f"{URL}?interval=hour&from=0&to={NOW}", status=400)
    assert answer.json["errors"][0]["detail"].startswith("interval=hour: ")
