"""Creation time over HTTP."""

from typing import Any

import pytest
from webtest import TestApp

from tests.api.world import CLOCK, NOW

URL = "/api/stats/creation-time/"
EXAMPLE = "from=1&to=1415912629&datapoints=3"


def ask(api: TestApp, query: str) -> Any:
    return api.get(f"{URL}?{query}").json


def test_the_specifications_edges(stored_app: TestApp) -> None:
    assert ask(stored_app, f"type=project&{EXAMPLE}") == [
        {"to": 471970877, "from": 1, "value": 0},
        {"to": 943941753, "from": 471970877, "value": 0},
        {"to": 1415912629, "from": 943941753, "value": 0},
    ]


@pytest.mark.parametrize(
    ("kind", "number"), [("customer", 2), ("project", 3), ("project_group", 2)]
)
def test_objects_count_in_the_interval_of_their_creation(
    stored_app: TestApp, kind: str, number: int
) -> None:
    found = ask(stored_app, f"type={kind}&from={NOW - 150}&to={NOW}&datapoints=3")
    assert [point["value"] for point in found] == [0, number, 0]


def test_by_default_six_pieces_of_the_last_thirty_days(stored_app: TestApp) -> None:
    found = ask(stored_app, "type=customer")
    assert len(found) == 6
    assert (found[0]["from"], found[-1]["to"]) == (CLOCK - 30 * 86400, CLOCK)
    assert sum(point["value"] for point in found) == 2


def test_dates_in_iso_8601(stored_app: TestApp) -> None:
    found = ask(
        stored_app, "type=customer&from=1970-01-01T00:00:01Z&to=2014-11-13T21:03:49&datapoints=3"
    )
    assert found == ask(stored_app, f"type=customer&{EXAMPLE}")


@pytest.mark.parametrize("division", ["datapoints=1", "interval=hour"])
def test_the_end_is_not_included(stored_app: TestApp, division: str) -> None:
    created = NOW - 100
    query = f"type=customer&{division}"
    assert ask(stored_app, f"{query}&from={created - 9}&to={created}")[0]["value"] == 0
    assert ask(stored_app, f"{query}&from={created}&to={created + 9}")[0]["value"] == 2


def test_days_of_a_time_zone(stored_app: TestApp) -> None:
    query = "type=project&interval=day&from=2023-11-13&to=2023-11-16"
    assert ask(stored_app, query) == [
        {"from": 1699833600, "to": 1699920000, "value": 0},
        {"from": 1699920000, "to": 1700006400, "value": 3},
        {"from": 1700006400, "to": 1700092800, "value": 0},
    ]
    # In Tokyo it was the day after.
    found = ask(stored_app, f"{query}&tz=Asia/Tokyo")
    assert [(point["from"], point["value"]) for point in found] == [
        (1699801200, 0),
        (1699887600, 0),
        (1699974000, 3),
    ]


def test_a_calendar_counts_what_equal_intervals_count(stored_app: TestApp) -> None:
    start = NOW // 3600 * 3600 - 7200
    for kind in ("customer", "project", "project_group"):
        query = f"type={kind}&from={start}&to={start + 4 * 3600}"
        assert ask(stored_app, f"{query}&interval=hour") == ask(stored_app, f"{query}&datapoints=4")
