"""Usage: how much CPU, memory and storage customers, groups and projects used."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from openstats.errors import ParameterError
from openstats.http.answer import Answer
from openstats.http.headers import BASIS, COMPLETE_UNTIL
from openstats.http.pagination import PageParameters
from openstats.http.parameters import AggregateParameters, Flag
from openstats.http.times import DatapointParameters, check_size
from openstats.meters import ALLOCATED, OBSERVED, USAGE, USED, UsageMeter
from openstats.model import Coverage, Selection
from openstats.names import escaped
from openstats.readings import Members
from openstats.statistics import observation
from openstats.statistics import usage as statistic
from openstats.storage import coverage
from openstats.storage.store import Database
from openstats.storage.usage import members
from openstats.storage.usage import readings as reading_rows
from openstats.unix_time import HOUR

PERIOD = HOUR
HEADERS = {
    BASIS: "Whether what is counted is allocated or used.",
    COMPLETE_UNTIL: "Unix seconds until which all clouds were read.",
}
UNITS = ", ".join(dict.fromkeys(f"{meter.item} in {meter.unit}" for meter in USAGE))


class UsageParameters(PageParameters, DatapointParameters, AggregateParameters):
    """What usage takes."""

    item: Literal["cpu", "memory", "storage", "vcpu_hours"] = Field(
        description=f"What to measure: {UNITS}."
    )
    basis: Literal["allocated", "used"] | None = Field(
        None,
        description="Count what is allocated to instances, or what their guests use. Default: the "
        "option [usage] basis.",
    )
    deleted: Flag = Field(False, description="Include deleted objects.")
    fill: Literal["null"] | None = Field(
        None, description="Return null instead of 0 where usage is unknown."
    )
    adding: Literal["uuid", "observed", "uuid,observed", "observed,uuid"] | None = Field(
        None,
        alias="with",
        description="Add uuids (uuid), the share of each interval that was observed (observed), "
        "or both (uuid,observed).",
    )

    def adds(self, what: str) -> bool:
        """Return whether something is asked for that answers do not have by themselves."""
        return what in (self.adding or "").split(",")

    def selected(self, since: int) -> Selection:
        """Return which objects are listed, of those that there were since a time."""
        return replace(self.selection(), since=since, deleted=self.deleted)

    @property
    def narrowed(self) -> bool:
        """Whether this asks for some objects only."""
        return bool(self.uuid or self.limit or self.marker)


class UsageDatapoint(BaseModel):
    """What was used in one interval: from included, to not."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    value: float | None = Field(description="null only with fill=null.")
    observed: float = Field(
        1,
        ge=0,
        le=1,
        description="Only with=observed: observed share of the interval.",
    )


class UsageOfObject(BaseModel):
    """What one object used."""

    name: str
    datapoints: list[UsageDatapoint]
    uuid: str = Field("", description="Only with=uuid.")
    customer: str = Field("", description="Only with=uuid, of groups and projects.")


def view(request: Any, parameters: UsageParameters) -> Answer:
    """List what every selected object used, interval by interval."""
    edges, options = parameters.edges(request.now, PERIOD), request.conf["usage"]
    selection = parameters.selected(edges[0])
    with request.store.read() as db:
        meter, read_at = _meter(parameters, options.basis, db)
        page = parameters.page(request, db, selection)
        found = members.read(db, request.scope, selection, **page)
        check_size(len(found.objects), len(edges) - 1, options.max_datapoints)
        clouds, slots = set(found.clouds.tolist()), set(found.slots.tolist())
        link = parameters.link(request, db, selection, found.objects)
        moments = statistic.cuts(edges, found)
        readings = reading_rows.around(db, clouds, meter.name, moments, slots)
        seen = {}
        if meter.name in OBSERVED:
            seen = reading_rows.around(db, clouds, OBSERVED[meter.name].name, moments, slots)
        asked = {} if parameters.narrowed else coverage.asked_clouds(db, request.scope)
    read_at |= dict.fromkeys(cloud for cloud, discovered in asked.items() if not discovered)
    known = statistic.coverage(
        found,
        read_at,
        all_clouds=request.scope.everything and not parameters.narrowed,
        unobserved=observation.never(clouds, readings),
        more_clouds=asked,
    )
    shares = None
    if parameters.strict or parameters.adds("observed"):
        of_clouds = observation.of_clouds(meter, edges, readings)
        shares = observation.of_objects(meter, edges, found, readings, of_clouds, seen)
    document = statistic.listing(
        found.objects,
        edges,
        statistic.values(meter, edges, found, readings, seen),
        with_uuid=parameters.adds("uuid"),
        fill_null=parameters.fill == "null",
        observed=shares if parameters.adds("observed") else None,
    )
    unobserved = parameters.future(request.now) or _unobserved(found, edges, shares)
    return Answer(document, known, _headers(meter, known) | link, unobserved)


def _meter(
    parameters: UsageParameters, configured: str, db: Database
) -> tuple[UsageMeter, dict[int, int | None]]:
    """Choose the meter of an item: on the basis that was asked for, or else is configured.

    Tell when each cloud was read last.
    """
    there = {meter.basis: meter for meter in USAGE if meter.item == parameters.item}
    if parameters.basis and parameters.basis not in there:
        known = ", ".join(there)
        raise ParameterError(f"basis={parameters.basis}: {parameters.item} has {known} only")
    read_at = reading_rows.newest_by_cloud(db, [meter.name for meter in there.values()])
    meter = there[_basis(parameters.basis or configured, there, read_at)]
    return meter, {cloud: at[meter.name] for cloud, at in read_at.items()}


def _basis(
    wanted: str, there: Mapping[str, UsageMeter], read_at: Mapping[int, Mapping[str, int | None]]
) -> str:
    if len(there) == 1:
        return next(iter(there))
    if wanted != "auto":
        return wanted
    times = [at[there[USED].name] for at in read_at.values()]
    return USED if times and None not in times else ALLOCATED


def _unobserved(found: Members, edges: Sequence[int], shares: Any) -> str:
    """Return what was not observed of the time that is asked about; nothing if all of it was."""
    if shares is None or not shares.size or shares.min() == 1:
        return ""
    piece, place = divmod(int(shares.argmin()), shares.shape[1])
    name, share = escaped(found.objects[place].name), shares[piece, place]
    time = f"the time from {edges[piece]} to {edges[piece + 1]}"
    return f"'{name}' was observed for {share:.0%} of {time}"


def _headers(meter: UsageMeter, known: Coverage) -> dict[str, str]:
    until = {} if known.oldest is None else {COMPLETE_UNTIL: str(known.oldest)}
    return {BASIS: meter.basis} | until
