"""Which of several entries of clouds.yaml asks a cloud: the one that sees most of it.

Entries of one cloud may stand in the files of several machines. The marks of a cloud (what it is
known by, in the registry) name the entry that asks it, so that none that sees less takes over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openstats.clouds.connection import Connection
from openstats.clouds.services import keystone_identity
from openstats.clouds.sign_in import is_transient
from openstats.errors import CloudError
from openstats.model import Cloud
from openstats.storage.registry import keystones
from openstats.storage.store import Store


class LessSeenError(CloudError):
    """An entry sees less of a cloud than another one, by which the cloud was asked before."""


@dataclass(frozen=True)
class EntryChoice:
    """The entry that asks a cloud, what it does not see, and why others are not used.

    ``blind_spots`` is None where there was nothing to compare with. ``marks`` are those of the
    cloud before; where ``is_shared``, another entry asks it as well, and stays in them. Of one that
    ``is_heir`` the former entry is gone: the cloud gets its name.
    """

    connection: Connection
    blind_spots: Sequence[str] | None
    left_aside: Mapping[str, str]
    marks: Mapping[str, Any] = field(default_factory=dict)
    is_shared: bool = False
    is_heir: bool = False


def choose(
    store: Store, cloud: Cloud, candidates: Sequence[Connection], *, is_heir: bool
) -> EntryChoice:
    """Return the entry that asks a cloud: the one that sees most, and no less than the former one.

    ``is_heir``: the entry by which it was asked is gone.

    Raises:
        LessSeenError: all see less.
        CloudError: one cannot sign in.
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
    # Entries that see as much, on several machines, do not take turns.
    return replace(choice, is_shared=number == former_number and not is_heir, is_heir=is_heir)


def _has_asked(marks: keystones.Marks, candidates: Sequence[Connection]) -> bool:
    """Return whether the entry that asked a cloud is one of these; several may have its name."""
    namesakes = [candidate for candidate in candidates if candidate.cloud.name == marks["entry"]]
    if "credential" not in marks:
        return bool(namesakes)
    return marks["credential"] in map(keystone_identity.credential_digest, namesakes)


def _most_seeing(candidates: Sequence[Connection]) -> EntryChoice:
    """Return the entry that sees most, or the first of several; sign in with each.

    Raises:
        CloudError: none can sign in, or it cannot be told now which sees most.
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
        f"{name}: sees less of this cloud than {former}, by which it was asked until now "
        f"({reason}): it keeps its figures until {former} is back. To use {name} all the same, "
        f"delete the cloud {cloud.name} and register it again"
    )
