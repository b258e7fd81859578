"""Clouds in the registry: which one is the same, and by which URLs it is found."""

import pytest
from sqlalchemy import select

from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.registry import clouds
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_url
from openstats.storage.store import Database
from tests.registry import KEYSTONE, site

KEYSTONE_URL = "https://other.example/identity"


def cloud(name: str, region: str = "RegionOne", keystone: str = KEYSTONE) -> Cloud:
    return Cloud(name, keystone + "/v3", region, keystone)


def urls(db: Database, owner: Cloud) -> set[str]:
    url = cloud_url
    return set(db.scalars(select(url.c.url).where(url.c.cloud_id == owner.id)))


def names(db: Database) -> list[str]:
    return [found.name for found in clouds.clouds(db)]


def test_a_cloud_is_registered_with_all_its_fields(db: Database) -> None:
    kept = clouds.write_cloud(db, cloud("alpha"), [])
    assert (kept.name, kept.auth_url, kept.region, kept.keystone) == (
        "alpha",
        KEYSTONE + "/v3",
        "RegionOne",
        KEYSTONE,
    )
    assert kept.id
    assert len(kept.uuid) == 36
    assert clouds.clouds(db) == [kept]


def test_the_same_keystone_and_region_is_the_same_cloud_renamed(db: Database) -> None:
    before = clouds.write_cloud(db, cloud("alpha"), [])
    after = clouds.write_cloud(db, cloud("beta"), [])
    assert (after.id, after.uuid, after.name) == (before.id, before.uuid, "beta")
    assert names(db) == ["beta"]


def test_the_same_name_is_the_same_cloud_moved(db: Database) -> None:
    before = clouds.write_cloud(db, cloud("alpha"), [])
    after = clouds.write_cloud(db, cloud("alpha", keystone=KEYSTONE_URL), [])
    assert (after.id, after.keystone) == (before.id, KEYSTONE_URL)
    assert names(db) == ["alpha"]


def test_another_region_is_another_cloud(db: Database) -> None:
    one = clouds.write_cloud(db, cloud("alpha:one", "one"), [])
    two = clouds.write_cloud(db, cloud("alpha:two", "two"), [])
    assert one.id != two.id
    assert one.uuid != two.uuid


def test_two_clouds_may_swap_names(db: Database) -> None:
    one = clouds.write_cloud(db, cloud("alpha"), [])
    two = clouds.write_cloud(db, cloud("beta", "RegionTwo"), [])
    clouds.write_cloud(db, cloud("beta"), [])
    clouds.write_cloud(db, cloud("alpha", "RegionTwo"), [])
    found = {known.name: known.id for known in clouds.clouds(db)}
    assert found == {"beta": one.id, "alpha": two.id}


def test_clouds_are_listed_by_name(db: Database) -> None:
    for name in ("b", "c", "a"):
        clouds.write_cloud(db, cloud(name, region=name), [])
    assert names(db) == ["a", "b", "c"]


def test_urls_are_added_and_those_of_before_stay(db: Database) -> None:
    kept = clouds.write_cloud(db, cloud("alpha"), ["http://one"])
    clouds.write_cloud(db, cloud("alpha"), ["http://two", "http://one"])
    clouds.add_urls(db, kept, ["http://three", "http://two"])
    assert urls(db, kept) == {KEYSTONE, "http://one", "http://two", "http://three"}


def test_two_clouds_may_share_a_url(db: Database) -> None:
    one = clouds.write_cloud(db, cloud("a", "one"), [])
    two = clouds.write_cloud(db, cloud("b", "two"), [])
    assert urls(db, one) == urls(db, two) == {KEYSTONE}


@pytest.mark.parametrize("table", ["tenant", "quota", "instance", "volume_use", "capacity", "job"])
def test_removing_a_cloud_takes_what_was_read_of_it(db: Database, table: str) -> None:
    alpha = site(db).project("p1").discover().quota("p1").servers("p1", 1).volumes(p1=1)
    alpha.capacity().polled()
    found = select(tables.metadata.tables[table])
    assert db.execute(found).all()
    clouds.remove_cloud(db, alpha.cloud)
    assert db.execute(found).all() == []
    assert db.scalars(select(tables.project.c.name)).all() == ["p1"]


def job_rows(db: Database) -> set[tuple[str, float]]:
    return {(row.kind, row.next_at) for row in db.execute(select(tables.job))}


def test_jobs_of_a_registered_cloud_are_due_at_once(db: Database) -> None:
    clouds.register(db, cloud("alpha"), [], 5)
    assert job_rows(db) == {(kind, 5) for kind in jobs.KINDS}


def test_registering_a_cloud_again_leaves_its_jobs_as_they_are(db: Database) -> None:
    registered = clouds.register(db, cloud("alpha"), [], 5)
    assert clouds.register(db, cloud("alpha"), [], 9) == registered
    assert job_rows(db) == {(kind, 5) for kind in jobs.KINDS}


def test_a_cloud_whose_entry_cannot_be_used_has_jobs_too(db: Database) -> None:
    clouds.register_unusable(db, cloud("alpha"), "clouds.yaml", 5)
    assert job_rows(db) == {(kind, 5) for kind in jobs.KINDS}
