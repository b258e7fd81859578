"""Receivers: where alerts are told of by Alertmanager and Aodh, each with a token of its own."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any, Literal

from oslo_log import log
from pydantic import BaseModel, Field
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from openstats.alerts import Bound, Notice
from openstats.api import answer, body, errors
from openstats.api.notices import Reader, Received, short
from openstats.api.parameters import Query, parse
from openstats.api.policy import RECEIVE
from openstats.api.resources import READING
from openstats.conf.alerts import receivers
from openstats.errors import ObjectUnknownError, UnauthenticatedError
from openstats.statistics import episodes as statistic
from openstats.storage import ancestry, episodes
from openstats.storage.episodes import Told
from openstats.storage.store import Database
from openstats.tokens import hashed

LOG = log.getLogger(__name__)

URL = "/api/alerts/receivers/"
LARGEST = 8 * 2**20
READ = "openstats:receivers:get"
REQUEST_ID = "HTTP_X_OPENSTACK_REQUEST_ID"


class Receiver(BaseModel):
    """A receiver as it is configured, and what came in at it; truncated: left out by the sender."""

    name: str
    kind: Literal["alertmanager", "aodh"]
    clouds: list[str]
    customer: str | None
    project: str | None
    tenant_visible: bool
    received_at: int | None
    notices: int
    truncated: int


class Receivers(BaseModel):
    """All receivers."""

    receivers: list[Receiver]


class Sending(Query):
    """What the URL of a receiver may hold."""

    verify: str | None = Field(
        None,
        alias="aodh-alarm-ssl-verify",
        description="Whether Aodh verifies certificates: its own option, which it sends along.",
    )


def receive(request: Any) -> Response:
    """Take in what a receiver is told; it is stored when the answer is good.

    Raises:
        ObjectUnknownError: there is no such receiver.
        UnauthenticatedError: the token is not the receiver's.
        PermissionDeniedError: it is Keystone's, and of no project.
        BodyError: what was sent cannot be read, now or ever.
    """
    name = request.matchdict["name"]
    options = receivers(request.conf).get(name)
    if options is None:
        raise ObjectUnknownError("there is no such receiver")
    bound = _bound(request, options)
    parse(Sending, request.environ.get("QUERY_STRING", ""))
    received = _read(request, options.kind)
    if received.truncated or received.refused:
        LOG.warning("%s: %d left out, %d not read", name, received.truncated, received.refused)
    with request.store.transaction() as db:
        _store(db, request, options, bound, _of_sender(bound.sender, received.notices))
        counted = {"notices": len(received.notices), "truncated": received.truncated}
        episodes.note(db, name, request.now, **counted)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def _read(request: Any, kind: str) -> Received:
    document = body.document(request, LARGEST)
    request_id = request.environ.get(REQUEST_ID) or request.request_id
    return Reader(request.conf.alerts).of(kind)(document, request_id, request.now)


def _bound(request: Any, options: Any) -> Bound:
    """Say for whom the sender may speak, once it has shown its token."""
    within = Bound(tuple(options.clouds), options.customer, options.project)
    environ = request.environ
    if options.keystone and "HTTP_X_AUTH_TOKEN" in environ:
        sender, own = request.own_project()
        return replace(within, tenants=tuple(sorted(own)), sender=sender)
    given = hashed(_token(environ.get("HTTP_AUTHORIZATION", "")))
    if not options.token_hash or not compare_digest(given, options.token_hash):
        raise UnauthenticatedError("the receiver's token is needed, as Bearer or by Basic")
    return within


def _token(header: str) -> str:
    """Read the token of Bearer, or the password of Basic."""
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    try:
        plain = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return plain.partition(":")[2] if scheme.lower() == "basic" else ""


def _of_sender(sender: str, notices: Sequence[Notice]) -> Sequence[Notice]:
    """Keep apart what senders tell who share a receiver, and may use the same fingerprints."""
    if not sender:
        return notices
    return [replace(one, fingerprint=short(f"{sender}:{one.fingerprint}")) for one in notices]


def _store(
    db: Database, request: Any, options: Any, bound: Bound, notices: Sequence[Notice]
) -> None:
    """Bring the alerts of this receiver up to date."""
    name, conf, now = request.matchdict["name"], request.conf.alerts, request.now
    within = conf.reopen_within
    known = episodes.known(db, name, notices, now=now, within=within)
    newest: dict[str, Notice] = {}
    for notice in sorted(notices, key=lambda one: (one.started_at, one.ended_at is not None)):
        mine = known[notice.fingerprint]
        if changed := statistic.told(mine, notice, now, conf.late_within):
            mine[changed.start] = changed
        newest[notice.fingerprint] = notice
    places = _places(db, request, options.kind, bound, list(newest.values()))
    told = [
        Told(notice, place, statistic.spells(known[notice.fingerprint].values(), within))
        for notice, place in zip(newest.values(), places, strict=True)
    ]
    episodes.keep(db, name, told, visible=options.tenant_visible, now=now)


def _places(
    db: Database, request: Any, kind: str, bound: Bound, notices: Sequence[Notice]
) -> list[ancestry.Place]:
    if kind == "aodh":
        # It names nothing: whatever it tells is of whom it may speak for.
        return [ancestry.of_bound(db, bound)] * len(notices)
    reader = Reader(request.conf.alerts)
    return ancestry.of_labels(db, bound, [reader.labelled(n.labels) for n in notices])


def entries(request: Any) -> Response:
    """List the receivers, with what came in at each."""
    parse(Query, request.environ.get("QUERY_STRING", ""))
    with request.store.read() as db:
        counted = episodes.received(db)
    listed = [_entry(name, of, counted.get(name)) for name, of in receivers(request.conf).items()]
    return answer.respond(
        {"receivers": listed}, if_none_match=request.environ.get("HTTP_IF_NONE_MATCH")
    )


def _entry(name: str, options: Any, counted: Any) -> dict[str, Any]:
    shown = ("kind", "clouds", "customer", "project", "tenant_visible")
    came = counted or {"received_at": None, "notices": 0, "truncated": 0}
    return {"name": name} | {option: getattr(options, option) for option in shown} | came


def includeme(config: Any) -> None:
    """Add the receivers, each at a URL of its own, and their list."""
    for url, view, methods, permission in (
        (URL, entries, READING, READ),
        (f"{URL}{{name}}/", receive, ("POST",), RECEIVE),
    ):
        config.add_route(url, f"{url[:-1]}{{slash:/?}}")
        config.add_view(view, route_name=url, request_method=methods, permission=permission)
        config.add_view(errors.only(methods), route_name=url, permission=NO_PERMISSION_REQUIRED)
