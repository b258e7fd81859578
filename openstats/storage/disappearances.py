"""Mass disappearances: many objects of a cloud that were missing at once, and how often.

A record stays with the job that saw the disappearance until a later poll of that job replaces it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import select, update

from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.schema import tables
from openstats.storage.store import Database

job = tables.job


@dataclass(frozen=True)
class Sighting:
    """A mass disappearance: ``gone`` of ``total`` objects were missing in ``seen`` polls.

    ``accepted``: an operator confirmed that they are gone.
    """

    gone: int
    total: int
    seen: int = 1
    accepted: bool = False


def read(db: Database, cloud: Cloud, kind: str) -> dict[str, Sighting]:
    """Return the disappearances that a kind of poll saw, by what is missing ("servers")."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = db.scalar(select(job.c.vanished).where(*condition))
    sightings = {}
    for subject, values in json.loads(content or "{}").items():
        sightings[subject] = Sighting(**values)
    return sightings


def write(db: Database, cloud: Cloud, kind: str, sightings: Mapping[str, Sighting]) -> None:
    """Write the disappearances that a kind of poll sees; an empty mapping clears the record."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    content = {subject: asdict(sighting) for subject, sighting in sightings.items()}
    value = json.dumps(content) if content else None
    db.execute(update(job).where(*condition).values(vanished=value))


def accept(db: Database, cloud: Cloud, now: float) -> dict[str, Sighting]:
    """Mark all disappearances of a cloud as accepted and return them; make their jobs due now."""
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
