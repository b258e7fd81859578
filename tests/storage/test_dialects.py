"""What each engine must do alike, though it is spelled differently."""

import pytest
from sqlalchemy import bindparam, func, insert, literal, select

from openstats.storage.dialects import Quotient, add_missing, one_of, upsert
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_url
from openstats.storage.store import Database
from openstats.storage.usage import readings
from tests.registry import NOW, site

customer = tables.customer

NAMES = [
    "ACME",
    "Acme",
    "acme",
    "acme ",
    "acme\t",
    "àcme",
    "straße",
    "strasse",
    "名",
    "acme🏢",
    "acme🏣",
]


@pytest.fixture
def names(db: Database) -> Database:
    rows = [{"uuid": str(number), "name": name} for number, name in enumerate(NAMES)]
    db.execute(insert(customer), rows)
    return db


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_equal_if_each_character_is(names: Database, name: str) -> None:
    query = select(customer.c.name)
    assert list(names.scalars(query.where(customer.c.name == name))) == [name]
    in_list = query.where(one_of(customer.c.name, "names"))
    assert list(names.scalars(in_list, {"names": [name]})) == [name]


def test_texts_are_in_the_order_of_their_characters(names: Database) -> None:
    query = select(customer.c.name).order_by(customer.c.name)
    assert list(names.scalars(query)) == sorted(NAMES)


def test_texts_that_differ_in_a_blank_are_two_groups(names: Database) -> None:
    groups = select(customer.c.name, func.count()).group_by(customer.c.name)
    assert len(names.execute(groups).all()) == len(NAMES)


@pytest.mark.parametrize("longer", ["x" * 256, "x" * 255 + " ", "x" * 5000])
def test_a_text_that_is_longer_than_a_column_equals_nothing_in_it(
    db: Database, longer: str
) -> None:
    db.execute(insert(customer).values(uuid="u", name="x" * 255))
    query = select(customer.c.uuid).where(one_of(customer.c.name, "names"))
    assert not db.execute(query, {"names": [longer]}).all()


@pytest.mark.parametrize("url", ["http://k/" + "x" * 2000, "http://k/é", "http://k/🏢", "HTTP://K"])
def test_a_url_that_cannot_be_stored_equals_no_stored_one(db: Database, url: str) -> None:
    longest = "http://k/" + "x" * 1015
    cloud_id = site(db).cloud.id
    db.execute(insert(cloud_url).values(cloud_id=cloud_id, url=longest))
    query = select(cloud_url.c.cloud_id)
    assert not db.execute(query.where(cloud_url.c.url == url)).all()
    in_list = query.where(one_of(cloud_url.c.url, "urls"))
    assert not db.execute(in_list, {"urls": [url]}).all()
    assert db.execute(in_list, {"urls": [url, longest]}).all()


def test_texts_have_no_end(db: Database) -> None:
    text = "🏢" * 300_000
    values = {"at": 1, "who": "w", "action": "a", "kind": "k", "object": "o", "request_id": "r"}
    db.execute(insert(tables.audit).values(uuid="u", before=text, **values))
    assert db.scalar(select(tables.audit.c.before)) == text


def test_a_cloud_may_have_20_000_tenants(db: Database) -> None:
    cloud = site(db).cloud
    tenants = [f"t{number}" for number in range(20_000)]
    slots = readings.slots(db, cloud, tenants, NOW)
    assert len(set(slots.values())) == 20_000
    vector = bytes(range(256)) * 4096
    values = {"cloud_id": cloud.id, "meter": "m", "at": 1, "totals": vector, "weights": b"\0"}
    upsert(db, tables.reading, [values])
    reading = tables.reading.c
    assert db.scalar(select(reading.totals)) == vector
    assert db.scalar(select(func.substr(reading.totals, 1_000_001, 8))) == vector[1_000_000:][:8]


@pytest.mark.parametrize("time", [1_700_000_000.123456, 0.1, 2**53 - 1.0, 1e-7])
def test_times_are_exact(db: Database, time: float) -> None:
    job = tables.job
    db.execute(insert(job).values(cloud_id=site(db).cloud.id, kind="k", next_at=time))
    assert db.scalar(select(job.c.next_at).where(job.c.kind == "k")) == time


@pytest.mark.parametrize(
    ("dividend", "divisor"), [(0, 7), (99_999, 100_000), (2**52 + 1, 3), (7, 7), (13, 7)]
)
def test_a_quotient_is_a_whole_number(db: Database, dividend: int, divisor: int) -> None:
    quotient = Quotient(literal(dividend) - 1 + 1, bindparam("divisor", divisor))
    assert db.scalar(select(quotient)) == dividend // divisor


def test_rows_are_replaced_or_left_as_they_are(db: Database) -> None:
    cloud_id = site(db).cloud.id
    first = {"cloud_id": cloud_id, "source": "s", "content": "1"}
    other = first | {"source": "other"}
    upsert(db, tables.meter_cursor, [first])
    add_missing(db, tables.meter_cursor, [first | {"content": "2"}, other])
    query = select(tables.meter_cursor.c.content).order_by(tables.meter_cursor.c.source)
    assert list(db.scalars(query)) == ["1", "1"]
    upsert(db, tables.meter_cursor, [first | {"content": "3"}])
    assert list(db.scalars(query)) == ["1", "3"]


def test_an_update_sees_the_values_from_before_it(db: Database) -> None:
    db.execute(insert(customer).values(uuid="u", name="n", created_at=1, deleted_at=2))
    values = {"created_at": customer.c.deleted_at, "deleted_at": customer.c.created_at}
    db.execute(customer.update().values(values))
    assert db.execute(select(customer.c.created_at, customer.c.deleted_at)).one() == (2, 1)
