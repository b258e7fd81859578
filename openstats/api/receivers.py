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
from openstats.api.intake import Receiving
from openstats.api.notices import Reader, Received, Request, short
from openstats.api.parameters import Query, parse
from openstats.api.policy import RECEIVE
from openstats.api.resources import READING
from openstats.conf.alerts import receivers
from openstats.errors import ObjectUnknownError, UnauthenticatedError
from openstats.storage import episodes
from openstats.tokens import hashed

LOG = log.getLogger(__name__)

URL = "/api/alerts/receivers/"
LARGEST = 8 * 2**20
READ = "openstats:receivers:get"
REQUEST_ID = "HTTP_X_OPENSTACK_REQUEST_ID"
LOGGED = 20
"""Alerts of one request of which the log says why they cannot be read."""


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
    received = _read(request, options)
    _log(name, received)
    receiving = Receiving(name, options, bound, request.conf.alerts, request.now)
    notices = _of_sender(bound.sender, received.notices)
    receiving.take(request.store, notices, truncated=received.truncated)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def _read(request: Any, options: Any) -> Received:
    document = body.document(request, LARGEST)
    request_id = request.environ.get(REQUEST_ID) or request.request_id
    address = request.environ.get("REMOTE_ADDR", "")
    sent = Request(request_id, address, request.now, independent=options.independent)
    return Reader(request.conf.alerts).of(options.kind)(document, sent)


def _log(name: str, received: Received) -> None:
    """Log what was left out by the sender, and each alert that cannot be read."""
    if received.truncated or received.refused:
        left_out, refused = received.truncated, len(received.refused)
        LOG.warning("%s: %d left out, %d not read", name, left_out, refused)
    for reason in received.refused[:LOGGED]:
        LOG.warning("%s: not read: %s", name, reason)


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


def entries(request: Any) -> Response:
    """List the receivers, with what came in at each."""
    parse(Query, request.environ.get("QUERY_STRING", ""))
    with request.store.read() as db:
        counted = episodes.received(db)
    listed = [_entry(name, of, counted.get(name)) for name, of in receivers(request.conf).items()]
    return answer.respond({"receivers": listed}, request.environ)


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
