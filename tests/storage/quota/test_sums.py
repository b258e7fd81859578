"""Quota: what is summed, over whom, and what the collector writes."""

from typing import Any

import pytest

from openstats.model import EVERYTHING, Coverage, QuotaSum, Scope, Selection
from openstats.storage.quota import sums
from openstats.storage.store import Database
from tests.registry import NOW, Site, site, uuids

NONE = QuotaSum(0, 0, 0)
CUSTOMER, PROJECT, GROUP = (Selection(name) for name in ("customer", "project", "project_group"))
NOBODY = Scope(frozenset())


def vcpu(db: Database, selection: Selection = CUSTOMER, scope: Scope = EVERYTHING) -> QuotaSum:
    return sums.total(db, scope, selection)[0]["vcpu"]


def each(
    db: Database, selection: Selection = CUSTOMER, scope: Scope = EVERYTHING
) -> dict[str, QuotaSum]:
    return {of.name: totals["vcpu"] for of, totals in sums.by_object(db, scope, selection)}


def coverage(db: Database, selection: Selection = CUSTOMER) -> Coverage:
    return sums.total(db, EVERYTHING, selection)[1]


def two_customers(db: Database) -> Site:
    alpha = site(db).project("p1").project("p2").project("p3", customer="other").discover()
    return (
        alpha.quota("p1", vcpu=(1, 10)).quota("p2", vcpu=(2, 20)).quota("p3", vcpu=(4, 40)).polled()
    )


def seeing(db: Database, *projects: str) -> Scope:
    found = uuids(db, "project")
    return Scope(frozenset(found[name] for name in projects))


def test_empty_selection_sums_to_zeros(db: Database) -> None:
    totals, known = sums.total(db, EVERYTHING, CUSTOMER)
    assert totals == dict.fromkeys(("vcpu", "ram", "storage", "max_instances"), NONE)
    assert known == Coverage()
    assert sums.by_object(db, EVERYTHING, CUSTOMER) == []


def test_every_meter_is_summed_by_itself(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    for key in ("p1", "p2"):
        alpha.quota(key, vcpu=(1, 2), ram=(3, 4), storage=(5, 6), max_instances=(7, 8))
    assert sums.total(db, EVERYTHING, CUSTOMER)[0] == {
        "vcpu": QuotaSum(2, 0, 4),
        "ram": QuotaSum(6, 0, 8),
        "storage": QuotaSum(10, 0, 12),
        "max_instances": QuotaSum(14, 0, 16),
    }


def test_figures_beyond_32_bits(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    for key in ("p1", "p2"):
        alpha.quota(key, storage=(2**52, 2**51))
    assert sums.total(db, EVERYTHING, CUSTOMER)[0]["storage"] == QuotaSum(2**53, 0, 2**52)


def test_sums_are_integers(db: Database) -> None:
    two_customers(db)
    found = vcpu(db)
    assert [type(n) for n in (found.limited, found.unlimited, found.in_use)] == [int] * 3


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


def test_by_customer(db: Database) -> None:
    two_customers(db)
    assert vcpu(db) == QuotaSum(7, 0, 70)
    assert each(db) == {"acme": QuotaSum(3, 0, 30), "other": QuotaSum(4, 0, 40)}


def test_filtered_by_uuid(db: Database) -> None:
    two_customers(db)
    for aggregate, name, expected in (
        ("customer", "acme", QuotaSum(3, 0, 30)),
        ("project", "p3", QuotaSum(4, 0, 40)),
    ):
        wanted = Selection(aggregate, (uuids(db, aggregate)[name],))
        assert vcpu(db, wanted) == expected
        assert each(db, wanted) == {name: expected}


def test_several_uuids(db: Database) -> None:
    two_customers(db)
    found = uuids(db, "project")
    wanted = Selection("project", (found["p1"], found["p3"], found["p3"]))
    assert vcpu(db, wanted) == QuotaSum(5, 0, 50)
    assert list(each(db, wanted)) == ["p1", "p3"]


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_an_unknown_uuid_is_nobody(db: Database, aggregate: str) -> None:
    two_customers(db)
    unknown = Selection(aggregate, ("00000000-0000-0000-0000-000000000000",))
    assert vcpu(db, unknown) == NONE
    assert sums.by_object(db, EVERYTHING, unknown) == []


def test_a_uuid_of_another_aggregate_is_nobody(db: Database) -> None:
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


def test_a_project_has_a_tenant_in_each_region(db: Database) -> None:
    for name, limit in (("one", 1), ("two", 2)):
        site(db, name, region=name).project("p1").discover().quota("p1", vcpu=(limit, 0))
    assert each(db, PROJECT) == {"p1": QuotaSum(3, 0, 0)}


def test_the_scope_hides_the_rest(db: Database) -> None:
    two_customers(db)
    mine = seeing(db, "p1")
    assert vcpu(db, scope=mine) == QuotaSum(1, 0, 10)
    assert each(db, scope=mine) == {"acme": QuotaSum(1, 0, 10)}
    assert each(db, PROJECT, mine) == {"p1": QuotaSum(1, 0, 10)}
    known = sums.total(db, mine, CUSTOMER)[1]
    assert (known.tenants, known.clouds) == (1, 1)


def test_the_scope_and_somebody_elses_uuid(db: Database) -> None:
    two_customers(db)
    mine, others = seeing(db, "p1"), Selection("customer", (uuids(db, "customer")["other"],))
    assert vcpu(db, others, mine) == NONE
    assert sums.by_object(db, mine, others) == []


def test_a_group_is_visible_through_a_project_and_sums_the_visible_part(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).project("p2", groups=["web", "db"]).discover()
    alpha.quota("p1", vcpu=(1, 1)).quota("p2", vcpu=(2, 2))
    assert each(db, GROUP, seeing(db, "p1")) == {"web": QuotaSum(1, 0, 1)}


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_empty_scope_gets_no_quotas(db: Database, aggregate: str) -> None:
    two_customers(db).project("p1", groups=["web"]).discover()
    totals, known = sums.total(db, NOBODY, Selection(aggregate))
    assert totals["vcpu"] == NONE
    assert known.tenants == known.clouds == 0
    assert sums.by_object(db, NOBODY, Selection(aggregate)) == []


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


def test_deleted_tenants_do_not_count(db: Database) -> None:
    alpha = two_customers(db)
    alpha.without("p1").discover().discover()
    assert vcpu(db) == QuotaSum(6, 0, 60)
    assert each(db)["acme"] == QuotaSum(2, 0, 20)
    assert coverage(db).tenants == 2


def test_tenants_without_a_project_do_not_count(db: Database) -> None:
    site(db).project("p1", customer=None).discover().quota("p1", vcpu=(1, 1))
    assert vcpu(db) == NONE
    assert coverage(db).tenants == 0


def test_objects_are_in_the_order_of_name_then_uuid(db: Database) -> None:
    alpha = site(db)
    for i, name in enumerate(("b", "a", "b", "a")):
        alpha.project(f"p{i}", name=name, customer=name, customer_key=str(i))
    alpha.discover()
    found = [(of.name, of.uuid) for of, _ in sums.by_object(db, EVERYTHING, PROJECT)]
    assert found == sorted(found)
    assert [name for name, _ in found] == ["a", "a", "b", "b"]


def test_objects_tell_their_customer(db: Database) -> None:
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
