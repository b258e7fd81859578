"""Volumes: whose block storage changed since the last sweep."""

from openstats.model import VolumeUse
from openstats.storage.inventory import volumes
from openstats.storage.store import Database
from tests.registry import NOW, Site, site

USE = VolumeUse(volumes=2, gigabytes=30, snapshots=1, snapshot_gigabytes=10, first_created=5)


def write(of: Site, **found: VolumeUse) -> set[int]:
    return volumes.write(of.db, of.cloud, found, NOW)


def test_new_use_changes_the_tenant(db: Database) -> None:
    alpha = site(db)
    assert write(alpha, p1=USE) == {alpha.row("p1")}
    assert write(alpha, p1=USE) == set()


def test_the_date_of_the_first_volume_is_no_change(db: Database) -> None:
    alpha = site(db)
    write(alpha, p1=USE)
    assert write(alpha, p1=VolumeUse(2, 30, 1, 10, first_created=4)) == set()


def test_each_figure_counts(db: Database) -> None:
    alpha = site(db)
    write(alpha, p1=USE)
    for use in (VolumeUse(3, 30, 1, 10), VolumeUse(3, 31, 1, 10), VolumeUse(3, 31, 2, 10)):
        assert write(alpha, p1=use) == {alpha.row("p1")}
    assert write(alpha, p1=VolumeUse(3, 31, 2, 11)) == {alpha.row("p1")}


def test_a_tenant_that_the_sweep_does_not_show_has_nothing_any_more(db: Database) -> None:
    alpha = site(db)
    write(alpha, p1=USE, p2=USE)
    assert write(alpha, p2=USE) == {alpha.row("p1")}
    assert write(alpha, p2=USE) == set()


def test_tenants_without_volumes_do_not_change(db: Database) -> None:
    alpha = site(db)
    assert write(alpha, p1=VolumeUse(0, 0, 0, 0)) == set()


def test_a_sweep_is_of_one_cloud(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    write(one, p1=USE)
    assert write(two) == set()
    assert write(one, p1=USE) == set()
