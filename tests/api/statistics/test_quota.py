"""Quota over HTTP."""

from typing import Any

import pytest
from webtest import TestApp

from tests.api.world import LIMITED, SMALL, UNKNOWN, UNLIMITED, quota_of

URL = "/api/stats/quota/"
NOTHING = dict.fromkeys(quota_of(LIMITED), 0)


def ask(api: TestApp, query: str = "") -> Any:
    return api.get(f"{URL}?{query}").json


def each(api: TestApp, aggregate: str) -> dict[str, dict[str, Any]]:
    """Give the entries of each=true by name."""
    return {entry["name"]: entry for entry in ask(api, f"each=true&aggregate={aggregate}")}


def test_exactly_the_eight_keys_with_integers(api: TestApp) -> None:
    found = ask(api)
    assert set(found) == set(NOTHING)
    assert {type(figure) for figure in found.values()} == {int}


def test_the_sum_over_everything(api: TestApp) -> None:
    assert ask(api) == quota_of(LIMITED, UNLIMITED, SMALL, SMALL)


def test_unlimited_members_can_be_skipped(api: TestApp) -> None:
    found = ask(api, "unlimited=skip")
    assert found == quota_of(LIMITED, UNLIMITED, SMALL, SMALL) | {
        "vcpu": 2 + 8 + 8,
        "storage": 16384 + 1024 + 1024,
    }


def test_of_nothing(empty: TestApp) -> None:
    assert ask(empty) == NOTHING
    assert ask(empty, "each=true") == []


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("customer", {"acme": [LIMITED, UNLIMITED, SMALL], "umbrella": [SMALL]}),
        ("project", {"blog": [UNLIMITED], "lab": [SMALL], "shop": [LIMITED, SMALL]}),
        ("project_group", {"db": [LIMITED, SMALL], "web": [LIMITED, UNLIMITED, SMALL]}),
    ],
)
def test_each_object(api: TestApp, aggregate: str, expected: dict[str, Any]) -> None:
    found = ask(api, f"each=true&aggregate={aggregate}")
    assert [entry["name"] for entry in found] == sorted(expected)
    for entry in found:
        figures = {key: entry[key] for key in entry.keys() - {"uuid", "name"}}
        assert figures == quota_of(*expected[entry["name"]])


def test_one_object(api: TestApp) -> None:
    blog = each(api, "project")["blog"]["uuid"]
    assert ask(api, f"aggregate=project&uuid={blog}") == quota_of(UNLIMITED)
    assert ask(api, f"aggregate=project&uuid={blog.replace('-', '')}") == quota_of(UNLIMITED)
    (entry,) = ask(api, f"aggregate=project&uuid={blog}&each=true")
    assert (entry["name"], entry["uuid"]) == ("blog", blog)


def test_a_uuid_without_an_aggregate_is_a_customers(api: TestApp) -> None:
    umbrella = each(api, "customer")["umbrella"]["uuid"]
    assert ask(api, f"uuid={umbrella}") == quota_of(SMALL)
    lab = each(api, "project")["lab"]["uuid"]
    assert ask(api, f"uuid={lab}") == NOTHING


def test_several_objects(api: TestApp) -> None:
    found = each(api, "project")
    query = f"aggregate=project&uuid={found['shop']['uuid']}&uuid={found['lab']['uuid']}"
    assert ask(api, query) == quota_of(LIMITED, SMALL, SMALL)


def test_groups_that_share_a_project_count_it_once(api: TestApp) -> None:
    expected = quota_of(LIMITED, UNLIMITED, SMALL)
    assert ask(api, "aggregate=project_group") == expected
    both = "&".join(f"uuid={entry['uuid']}" for entry in each(api, "project_group").values())
    assert ask(api, f"aggregate=project_group&{both}") == expected


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_an_unknown_uuid_is_an_empty_answer(api: TestApp, aggregate: str) -> None:
    query = f"aggregate={aggregate}&uuid={UNKNOWN}"
    assert ask(api, query) == NOTHING
    assert ask(api, f"{query}&each=true") == []
