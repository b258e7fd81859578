"""Quota sums, beside test_sums_of_random_worlds: coverage, order, names and odd cases."""

from typing import Any

import pytest

from openstats.model import EVERYTHING, Coverage, QuotaSum, Scope, Selection
from openstats.storage.quota import sums
from openstats.storage.store import Database
from tests.registry import NOW, Site, site, uuids

NONE = QuotaSum(0, 0, 0)
CUSTOMER, PROJECT, GROUP = (Selection(name) for name in ("customer", "project", "project_group"))


def vcpu(db: Database, selection: Selection = CUSTOMER) -> QuotaSum:
    return sums.total(db, EVERYTHING, selection)[0]["vcpu"]


def each(db: Database, selection: Selection = CUSTOMER) -> dict[str, QuotaSum]:
    return {of.name: totals["vcpu"] for of, totals in sums.by_object(db, EVERYTHING, selection)}


def coverage(db: Database, selection: Selection = CUSTOMER) -> Coverage:
    return sums.total(db, EVERYTHING, selection)[1]


def two_customers(db: Database) -> Site:
    alpha = site(db).project("p1").project("p2").project("p3", customer="other").discover()
    return (
        alpha.quota("p1", vcpu=(1, 10)).quota("p2", vcpu=(2, 20)).quota("p3", vcpu=(4, 40)).polled()
    )


def test_empty_selection_sums_to_zeros(db: Database) -> None:
    totals, known = sums.total(db, EVERYTHING, CUSTOMER)
    assert totals == dict.fromkeys(("vcpu", "ram", "storage", "max_instances"), NONE)
    assert known == Coverage()
    assert sums.by_object(db, EVERYTHING, CUSTOMER) == []


def test_sums_beyond_32_bits_are_integers(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    for key in ("p1", "p2"):
        alpha.quota(key, storage=(2**52, 2**51))
    storage = sums.total(db, EVERYTHING, CUSTOMER)[0]["storage"]
    assert storage == QuotaSum(2**53, 0, 2**52)
    assert {type(figure) for figure in storage} == {int}


def test_unlimited_members_are_counted_and_not_added(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    alpha.quota("p1", vcpu=(-1, 3)).quota("p2", vcpu=(8, 2))
    assert vcpu(db) == QuotaSum(8, 1, 5)
    assert each(db, PROJECT) == {"p1": QuotaSum(0, 1, 3), "p2": QuotaSum(8, 0, 2)}


def test_unknown_quotas_add_nothing_and_lower_the_coverage(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").project("p3").discover().polled("quotas")
    alpha.quota("p1", vcpu=(8, 2))
    alpha.partial_quota("p2", at=NOW - 60, vcpu=(1, 1), ram=(1, 1), max_instances=(1, 1))
    assert vcpu(db) == QuotaSum(9, 0, 3)
    assert coverage(db) == Coverage(3, 1, 1, 1, oldest=NOW - 60)


def test_the_age_is_that_of_the_older_service(db: Database) -> None:
    alpha = site(db).project("p1").discover().quota("p1", at=NOW - 100)
    alpha.partial_quota("p1", at=NOW, storage=(1, 1))
    assert coverage(db).oldest == NOW - 100
    alpha.partial_quota("p1", at=NOW - 10, vcpu=(1, 1), ram=(1, 1), max_instances=(1, 1))
    assert coverage(db).oldest == NOW - 10


def test_clouds_that_never_answered_are_missing_in_the_coverage(db: Database) -> None:
    site(db, "a", region="one").project("p1").discover().quota("p1").polled()
    beta = site(db, "b", region="two").project("p2").discover()
    assert coverage(db) == Coverage(2, 1, 2, 1, NOW)
    only_beta = Selection("project", (uuids(db, "project")["p2"],))
    assert coverage(db, only_beta) == Coverage(1, 0, 1, 0, None)
    beta.quota("p2")
    assert coverage(db, only_beta) == Coverage(1, 1, 1, 1, NOW)


@pytest.mark.parametrize(
    ("aggregate", "name", "limit"),
    [("customer", "acme", 3), ("project", "p3", 4), ("project_group", "web", 3)],
)
def test_a_uuid_selects_its_object(db: Database, aggregate: str, name: str, limit: int) -> None:
    alpha = site(db).project("p1", groups=["web"]).project("p2", groups=["web", "db"])
    alpha.project("p3", customer="other", groups=["db"]).discover()
    alpha.quota("p1", vcpu=(1, 0)).quota("p2", vcpu=(2, 0)).quota("p3", vcpu=(4, 0))
    wanted = Selection(aggregate, (uuids(db, aggregate)[name],))
    assert vcpu(db, wanted) == QuotaSum(limit, 0, 0)
    assert each(db, wanted) == {name: QuotaSum(limit, 0, 0)}


@pytest.mark.parametrize(("selection", "name"), [(CUSTOMER, "acme"), (PROJECT, "p1"), (GROUP, "g")])
def test_the_scope_hides_the_rest(db: Database, selection: Selection, name: str) -> None:
    alpha = site(db).project("p1", groups=["g"]).project("p2", groups=["g"]).discover()
    alpha.quota("p1", vcpu=(1, 10)).quota("p2", vcpu=(2, 20))
    scope = Scope(frozenset([uuids(db, "project")["p1"]]))
    assert sums.total(db, scope, selection)[0]["vcpu"] == QuotaSum(1, 0, 10)
    entries = sums.by_object(db, scope, selection)
    assert {of.name: totals["vcpu"] for of, totals in entries} == {name: QuotaSum(1, 0, 10)}


def test_a_uuid_given_twice_counts_once(db: Database) -> None:
    two_customers(db)
    found = uuids(db, "project")
    wanted = Selection("project", (found["p1"], found["p3"], found["p3"]))
    assert vcpu(db, wanted) == QuotaSum(5, 0, 50)
    assert list(each(db, wanted)) == ["p1", "p3"]


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_an_unknown_uuid_sums_to_zeros(db: Database, aggregate: str) -> None:
    two_customers(db)
    unknown = Selection(aggregate, ("00000000-0000-0000-0000-000000000000",))
    assert vcpu(db, unknown) == NONE
    assert sums.by_object(db, EVERYTHING, unknown) == []


def test_a_uuid_of_another_aggregate_sums_to_zeros(db: Database) -> None:
    two_customers(db)
    assert vcpu(db, Selection("project", (uuids(db, "customer")["acme"],))) == NONE


def test_a_project_in_two_groups_counts_once_in_the_total_and_in_both(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web", "db"]).project("p2", groups=["db"]).project("p3")
    alpha.discover()
    for key in ("p1", "p2", "p3"):
        alpha.quota(key, vcpu=(1, 1))
    assert vcpu(db, GROUP) == QuotaSum(2, 0, 2)
    assert each(db, GROUP) == {"db": QuotaSum(2, 0, 2), "web": QuotaSum(1, 0, 1)}
    both = Selection("project_group", tuple(uuids(db, "project_group").values()))
    assert vcpu(db, both) == QuotaSum(2, 0, 2)


def test_objects_without_tenants_are_zero(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).discover().quota("p1", vcpu=(1, 1))
    alpha.project("p1").project("p1", customer="new", groups=["db"]).discover()
    assert each(db) == {"acme": NONE, "new": QuotaSum(1, 0, 1)}
    assert each(db, GROUP) == {"db": QuotaSum(1, 0, 1), "web": NONE}


@pytest.mark.parametrize(
    ("held", "counted"),
    [
        ({}, False),
        ({"vcpu": (4, 0)}, False),
        ({"vcpu": (4, 0), "max_instances": (4, 1)}, True),
        ({"vcpu": (4, 0), "storage": (4, 1)}, True),
    ],
    ids=str,
)
def test_disabled_tenants_count_while_they_hold_something(
    db: Database, held: dict[str, Any], counted: bool
) -> None:
    site(db).project("p1", enabled=False).discover().quota("p1", **held)
    assert coverage(db).tenants == int(counted)
    assert vcpu(db) == (QuotaSum(4, 0, 0) if counted else NONE)
    assert each(db) == {"acme": vcpu(db)}


def test_objects_are_in_the_order_of_name_then_uuid(db: Database) -> None:
    alpha = site(db)
    for i, name in enumerate(("b", "a", "b", "a")):
        alpha.project(f"p{i}", name=name, customer=name, customer_key=str(i))
    alpha.discover()
    found = [(of.name, of.uuid) for of, _ in sums.by_object(db, EVERYTHING, PROJECT)]
    assert found == sorted(found)
    assert [name for name, _ in found] == ["a", "a", "b", "b"]


def test_projects_and_groups_have_the_uuid_of_their_customer(db: Database) -> None:
    site(db).project("p1", groups=["web"]).discover()
    acme = uuids(db, "customer")["acme"]
    for selection, expected in ((PROJECT, acme), (GROUP, acme), (CUSTOMER, None)):
        assert [of.customer for of, _ in sums.by_object(db, EVERYTHING, selection)] == [expected]


def test_of_clouds_sums_their_linked_tenants(db: Database) -> None:
    one = site(db, "a", region="one").project("p1").project("p2", customer=None).discover()
    two = site(db, "b", region="two").project("p1").discover()
    one.quota("p1", vcpu=(1, 1), at=NOW - 9).quota("p2", vcpu=(2, 2))
    two.quota("p1", vcpu=(4, -1))
    totals, known = sums.total_of_clouds(db, [one.cloud.id])
    assert totals["vcpu"] == QuotaSum(1, 0, 1)
    assert (known.tenants, known.tenants_known, known.oldest) == (1, 1, NOW - 9)
    assert sums.total_of_clouds(db, [one.cloud.id, two.cloud.id])[0]["vcpu"].limited == 5
    assert sums.total_of_clouds(db, [])[0]["vcpu"] == NONE
