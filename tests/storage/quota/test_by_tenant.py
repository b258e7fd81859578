"""Quotas that are to be read, and what is written of them."""

import pytest
from sqlalchemy import select

from openstats.model import EVERYTHING, QuotaSum, Selection
from openstats.storage.quota import by_tenant, sums
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, Site, site


def due(of: Site, now: int = NOW) -> list[str]:
    return [key for _, key in by_tenant.due(of.db, of.cloud, now)]


def test_due_are_linked_tenants_longest_due_first(db: Database) -> None:
    alpha = site(db)
    for key in ("late", "early", "gone", "stranger"):
        alpha.project(key, customer=None if key == "stranger" else "acme")
    alpha.discover().without("gone").discover().discover()
    alpha.quota("early", at=NOW - 3600).quota("late", at=NOW - 1800)
    assert due(alpha) == ["early", "late"]
    assert due(alpha, NOW - 1) == ["early"]


def test_due_is_of_one_cloud(db: Database) -> None:
    site(db, "a", region="one").project("p1").discover()
    assert due(site(db, "b", region="two")) == []


def test_made_due(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover().quota("p1").quota("p2")
    assert due(alpha) == []
    by_tenant.make_due(db, [alpha.row("p1"), alpha.row("p1")], NOW)
    by_tenant.make_due(db, [], NOW)
    assert due(alpha) == ["p1"]


@pytest.mark.parametrize(("marked", "still"), [(NOW - 1, []), (NOW, []), (NOW + 1, ["p1"])])
def test_quotas_changed_while_being_read_are_read_again(
    db: Database, marked: int, still: list[str]
) -> None:
    alpha = site(db).project("p1").discover().quota("p1")
    by_tenant.make_due(db, [alpha.row("p1")], NOW - 9)
    # The reading begins at NOW, and is written three seconds later.
    by_tenant.make_due(db, [alpha.row("p1")], marked)
    by_tenant.record(
        db, alpha.row("p1"), {}, now=NOW + 3, due_at=NOW + 60, error=None, asked_at=NOW
    )
    assert due(alpha, NOW + 3) == still
    assert due(alpha, NOW + 60) == ["p1"]


def test_a_whole_cloud_is_made_due(db: Database) -> None:
    alpha = site(db, "a", region="one").project("p1").project("p2").discover()
    beta = site(db, "b", region="two").project("p1").discover().quota("p1")
    alpha.quota("p1").quota("p2")
    by_tenant.make_cloud_due(db, alpha.cloud, NOW)
    assert due(alpha) == ["p1", "p2"]
    assert due(beta) == []


def test_a_service_that_failed_keeps_its_last_figures(db: Database) -> None:
    alpha = site(db).project("p1").discover().quota("p1", vcpu=(8, 2), storage=(5, 1))
    by_tenant.record(db, alpha.row("p1"), {}, now=NOW + 9, due_at=NOW + 60, error="Nova: 500")
    totals, known = sums.total(db, EVERYTHING, Selection())
    assert (totals["vcpu"], totals["storage"]) == (QuotaSum(8, 0, 2), QuotaSum(5, 0, 1))
    assert (known.tenants_known, known.oldest) == (1, NOW)
    assert db.scalar(select(tables.quota.c.error)) == "Nova: 500"
    assert due(alpha, NOW + 60) == ["p1"]
