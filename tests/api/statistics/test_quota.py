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


def test_exactly_the_eight_keys_with_integers(stored_app: TestApp) -> None:
    found = ask(stored_app)
    assert set(found) == set(NOTHING)
    assert {type(figure) for figure in found.values()} == {int}


def test_the_sum_over_everything(stored_app: TestApp) -> None:
    assert ask(stored_app) == quota_of(LIMITED, UNLIMITED, SMALL, SMALL)


def test_unlimited_members_can_be_skipped(stored_app: TestApp) -> None:
    found = ask(stored_app, "unlimited=skip")
    assert found == quota_of(LIMITED, UNLIMITED, SMALL, SMALL) | {
        "vcpu": 2 + 8 + 8,
        "storage": 16384 + 1024 + 1024,
    }


def test_of_nothing(empty_app: TestApp) -> None:
    assert ask(empty_app) == NOTHING
    assert ask(empty_app, "each=true") == []


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("customer", {"acme": [LIMITED, UNLIMITED, SMALL], "umbrella": [SMALL]}),
        ("project", {"blog": [UNLIMITED], "lab": [SMALL], "shop": [LIMITED, SMALL]}),
        ("project_group", {"db": [LIMITED, SMALL], "web": [LIMITED, UNLIMITED, SMALL]}),
    ],
)
def test_each_object(stored_app: TestApp, aggregate: str, expected: dict[str, Any]) -> None:
    found = ask(stored_app, f"each=true&aggregate={aggregate}")
    assert [entry["name"] for entry in found] == sorted(expected)
    for entry in found:
        figures = {key: entry[key] for key in entry.keys() - {"uuid", "name"}}
        assert figures == quota_of(*expected[entry["name"]])


def test_one_object(stored_app: TestApp) -> None:
    blog = each(stored_app, "project")["blog"]["uuid"]
    assert ask(stored_app, f"aggregate=project&uuid={blog}") == quota_of(UNLIMITED)
    assert ask(stored_app, f"aggregate=project&uuid={blog.replace('-', '')}") == quota_of(UNLIMITED)
    (entry,) = ask(stored_app, f"aggregate=project&uuid={blog}&each=true")
    assert (entry["name"], entry["uuid"]) == ("blog", blog)


def test_a_uuid_without_an_aggregate_is_a_customers(stored_app: TestApp) -> None:
    umbrella = each(stored_app, "customer")["umbrella"]["uuid"]
    assert ask(stored_app, f"uuid={umbrella}") == quota_of(SMALL)
    lab = each(stored_app, "project")["lab"]["uuid"]
    assert ask(stored_app, f"uuid={lab}") == NOTHING


def test_several_objects(stored_app: TestApp) -> None:
    found = each(stored_app, "project")
    query = f"aggregate=project&uuid={found['shop']['uuid']}&uuid={found['lab']['uuid']}"
    assert ask(stored_app, query) == quota_of(LIMITED, SMALL, SMALL)


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_an_unknown_uuid_is_an_empty_answer(stored_app: TestApp, aggregate: str) -> None:
    query = f"aggregate={aggregate}&uuid={UNKNOWN}"
    assert ask(stored_app, query) == NOTHING
    assert ask(stored_app, f"{query}&each=true") == []
