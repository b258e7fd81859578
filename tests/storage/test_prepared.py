"""Prepared statements: they answer as SQLAlchemy does, and fail as it does."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, bindparam, func, insert, literal, select, update
from sqlalchemy.exc import DBAPIError

from openstats.errors import StoreError
from openstats.storage.dialects import constant, numbers, one_of
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert_episode
from openstats.storage.store import Store

customer = tables.customer
UUIDS = ("one", "two", "three")


@pytest.fixture
def customers(store: Store) -> Store:
    with store.transaction() as db:
        rows = [{"uuid": u, "name": f"{u}'s", "created_at": len(u)} for u in UUIDS]
        db.execute(insert(customer), rows)
    return store


@pytest.mark.parametrize(
    ("where", "values"),
    [
        (one_of(customer.c.uuid, "uuids"), {"uuids": ["two", "three", "%s"]}),
        (one_of(customer.c.uuid, "uuids"), {"uuids": []}),
        (customer.c.uuid == bindparam("uuid"), {"uuid": "one"}),
        (customer.c.name == "two's", {}),
        (customer.c.created_at > constant(3), {}),
        (customer.c.created_at.in_(select(numbers("lengths").c.value)), {"lengths": [3, 2**52]}),
        (customer.c.created_at < bindparam("most"), {"most": 2**52}),
    ],
)
def test_answers_as_sqlalchemy_does(
    customers: Store, where: ColumnElement[bool], values: dict[str, Any]
) -> None:
    columns = customer.c.uuid, customer.c.created_at, literal("100 %"), func.count().over()
    statement = select(*columns).where(where).order_by(customer.c.uuid)
    with customers.read() as db:
        expected = [tuple(row) for row in db.execute(statement, values)]
        assert list(Prepared(statement).rows(db, values)) == expected


def test_reads_the_state_of_the_whole_transaction(customers: Store) -> None:
    names = Prepared(select(customer.c.name).where(customer.c.uuid == "one"))
    with customers.read() as db:
        before = names.row(db, {})
        with customers.transaction() as other:
            other.execute(update(customer).values(name="renamed"))
        assert names.row(db, {}) == before == ("one's",)


def test_a_parameter_that_is_not_given_is_a_mistake(customers: Store) -> None:
    names = Prepared(select(customer.c.name).where(customer.c.uuid == bindparam("uuid")))
    with customers.read() as db, pytest.raises((KeyError, DBAPIError), match="uuid"):
        names.rows(db, {})


def test_refuses_a_list_that_would_be_spelled_out(customers: Store) -> None:
    spelled = Prepared(select(customer).where(customer.c.uuid.in_(bindparam("u", expanding=True))))
    with customers.read() as db, pytest.raises(TypeError, match="u"):
        spelled.rows(db, {"u": ["one"]})


def test_a_store_that_lost_a_table_is_a_store_error(customers: Store) -> None:
    episodes = Prepared(select(alert_episode))
    with customers.transaction() as db:
        alert_episode.drop(db)
    with pytest.raises(StoreError, match="does not answer"), customers.read() as db:
        episodes.rows(db, {})
