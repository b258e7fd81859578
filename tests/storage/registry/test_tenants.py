"""Tenants: seen, missed, gone and back again."""

from typing import Any

from sqlalchemy import select

from openstats.storage.quota import by_tenant
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, Site, site

tenant = tables.tenant


def state(of: Site, key: str) -> Any:
    return of.db.execute(select(tenant).where(tenant.c.id == of.row(key))).one()


def test_one_missed_sweep_is_not_the_end(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    alpha.without("p2").discover(NOW + 60)
    assert state(alpha, "p2").deleted_at is None


def test_gone_after_two_sweeps(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    alpha.without("p2").discover(NOW + 60).discover(NOW + 120).discover(NOW + 180)
    assert state(alpha, "p2").deleted_at == NOW + 120
    assert state(alpha, "p1").deleted_at is None


def test_misses_are_counted_in_a_row(db: Database) -> None:
    alpha = site(db).project("p1").discover()
    for _ in range(3):
        alpha.without("p1").discover()
        alpha.project("p1").discover()
    assert state(alpha, "p1").deleted_at is None


def test_back_again(db: Database) -> None:
    alpha = site(db).project("p1").discover()
    before = state(alpha, "p1")
    alpha.without("p1").discover().discover()
    alpha.project("p1", name="back", enabled=False).discover()
    after = state(alpha, "p1")
    assert (after.deleted_at, after.missed, after.name, after.enabled) == (None, 0, "back", False)
    assert (after.uuid, after.project_id) == (before.uuid, before.project_id)


def test_unknown_projects_of_services_become_tenants_without_a_project(
    db: Database,
) -> None:
    alpha = site(db).servers("stranger", 1)
    found = state(alpha, "stranger")
    assert (found.project_id, found.name, found.enabled) == (None, "", True)


def test_discovery_links_a_tenant_that_a_service_reported_first(db: Database) -> None:
    alpha = site(db).servers("p1", 1)
    before = alpha.row("p1")
    alpha.project("p1").discover()
    assert alpha.row("p1") == before
    assert state(alpha, "p1").project_id is not None


def test_rows_of_adds_each_once_with_a_quota_that_is_due(db: Database) -> None:
    alpha = site(db)
    first = tenants.rows_of(db, alpha.cloud, ["a", "b", "a"], NOW)
    assert tenants.rows_of(db, alpha.cloud, ["b"], NOW + 60) == first
    alpha.project("a").project("b").discover()
    assert [key for _, key in by_tenant.due(db, alpha.cloud, NOW)] == ["a", "b"]


def test_one_id_in_two_clouds_is_two_tenants(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    assert one.row("p1") != two.row("p1")
