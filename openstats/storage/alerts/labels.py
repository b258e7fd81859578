"""Subjects that notifications name by labels, within what their receiver may report on."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Select, Table, select

from openstats.alerts import Restriction, SubjectLabels
from openstats.storage.alerts.histories import (
    NO_SUBJECT,
    History,
    Subject,
    constant_history,
    make_history,
    of_subjects,
)
from openstats.storage.alerts.subjects import (
    OWNERS_OF_TENANT,
    TENANT_WITH_PROJECT,
    find,
    of_tenant_row,
)
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, tenant, instance = tables.cloud, tables.tenant, tables.instance

NO_ROW = 0
"""A row id that no row has."""


def of_labels(
    db: Database, restriction: Restriction, labels: Sequence[SubjectLabels]
) -> list[History]:
    """Return a history for each alert: of the most specific subject that its labels may name.

    If labels name a cloud, only subjects in that cloud match, even if another cloud has a tenant
    with the same id.
    """
    instances = _instances(db, restriction, [of_alert.instance for of_alert in labels])
    tenants = _tenants(db, restriction, [of_alert.tenant for of_alert in labels])
    clouds = _clouds(db, restriction)
    cloud_names = dict(db.execute(select(cloud.c.id, cloud.c.name)).all())
    subjects = chain.from_iterable([*instances.values(), *tenants.values()])
    histories = _allowed_histories(db, restriction, subjects)

    def common_history(subjects: Iterable[Subject], cloud_name: str | None) -> History | None:
        in_cloud = []
        for subject in subjects:
            if subject in histories and cloud_name in (None, cloud_names[subject.cloud_id]):
                in_cloud.append(histories[subject])
        return _common(in_cloud)

    return [
        common_history(instances.get(of_alert.instance, ()), of_alert.cloud)
        or common_history(tenants.get(of_alert.tenant, ()), of_alert.cloud)
        or constant_history(clouds.get(of_alert.cloud, NO_SUBJECT))
        for of_alert in labels
    ]


def _allowed_histories(
    db: Database, restriction: Restriction, subjects: Iterable[Subject]
) -> dict[Subject, History]:
    """Return the histories of subjects that a receiver may name now, or might have named once."""
    unique_subjects = [*dict.fromkeys(subjects)]
    histories = dict(zip(unique_subjects, of_subjects(db, unique_subjects), strict=True))
    if not restriction.customer and not restriction.project:
        return histories
    customer_id = _row_id(db, tables.customer, restriction.customer)
    project_id = _row_id(db, tables.project, restriction.project)

    def is_allowed(subject: Subject) -> bool:
        of_customer = customer_id in (None, subject.customer_id)
        return of_customer and project_id in (None, subject.project_id)

    return {
        subject: _restricted(history, is_allowed)
        for subject, history in histories.items()
        if any(map(is_allowed, history.subjects))
    }


def _row_id(db: Database, table: Table, uuid: str | None) -> int | None:
    """Return the row id for a uuid; None for no uuid, NO_ROW for an unknown one."""
    if uuid is None:
        return None
    return db.scalar(select(table.c.id).where(table.c.uuid == uuid)) or NO_ROW


def _restricted(history: History, is_allowed: Callable[[Subject], bool]) -> History:
    """Return a history in which subjects that are not allowed are replaced by NO_SUBJECT."""

    def subject_at(time: int) -> Subject:
        subject = history.at(time)
        return subject if is_allowed(subject) else NO_SUBJECT

    return make_history(history.times, subject_at)


def _common(histories: Sequence[History]) -> History | None:
    """Return the history of what subjects share at each time; None if they share nothing."""
    if len(histories) < 2:
        return next(iter(histories), None)
    times = {time for history in histories for time in history.times}
    common = make_history(
        times, lambda time: _common_subject([history.at(time) for history in histories])
    )
    return None if common == constant_history(NO_SUBJECT) else common


def _common_subject(subjects: Iterable[Subject]) -> Subject:
    """Return the only existing subject, or the project of all of them if it is the same."""
    existing = [subject for subject in subjects if subject != NO_SUBJECT]
    if len(existing) == 1:
        return existing[0]
    owners = {(subject.customer_id, subject.project_id) for subject in existing}
    if len(owners) != 1:
        return NO_SUBJECT
    ((customer_id, project_id),) = owners
    if project_id is None:
        return NO_SUBJECT
    return Subject("project", customer_id=customer_id, project_id=project_id)


def _allowed_tenants(restriction: Restriction) -> Select[Any]:
    """Select the tenants that a receiver may name, with their owners and Keystone ids."""
    query = select(*OWNERS_OF_TENANT, tenant.c.keystone_id.label("keystone_id"))
    if restriction.clouds:
        query = query.where(cloud.c.name.in_(restriction.clouds))
    if restriction.tenants is not None:
        query = query.where(tenant.c.uuid.in_(restriction.tenants))
    return query.select_from(TENANT_WITH_PROJECT.join(cloud, cloud.c.id == tenant.c.cloud_id))


def _tenants(
    db: Database, restriction: Restriction, keystone_ids: Iterable[str | None]
) -> dict[str | None, list[Subject]]:
    """Return tenants by Keystone id: each region has one tenant with the id."""
    parameter = {"keystone_ids": _distinct(keystone_ids)}
    if not parameter["keystone_ids"]:
        return {}
    query = _allowed_tenants(restriction).where(one_of(tenant.c.keystone_id, "keystone_ids"))
    tenants: dict[str | None, list[Subject]] = {}
    for row in db.execute(query, parameter):
        tenants.setdefault(row.keystone_id, []).append(of_tenant_row("tenant", row))
    return tenants


def _instances(
    db: Database, restriction: Restriction, uuids: Iterable[str | None]
) -> dict[str | None, list[Subject]]:
    """Return instances by uuid, each as a list with one element."""
    parameter = {"uuids": _distinct(uuids)}
    if not parameter["uuids"]:
        return {}
    query = _allowed_tenants(restriction).add_columns(instance.c.uuid.label("instance"))
    query = query.join(instance, instance.c.tenant_id == tenant.c.id)
    rows = db.execute(query.where(one_of(instance.c.uuid, "uuids")), parameter)
    return {row.instance: [of_tenant_row("instance", row, row.instance)] for row in rows}


def _distinct(texts: Iterable[str | None]) -> list[str]:
    return sorted({text for text in texts if text is not None})


def _clouds(db: Database, restriction: Restriction) -> dict[str | None, Subject]:
    """Return the clouds, by name, that a receiver may name as subjects."""
    if restriction.customer or restriction.project or restriction.tenants is not None:
        return {}
    query = select(cloud.c.name, cloud.c.id)
    if restriction.clouds:
        query = query.where(cloud.c.name.in_(restriction.clouds))
    return {row.name: Subject("cloud", cloud_id=row.id) for row in db.execute(query)}


def of_restriction(db: Database, restriction: Restriction) -> History:
    """Return the history of what a receiver may report on: tenants, a project or a customer."""
    if restriction.tenants is not None:
        rows = db.execute(_allowed_tenants(restriction))
        subjects = [of_tenant_row("tenant", row) for row in rows]
        histories = _allowed_histories(db, restriction, subjects)
        return _common([*histories.values()]) or constant_history(NO_SUBJECT)
    for kind in ("project", "customer"):
        if uuid := getattr(restriction, kind):
            subject = find(db, kind, uuid) or NO_SUBJECT
            return of_subjects(db, [subject])[0]
    return constant_history(NO_SUBJECT)
