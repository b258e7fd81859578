"""Instances: what changed, what moved, what a sweep did not show."""

from typing import Any

import pytest
from sqlalchemy import select

from openstats.model import Changes
from openstats.storage.inventory import instances
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, Site, server, site

UUID = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"


def kept(of: Site) -> list[Any]:
    table = tables.instance
    return list(of.db.execute(select(table).where(table.c.cloud_id == of.cloud.id)))


def test_every_field_is_kept(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID, name="web", status="SHUTOFF", vcpus=3, ram=5, disk=7, seen=9)
    (row,) = kept(alpha)
    assert (row.uuid, row.tenant_id, row.name, row.status) == (
        UUID,
        alpha.row("p1"),
        "web",
        "SHUTOFF",
    )
    assert (row.vcpus, row.ram, row.disk, row.created_at, row.seen) == (3, 5, 7, NOW - 1000, 9)


def test_a_new_server_changes_its_tenant(db: Database) -> None:
    alpha = site(db)
    assert alpha.server("p1", uuid=UUID).tenants == {alpha.row("p1")}


def test_the_same_again_changes_nothing_but_when_it_was_seen(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID, seen=1)
    assert not alpha.server("p1", uuid=UUID, seen=2).tenants
    assert [row.seen for row in kept(alpha)] == [2]


@pytest.mark.parametrize(
    "changed", [{"status": "SHUTOFF"}, {"vcpus": 9}, {"ram": 9}, {"disk": 9}], ids=str
)
def test_changed_instances_mark_their_tenant(db: Database, changed: dict[str, Any]) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID)
    assert alpha.server("p1", uuid=UUID, **changed).tenants == {alpha.row("p1")}


def test_a_new_name_is_kept_and_changes_no_tenant(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID)
    assert not alpha.server("p1", uuid=UUID, name="renamed").tenants
    assert [row.name for row in kept(alpha)] == ["renamed"]


def test_a_server_that_moved_changes_both_tenants(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID)
    assert alpha.server("p2", uuid=UUID).tenants == {alpha.row("p1"), alpha.row("p2")}
    assert [row.tenant_id for row in kept(alpha)] == [alpha.row("p2")]


def test_a_server_that_migrated_changes_both_hosts(db: Database) -> None:
    alpha = site(db)
    assert alpha.server("p1", uuid=UUID).hosts == set()
    assert alpha.server("p1", uuid=UUID, host="one").hosts == {"one"}
    assert alpha.server("p1", uuid=UUID, host="two").hosts == {"one", "two"}
    assert instances.remove(db, alpha.cloud, [UUID], now=NOW).hosts == {"two"}


def test_one_uuid_in_two_clouds_is_two_servers(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    one.server("p1", uuid=UUID)
    assert two.server("p1", uuid=UUID, name="other").tenants == {two.row("p1")}
    assert [row.name for row in kept(one)] == ["vm"]


def test_an_empty_page_changes_nothing(db: Database) -> None:
    assert instances.write(db, site(db).cloud, [], seen=NOW, now=NOW) == Changes()


def test_removing_tells_whose_they_were(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID)
    alpha.server("p2", uuid=OTHER)
    assert instances.remove(db, alpha.cloud, [UUID, "not there"], now=NOW).tenants == {
        alpha.row("p1")
    }
    assert [row.uuid for row in kept(alpha)] == [OTHER]
    assert not instances.remove(db, alpha.cloud, [UUID], now=NOW).tenants


def test_removing_is_of_one_cloud(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    two.server("p1", uuid=UUID)
    assert not instances.remove(db, one.cloud, [UUID], now=NOW).tenants
    assert len(kept(two)) == 1


def test_unseen_are_those_of_older_sweeps(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    one.server("p1", uuid=UUID, seen=NOW - 1)
    one.server("p1", uuid=OTHER, seen=NOW)
    two.server("p1", uuid=UUID, seen=NOW - 1)
    assert instances.unseen(db, one.cloud, NOW) == [UUID]
    assert instances.unseen(db, one.cloud, NOW - 1) == []


def test_instances_missing_in_a_full_list_are_looked_up(db: Database) -> None:
    alpha = site(db)
    alpha.server("p1", uuid=UUID, seen=0)
    assert instances.unseen(db, alpha.cloud, NOW) == [UUID]


def test_first_created_is_of_each_tenants_earliest(db: Database) -> None:
    alpha, beta = site(db, "a", region="one"), site(db, "b", region="two")
    for key, at in (("p1", 30), ("p1", 10), ("p2", 20)):
        alpha.server(key, created_at=at)
    beta.server("p1", created_at=1)
    assert instances.first_created(db, alpha.cloud) == {alpha.row("p1"): 10, alpha.row("p2"): 20}


def test_a_page_is_written_at_once(db: Database) -> None:
    alpha = site(db)
    page = [server(f"p{i % 7}") for i in range(1500)]
    changed = instances.write(db, alpha.cloud, page, seen=NOW, now=NOW)
    assert len(changed.tenants) == 7
    assert len(kept(alpha)) == 1500
