"""What disappeared from clouds all at once, and how often that was seen.

It is kept with the job that sees it, until that job sees otherwise.
"""

import json
from dataclasses import asdict, dataclass

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
    """Return what a kind of poll saw disappear, by what it is."""
    mine = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = db.scalar(select(job.c.vanished).where(*mine))
    return {what: Sighting(**values) for what, values in json.loads(content or "{}").items()}


def write(db: Connection, cloud: Cloud, kind: str, sightings: dict[str, Sighting]) -> None:
    """Keep what a kind of poll sees; nothing, once it sees nothing disappear."""
    mine = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = {what: asdict(sighting) for what, sighting in sightings.items()}
    db.execute(update(job).where(*mine).values(vanished=json.dumps(content) if content else None))


def accept(db: Connection, cloud: Cloud, now: float) -> dict[str, Sighting]:
    """Accept all that is seen to have disappeared from a cloud; its jobs are due at once."""
    accepted: dict[str, Sighting] = {}
    kinds = select(job.c.kind).where(job.c.cloud_id == cloud.id, job.c.vanished.is_not(None))
    for kind in db.scalars(kinds).all():
        sightings = {
            what: Sighting(seen.gone, seen.total, seen.seen, accepted=True)
            for what, seen in read(db, cloud, kind).items()
        }
        write(db, cloud, kind, sightings)
        jobs.make_due(db, [cloud.id], [kind], now)
        accepted |= sightings
    return accepted
