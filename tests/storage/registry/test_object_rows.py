"""Rows of objects: how what is set by hand meets what is there, and what is written."""

from typing import Any

import pytest
from sqlalchemy import select

from openstats.errors import ConflictError
from openstats.storage.registry.object_rows import ObjectRow, ObjectRows
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import KEYSTONE, NOW, site, uuids

UUID = "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10"
NOWHERE = {"keystone": None, "keystone_id": None}


@pytest.fixture
def acme(db: Database) -> ObjectRow:
    """Return the row of a customer that was discovered."""
    site(db).project("shop", customer="acme").project("lab", customer="umbrella").discover()
    return row(db, uuids(db, "customer")["acme"])


def row(db: Database, uuid: str) -> ObjectRow:
    customer = tables.customer
    return dict(db.execute(select(customer).where(customer.c.uuid == uuid)).mappings().one())


def put(db: Database, *objects: ObjectRow) -> list[ObjectRow]:
    rows = ObjectRows(db, tables.customer, NOW + 60)
    written = [rows.put(columns) for columns in objects]
    rows.write(db)
    return written


def test_a_new_object_gets_an_id_and_the_time_of_writing(db: Database) -> None:
    (new,) = put(db, {"uuid": UUID, "name": "new", **NOWHERE})
    assert new["id"]
    stored = row(db, UUID)
    assert (stored["name"], stored["created_at"], stored["undated"]) == ("new", NOW + 60, False)


@pytest.mark.parametrize(
    ("columns", "flag"),
    [
        ({"name": "acme"}, False),
        ({"name": "Acme Ltd"}, True),
        ({}, False),
    ],
    ids=["same", "other", "none"],
)
def test_another_name_is_one_by_hand(
    db: Database, acme: ObjectRow, columns: dict[str, Any], flag: bool
) -> None:
    put(db, {"uuid": acme["uuid"], **columns, **NOWHERE})
    stored = row(db, acme["uuid"])
    assert stored["name_by_hand"] is flag
    assert (stored["keystone"], stored["keystone_id"]) == (KEYSTONE, "acme")


def test_an_object_is_found_by_its_origin_and_takes_the_uuid(db: Database, acme: ObjectRow) -> None:
    origin = {"keystone": KEYSTONE, "keystone_id": "acme"}
    put(db, {"uuid": UUID, "name": "acme", **origin})
    assert row(db, UUID)["id"] == acme["id"]


def test_no_two_objects_have_one_origin(db: Database, acme: ObjectRow) -> None:
    origin = {"keystone": KEYSTONE, "keystone_id": "umbrella"}
    with pytest.raises(ConflictError, match="the same uuid or origin"):
        put(db, {"uuid": acme["uuid"], "name": "acme", **origin})


def test_two_objects_may_swap_their_origins_in_one_write(db: Database, acme: ObjectRow) -> None:
    umbrella = row(db, uuids(db, "customer")["umbrella"])
    aside = {"keystone": KEYSTONE, "keystone_id": "aside"}
    origins = [{"keystone": KEYSTONE, "keystone_id": key} for key in ("acme", "umbrella")]
    put(
        db,
        {"uuid": acme["uuid"], "name": "acme", **aside},
        {"uuid": umbrella["uuid"], "name": "umbrella", **origins[0]},
    )
    assert row(db, umbrella["uuid"])["keystone_id"] == "acme"
    assert row(db, acme["uuid"])["keystone_id"] == "aside"


def test_what_was_deleted_is_there_again(db: Database, acme: ObjectRow) -> None:
    table = tables.customer
    db.execute(table.update().values(deleted_at=NOW, vanished=True))
    put(db, {"uuid": acme["uuid"], "name": "acme", **NOWHERE})
    stored = row(db, acme["uuid"])
    assert (stored["deleted_at"], stored["vanished"]) == (None, False)


def test_a_name_as_an_export_spells_it_is_no_change(db: Database) -> None:
    site(db).project("shop", customer="a\x1bb").discover()
    (uuid,) = uuids(db, "customer").values()
    put(db, {"uuid": uuid, "name": "a\u241bb", **NOWHERE})
    stored = row(db, uuid)
    assert (stored["name"], stored["name_by_hand"]) == ("a\x1bb", False)


def test_what_was_set_by_hand_stays_so_when_it_is_set_again(db: Database, acme: ObjectRow) -> None:
    columns = {"uuid": acme["uuid"], "name": "Acme Ltd", **NOWHERE}
    put(db, columns)
    put(db, columns)
    assert row(db, acme["uuid"])["name_by_hand"] is True
