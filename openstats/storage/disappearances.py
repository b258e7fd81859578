"""Mass disappearances: what is gone from clouds all at once, and how often that was seen.

It is kept with the job that sees it, until that job sees otherwise.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, select, update

from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.schema import tables

job = tables.job


@dataclass(frozen=True)
class Sighting:
    """That so many of so many things are gone, how often that was seen, and if it was accepted."""

    gone: int
    total: int
    seen: int = 1
    accepted: bool = False


def read(db: Connection, cloud: Cloud, kind: str) -> dict[str, Sighting]:
    """Return what a kind of poll saw disappear, by what it is ("servers")."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = db.scalar(select(job.c.vanished).where(*condition))
    sightings = {}
    for subject, values in json.loads(content or "{}").items():
        sightings[subject] = Sighting(**values)
    return sightings


def write(db: Connection, cloud: Cloud, kind: str, sightings: Mapping[str, Sighting]) -> None:
    """Write what a kind of poll sees; nothing, once it sees nothing disappear."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = {subject: asdict(sighting) for subject, sighting in sightings.items()}
    value = json.dumps(content) if content else None
    db.execute(update(job).where(*condition).values(vanished=value))


def accept(db: Connection, cloud: Cloud, now: float) -> dict[str, Sighting]:
    """Accept and return all that is seen to have disappeared; its jobs are due at once."""
    accepted: dict[str, Sighting] = {}
    kinds = select(job.c.kind).where(job.c.cloud_id == cloud.id, job.c.vanished.is_not(None))
    for kind in db.scalars(kinds).all():
        sightings = read(db, cloud, kind)
        for subject, sighting in sightings.items():
            sightings[subject] = replace(sighting, accepted=True)
        write(db, cloud, kind, sightings)
        jobs.make_due(db, [cloud.id], [kind], now)
        accepted |= sightings
    return accepted
