"""Choosing among several entries of clouds.yaml for one cloud: the one that sees most is used.

Several machines may have entries for one cloud. The marks of a cloud (its identity in the registry)
name the entry in use, so that an entry that sees less cannot replace it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from openstats.clouds.connection import Connection
from openstats.clouds.services import keystone_identity
from openstats.clouds.sign_in import is_transient
from openstats.errors import CloudError
from openstats.model import Cloud
from openstats.storage.registry import keystones
from openstats.storage.store import Store


class LessSeenError(CloudError):
    """Every available entry sees less of a cloud than the entry used before."""


@dataclass(frozen=True)
class EntryChoice:
    """The entry to use for a cloud.

    Attributes:
        connection: the connection of the chosen entry.
        blind_spots: what the entry does not see; None if there was nothing to compare it with.
        left_aside: the reasons why other entries are not used, by name.
        marks: the marks of the cloud before this choice.
        is_shared: another entry, which sees as much, is in use too and stays in the marks.
        is_heir: the former entry is gone; the cloud takes the name of this one.
    """

    connection: Connection
    blind_spots: Sequence[str] | None
    left_aside: Mapping[str, str]
    marks: keystones.Marks = field(default_factory=dict)
    is_shared: bool = False
    is_heir: bool = False


def choose(
    store: Store, cloud: Cloud, candidates: Sequence[Connection], *, is_heir: bool
) -> EntryChoice:
    """Return the entry that sees most of a cloud, and no less than the entry in its marks.

    ``is_heir`` tells that the entry in the marks is gone.

    Raises:
        LessSeenError: every candidate sees less.
        CloudError: no candidate can sign in, or a failure is transient.
    """
    with store.read() as db:
        marks = keystones.marks_of(db, cloud)
    is_own = not marks or _has_asked(marks, candidates)
    if len(candidates) == 1 and is_own:
        return EntryChoice(candidates[0], None, {}, marks)
    choice = replace(_most_seeing(candidates), marks=marks)
    if is_own:
        return choice
    number, former_number = len(choice.blind_spots or ()), marks.get("unseen")
    if number > (former_number or 0):
        raise _less_seen(cloud, choice, marks)
    # Entries of several machines that see equally much do not replace one another.
    return replace(choice, is_shared=number == former_number and not is_heir, is_heir=is_heir)


def _has_asked(marks: keystones.Marks, candidates: Sequence[Connection]) -> bool:
    """Return whether the entry in the marks is among the candidates.

    The credential decides, since entries of several machines may have the same name.
    """
    namesakes = [candidate for candidate in candidates if candidate.cloud.name == marks["entry"]]
    if "credential" not in marks:
        return bool(namesakes)
    return marks["credential"] in map(keystone_identity.credential_digest, namesakes)


def _most_seeing(candidates: Sequence[Connection]) -> EntryChoice:
    """Sign in with each candidate; return the first one with the fewest blind spots.

    Raises:
        CloudError: no candidate can sign in, or a failure is transient.
    """
    views: list[tuple[Connection, list[str]]] = []
    reasons: dict[str, str] = {}
    errors: list[CloudError] = []
    for connection in candidates:
        try:
            _ = connection.region
            views.append((connection, keystone_identity.list_blind_spots(connection)))
        except CloudError as error:
            if is_transient(error):
                raise
            errors.append(error)
            reasons[connection.cloud.name] = str(error)
    if not views:
        raise errors[0]
    best, blind_spots = min(views, key=lambda view: len(view[1]))
    for connection, spots in views:
        if connection is not best:
            reasons[connection.cloud.name] = _why_less(spots, blind_spots)
    for name, reason in reasons.items():
        reasons[name] = f"it is the same cloud as {best.cloud.name}, {reason}"
    return EntryChoice(best, blind_spots, reasons)


def _why_less(blind_spots: Sequence[str], fewest: Sequence[str]) -> str:
    if len(blind_spots) == len(fewest):
        return "which comes first and sees as much"
    return f"which sees more: {blind_spots[0]}"


def _less_seen(cloud: Cloud, choice: EntryChoice, marks: keystones.Marks) -> LessSeenError:
    name, former = choice.connection.cloud.name, marks["entry"]
    reason = "; ".join((choice.blind_spots or ())[:1])
    if former == name:
        former = f"the entry {name} of another user, project or role"
    return LessSeenError(
        f"{name}: sees less of this cloud than {former}, which was used until now ({reason}); "
        f"previous figures are kept until {former} is back. To use {name} nevertheless, delete the "
        f"cloud {cloud.name} and register it again"
    )
