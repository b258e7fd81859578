"""What is open ends with what it is of, or below: by hand, by discovery, and with its cloud."""

import pytest
from sqlalchemy import select

from openstats.alerts import Restriction, SubjectLabels
from openstats.errors import ConflictError
from openstats.storage.alerts import labels, subjects
from openstats.storage.alerts.histories import NO_SUBJECT
from openstats.storage.inventory import instances
from openstats.storage.registry import clouds, customers, tenants
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database
from tests.registry import NOW, Site, site, uuids
from tests.storage.alerts.rows import one

END = NOW + 60
KINDS = ("customer", "project_group", "project", "tenant", "instance", "cloud")


def alarmed(db: Database) -> tuple[Site, dict[str, str]]:
    """Return a cloud with a lone project, and what there is of each kind, by its open alert."""
    here = site(db).project("p", groups=["web"]).project("q", customer="other").discover()
    here.server("p", uuid="i")
    tenant = db.scalar(select(tables.tenant.c.uuid).where(tables.tenant.c.name == "p"))
    cloud = db.scalar(select(tables.cloud.c.uuid))
    named = {"customer": "acme", "project_group": "web", "project": "p"}
    of = {kind: uuids(db, kind)[name] for kind, name in named.items()}
    of |= {"tenant": str(tenant), "instance": "i", "cloud": str(cloud)}
    return here, {one(db, kind, uuid): kind for kind, uuid in of.items()}


def ended(db: Database, kinds: dict[str, str]) -> set[str]:
    """Return of which kinds of things alerts are over; they are as of the end."""
    rows = db.execute(select(alert.c.uuid, alert.c.until)).all()
    assert {until for _, until in rows} <= {END, FOREVER}
    return {kinds[uuid] for uuid, until in rows if until == END}


def test_a_tenant_missing_twice_closes_the_alerts_of_all_that_is_left_empty(db: Database) -> None:
    here, kinds = alarmed(db)
    here.without("p").discover(END - 1)
    assert ended(db, kinds) == set()
    here.discover(END)
    assert ended(db, kinds) == {*KINDS} - {"cloud"}


def test_a_removed_instance_closes_its_alerts_only(db: Database) -> None:
    here, kinds = alarmed(db)
    instances.remove(db, here.cloud, ["i"], now=END)
    assert ended(db, kinds) == {"instance"}


OWN = {"customer": "c" * 36, "project": "p" * 36, "project_group": "g" * 36}


@pytest.mark.parametrize(
    "removed", [("project_group",), ("project",), ("project_group", "project", "customer")]
)
def test_deletion_by_hand_closes_alerts(db: Database, removed: tuple[str, ...]) -> None:
    for kind, uuid in OWN.items():
        owner = None if kind == "customer" else OWN["customer"]
        customers.write(db, kind, uuid, ObjectChange(kind, customer=owner), NOW)
    kinds = {one(db, kind, uuid): kind for kind, uuid in OWN.items()}
    for kind in removed:
        customers.delete(db, kind, OWN[kind], END)
    assert ended(db, kinds) == {*removed}


def test_a_removed_cloud_closes_all_alerts_below_it(db: Database) -> None:
    here, kinds = alarmed(db)
    tenants.link(db, {here.row(key): None for key in "pq"}, NOW)
    clouds.remove(db, here.cloud.uuid, END)
    kept = {"customer", "project_group", "project"}
    open_ones = db.scalars(select(alert.c.uuid).where(alert.c.until == FOREVER))
    assert {kinds.get(uuid) for uuid in open_ones} == kept


@pytest.mark.parametrize("kind", ["customer", "project_group", "project", "tenant", "instance"])
def test_no_alert_can_be_posted_about_a_deleted_object(db: Database, kind: str) -> None:
    here, _ = alarmed(db)
    uuid = "i" if kind == "instance" else ""
    table = tables.metadata.tables[kind]
    if not uuid:
        name = {"customer": "acme", "project_group": "web"}.get(kind, "p")
        uuid = str(db.scalar(select(table.c.uuid).where(table.c.name == name)))
    instances.remove(db, here.cloud, ["i"], now=END)
    here.without("p").discover(NOW).discover(END)
    with pytest.raises(ConflictError, match=f"{uuid} not found"):
        subjects.of_object(db, kind, uuid)


def test_label_of_a_deleted_object_names_no_subject(db: Database) -> None:
    here, _ = alarmed(db)
    here.without("p").discover(NOW).discover(END)
    for bound in (Restriction(), Restriction(customer=uuids(db, "customer")["acme"])):
        (history,) = labels.of_labels(db, bound, [SubjectLabels(tenant="p")])
        assert (history.at(END - 1).kind, history.at(END)) == ("tenant", NO_SUBJECT)
    here.project("p", groups=["web"]).discover(END + 60)
    (history,) = labels.of_labels(db, Restriction(), [SubjectLabels(tenant="p")])
    assert history.changes == ()
