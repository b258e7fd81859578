"""Histories: the subject of an alert at any time. Moves and deletions change its owners."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import func, or_, select, union_all

from openstats.storage.dialects import one_of
from openstats.storage.ownership import PROJECTS, TENANTS, Ownership, owner_periods
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import OWNERS
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is on: ``kind`` (None: unknown), and the row ids of its owners.

    ``groups`` are the row ids of the project groups that contain it.
    """

    kind: str | None = None
    customer_id: int | None = None
    project_group_id: int | None = None
    project_id: int | None = None
    tenant_id: int | None = None
    cloud_id: int | None = None
    instance: str | None = None
    groups: tuple[int, ...] = ()

    def columns(self) -> dict[str, object]:
        """Return the columns of the table ``alert`` that describe the subject."""
        owner_ids = {f"{owner}_id": getattr(self, f"{owner}_id") for owner in OWNERS}
        return {"kind": self.kind, "instance": self.instance} | owner_ids


NO_SUBJECT = Subject()

MOVABLE_KINDS = ("project", "tenant", "instance")
"""The kinds of subjects whose owner can change."""


@dataclass(frozen=True, slots=True)
class History:
    """Subjects in order of time; each is valid until the time of the next. The first time is 0."""

    times: tuple[int, ...]
    subjects: tuple[Subject, ...]

    def at(self, time: int) -> Subject:
        """Return the subject at a time."""
        return self.subjects[bisect_right(self.times, max(0, time)) - 1]

    @property
    def changes(self) -> tuple[int, ...]:
        """The times at which the subject changed."""
        return self.times[1:]


def constant_history(subject: Subject) -> History:
    """Return the history of a subject that never changed."""
    return History((0,), (subject,))


def make_history(times: Iterable[int], subject_at: Callable[[int], Subject]) -> History:
    """Return the history of the subjects that ``subject_at`` returns at these times."""
    changes: list[int] = []
    subjects: list[Subject] = []
    for time in sorted({0, *times}):
        subject = subject_at(time)
        if not subjects or subject != subjects[-1]:
            changes.append(time)
            subjects.append(subject)
    return History(tuple(changes), tuple(subjects))


class Period(NamedTuple):
    """A period in which an owner (a row id; None: no owner) had something."""

    since: int
    until: int
    owner: int | None


OwnerPeriods = Mapping[int | None, Sequence[Period]]
"""Periods in order of time, by row id. Rows that never moved and were never deleted are missing."""


def of_subjects(db: Database, subjects: Sequence[Subject]) -> list[History]:
    """Return the histories of subjects with these present owners; after a deletion, there is none.

    The number of statements does not depend on the number of subjects.
    """
    tenants = _periods(db, TENANTS, {subject.tenant_id for subject in subjects})
    project_ids = {subject.project_id for subject in subjects}
    for periods in tenants.values():
        project_ids.update(period.owner for period in periods)
    # The subject does not say which customer owned the project of a tenant before a move.
    projects = _periods(db, PROJECTS, project_ids, unmoved=bool(tenants))
    customer_ids = {subject.customer_id for subject in subjects if subject.kind == "customer"}
    deletions = _deletions(db, customer_ids)
    if not tenants and not projects and not deletions:
        return [constant_history(subject) for subject in subjects]
    return [_history(subject, tenants, projects, deletions) for subject in subjects]


def _periods(
    db: Database, kind: Ownership, row_ids: Collection[int | None], *, unmoved: bool = False
) -> OwnerPeriods:
    """Return the periods of owners by row id.

    Rows that never moved and were never deleted are missing, unless ``unmoved``. For tenants::

        SELECT id, project_since, coalesce(deleted_at, <forever>), project_id
        FROM tenant WHERE id IN (…) AND (project_since > 0 OR deleted_at IS NOT NULL)
        UNION ALL
        SELECT tenant_id, since, until, project_id FROM former_project WHERE tenant_id IN (…)
    """
    parameter = {"row_ids": sorted(filter(None, row_ids))}
    if not parameter["row_ids"]:
        return {}
    now, former = owner_periods(kind)
    deleted_at = kind.owned.c.deleted_at
    present = select(now.row_id, now.since, func.coalesce(deleted_at, now.until), now.owner_id)
    present = present.where(one_of(now.row_id, "row_ids"))
    if not unmoved:
        present = present.where(or_(now.since > 0, deleted_at.is_not(None)))
    past = select(former.row_id, former.since, former.until, former.owner_id)
    past = past.where(one_of(former.row_id, "row_ids"))
    periods: dict[int | None, list[Period]] = {}
    for row_id, since, until, owner in db.execute(union_all(present, past), parameter):
        periods.setdefault(row_id, []).append(Period(since, until, owner))
    for owners in periods.values():
        owners.sort()
    return periods


def _deletions(db: Database, customer_ids: Collection[int | None]) -> dict[int | None, int]:
    """Return the times when customers were deleted, by row id; existing customers are missing."""
    parameter = {"row_ids": sorted(filter(None, customer_ids))}
    if not parameter["row_ids"]:
        return {}
    customer = tables.customer
    deleted = select(customer.c.id, customer.c.deleted_at).where(customer.c.deleted_at.is_not(None))
    return dict(db.execute(deleted.where(one_of(customer.c.id, "row_ids")), parameter).all())


def _history(
    subject: Subject,
    tenants: OwnerPeriods,
    projects: OwnerPeriods,
    deletions: Mapping[int | None, int],
) -> History:
    if subject.kind == "customer" and subject.customer_id in deletions:
        return History((0, deletions[subject.customer_id]), (subject, NO_SUBJECT))
    if subject.kind not in MOVABLE_KINDS:
        return constant_history(subject)
    tenant_periods = tenants.get(subject.tenant_id, ())
    periods = [*tenant_periods]
    for project_id in {subject.project_id, *(period.owner for period in tenant_periods)}:
        periods += projects.get(project_id, ())
    edges: set[int] = set()
    for period in periods:
        edges |= {period.since, period.until} - {FOREVER}
    return make_history(edges, lambda time: _subject_at(subject, tenant_periods, projects, time))


def _subject_at(
    subject: Subject, tenant_periods: Sequence[Period], projects: OwnerPeriods, time: int
) -> Subject:
    """Return the subject at a time, given the periods of its tenant's and its projects' owners."""
    if tenant_periods and time >= tenant_periods[-1].until:
        return NO_SUBJECT
    project_id = _owner(tenant_periods, time) if tenant_periods else subject.project_id
    customer_id = subject.customer_id
    if project_id in projects:
        customer_id = _owner(projects[project_id], time)
    if project_id is not None and customer_id is not None:
        return replace(subject, project_id=project_id, customer_id=customer_id)
    if subject.kind == "project":
        return NO_SUBJECT
    # A tenant may outlive its project.
    return replace(subject, project_id=None, customer_id=None)


def _owner(periods: Sequence[Period], time: int) -> int | None:
    for period in periods:
        if period.since <= time < period.until:
            return period.owner
    return None
