"""Which cloud an entry of clouds.yaml is of, and which of several entries asks it.

It is known after the first sign-in only, so the first poll of a cloud begins with it.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from oslo_log import log

from openstats.clouds import endpoints
from openstats.clouds.connection import Connection
from openstats.clouds.services import keystone_identity
from openstats.clouds.services.keystone_identity import KeystoneIdentity
from openstats.clouds.sign_in import is_transient
from openstats.collector.entry_verification import identity_of
from openstats.errors import CloudError
from openstats.model import Cloud
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Store

LOG = log.getLogger(__name__)


class LessSeenError(CloudError):
    """An entry sees less of a cloud than another one, by which the cloud was asked before."""


class Choice(NamedTuple):
    """The entry that asks a cloud, what it does not see, and why the others are left aside.

    ``unseen`` is None where there was nothing to compare with. ``before`` are the marks of the
    cloud; where ``is_shared``, another entry asks it as well, and stays in them. Of one that
    ``is_heir`` the former entry is gone: the cloud gets its name.
    """

    connection: Connection
    unseen: Sequence[str] | None
    left_aside: Mapping[str, str]
    before: Mapping[str, Any] = {}
    is_shared: bool = False
    is_heir: bool = False


def choose(candidates: Sequence[Connection]) -> Choice:
    """Choose the entry that sees most, or the first of them; signing in with each.

    Raises:
        CloudError: none can sign in, or it cannot be told now which sees most.
    """
    views: list[tuple[Connection, list[str]]] = []
    errors: dict[str, CloudError] = {}
    for connection in candidates:
        try:
            _ = connection.region
            views.append((connection, keystone_identity.list_blind_spots(connection)))
        except CloudError as error:
            if is_transient(error):
                raise
            errors[connection.cloud.name] = error
    if not views:
        raise next(iter(errors.values()))
    best, unseen = min(views, key=lambda view: len(view[1]))
    left = {name: str(error) for name, error in errors.items()}
    left |= {each.cloud.name: _less(missing, unseen) for each, missing in views if each is not best}
    said = f"it is the same cloud as {best.cloud.name}"
    return Choice(best, unseen, {name: f"{said}, {reason}" for name, reason in left.items()})


def _less(missing: Sequence[str], unseen: Sequence[str]) -> str:
    if len(missing) == len(unseen):
        return "which comes first and sees as much"
    return f"which sees more: {missing[0]}"


def state_of(store: Store, cloud: Cloud) -> tuple[Cloud, keystones.Marks]:
    """Return a cloud as it is now, and its marks: by what it is known, and which entry asks it."""
    with store.read() as db:
        return keystones.current(db, cloud), keystones.marks_of(db, cloud)


def chosen(
    store: Store, cloud: Cloud, candidates: Sequence[Connection], *, is_heir: bool = False
) -> Choice:
    """Return the entry by which a cloud is asked; one that sees less than before is none.

    ``is_heir``: the entry by which it was asked is gone.

    Raises:
        LessSeenError: there is none.
        CloudError: one cannot sign in.
    """
    _, marks = state_of(store, cloud)
    is_own = not marks or _has_asked(marks, candidates)
    if len(candidates) == 1 and is_own:
        return Choice(candidates[0], None, {}, marks)
    choice = choose(candidates)._replace(before=marks)
    number, before = len(choice.unseen or ()), marks.get("unseen")
    if is_own:
        return choice
    if number > (before or 0):
        raise _less_seen(cloud, choice, marks)
    # Entries that see as much, on several machines, do not take turns.
    return choice._replace(is_shared=number == before and not is_heir, is_heir=is_heir)


def _has_asked(marks: keystones.Marks, candidates: Sequence[Connection]) -> bool:
    """Return whether the entry by which a cloud was asked is one of these: a name has several."""
    named = [c for c in candidates if c.cloud.name == marks["entry"]]
    if "credential" not in marks:
        return bool(named)
    return any(keystone_identity.credential_digest(each) == marks["credential"] for each in named)


def _less_seen(cloud: Cloud, choice: Choice, marks: keystones.Marks) -> LessSeenError:
    name, before = choice.connection.cloud.name, marks["entry"]
    reason = "; ".join((choice.unseen or ())[:1])
    if before == name:
        before = f"the entry {name} of another user, project or role"
    return LessSeenError(
        f"{name}: sees less of this cloud than {before}, by which it was asked until now "
        f"({reason}): it keeps its figures until {before} is back. To use {name} all the same, "
        f"delete the cloud {cloud.name} and register it again"
    )


def recognise(store: Store, cloud: Cloud, choice: Choice, *, wait: bool) -> tuple[Cloud, bool]:
    """Return the registered cloud that a cloud really is, and whether that is certain.

    It is itself, or one with another URL. ``wait`` for a discovery where it cannot be told.

    Raises:
        CloudError: one cannot sign in, or has to wait.
    """
    connection, asked = choice.connection, cloud
    own = keystone_identity.identify(connection)
    region, services = connection.region, endpoints.roots(connection)
    with store.transaction() as db:
        if not cloud.region and region:
            cloud = keystones.put_in_region(db, cloud, region)
        if cloud.id != asked.id:
            # Whether it is asked by this entry is seen when both are compared.
            return cloud, False
        keystones.record(db, cloud, _marks(choice, own) | {"services": services})
        keystones.leave_aside(db, cloud, socket.gethostname(), choice.left_aside)
    with store.read() as db:
        others = keystones.others(db, cloud)
    is_certain = True
    for known in others:
        if _was_renamed(connection, cloud, known):
            with store.transaction() as db:
                return keystones.rename_region(db, known.cloud, cloud), False
        is_same = _is_same(connection, own, cloud, known)
        if is_same:
            with store.transaction() as db:
                cloud = keystones.join(db, cloud, known.cloud)
        elif is_same is None and wait:
            raise CloudError(
                f"{connection.cloud.name}: its catalog is that of {known.cloud.name}, which was "
                "not discovered yet: whether it is the same cloud will be known then"
            )
        is_certain &= is_same is not None
    if cloud.id == asked.id and (choice.left_aside or choice.is_heir):
        with store.transaction() as db:
            cloud = clouds.rename_cloud(db, cloud, connection.cloud.name)
    return cloud, is_certain


def _is_same(
    connection: Connection, own: KeystoneIdentity, cloud: Cloud, known: keystones.Known
) -> bool | None:
    """Return whether another registered cloud is this one; None where that cannot be told yet."""
    other = identity_of(known.marks)
    if known.cloud.keystone == cloud.keystone or not keystone_identity.may_be_same(own, other):
        return False
    return keystone_identity.is_same(connection, own, other, known.tenant_ids)


def _marks(choice: Choice, own: KeystoneIdentity) -> keystones.Marks:
    marks = {"urls": sorted(own.urls), "ids": sorted(own.ids), "project": own.project}
    if "shared" in choice.before:
        marks["shared"] = choice.before["shared"]
    if choice.is_shared:
        return {**choice.before, **marks}
    unseen = choice.before.get("unseen") if choice.unseen is None else len(choice.unseen)
    asked_by = {
        "entry": choice.connection.cloud.name,
        "host": socket.gethostname(),
        "credential": keystone_identity.credential_digest(choice.connection),
    }
    return marks | asked_by | {"unseen": unseen}


def _was_renamed(connection: Connection, cloud: Cloud, known: keystones.Known) -> bool:
    """Return whether a cloud's region has the services of another one that is gone."""
    services = endpoints.roots(connection)
    return bool(
        services
        and known.cloud.keystone == cloud.keystone
        and known.cloud.region not in connection.catalog.regions
        and known.marks.get("services") == services
    )


def refuse(store: Store, cloud: Cloud, candidates: Sequence[Connection], reason: str) -> None:
    """Write that none of the entries of this machine asks a cloud, and why."""
    reasons = {connection.cloud.name: reason for connection in candidates}
    with store.transaction() as db:
        keystones.leave_aside(db, cloud, socket.gethostname(), reasons)


def groups(store: Store, connections: Mapping[str, Connection]) -> list[list[Connection]]:
    """Return the entries by the cloud that they are known to be of, the one that asked it first."""
    found: dict[tuple[str, str], list[Connection]] = {}
    names: dict[tuple[str, str], str] = {}
    registered: set[tuple[str, str]] = set()
    with store.read() as db:
        for connection in connections.values():
            owner = clouds.find(db, connection.cloud)
            known = owner or connection.cloud
            key = known.keystone, known.region
            registered |= {key} if owner else set()
            names.setdefault(key, str(keystones.marks_of(db, known).get("entry") or known.name))
            found.setdefault(key, []).append(connection)
    # Those that are known first: an entry of a name that another one gave up is of a new cloud.
    keys = sorted(found, key=lambda key: key not in registered)
    return [sorted(found[key], key=lambda c: c.cloud.name != names[key]) for key in keys]


def adopt(connection: Connection, cloud: Cloud) -> None:
    """Have a connection name what it finds as the registered cloud's."""
    entry = connection.entry
    own = replace(entry.cloud, keystone=cloud.keystone)
    connection.entry = replace(entry, cloud=own)
