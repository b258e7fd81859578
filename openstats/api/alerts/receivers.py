"""Receivers: where alerts are told of by Alertmanager and Aodh, each with a token of its own."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any, Literal

from oslo_log import log
from pydantic import BaseModel, Field
from pyramid.response import Response

from openstats.alerts import Bound, Notice
from openstats.api.alerts import refusals
from openstats.api.alerts.intake import Receiving
from openstats.api.alerts.notifications import Reader, Received, Request, short
from openstats.api.registry.resources import READING
from openstats.conf.alerts import receivers
from openstats.errors import OpenstatsError, PermissionDeniedError, UnauthenticatedError
from openstats.http import answer, body, errors
from openstats.http.auth.policy import RECEIVE
from openstats.http.body import BodyLimits
from openstats.http.errors import TooLargeError
from openstats.http.parameters import Query, parse
from openstats.http.receiver_urls import LARGEST, RECEIVERS
from openstats.storage.alerts import received as received_alerts
from openstats.tokens import hashed

LOG = log.getLogger(__name__)

READ = "openstats:receivers:get"
OBJECTS = 20
"""Objects and lists in a body for each alert that it may hold."""

NOTHING = dict.fromkeys(received_alerts.COUNTED) | dict.fromkeys(
    ("notices", "truncated", "refused"), 0
)
NOBODYS = "0" * 64
"""A hash that no token has."""

REQUEST_ID = "HTTP_X_OPENSTACK_REQUEST_ID"
LOGGED = 20
"""Alerts of one request of which the log says why they cannot be read."""


class Receiver(BaseModel):
    """A receiver as it is configured, and what came in at it; truncated: left out by the sender.

    What was refused is not sent again; ``refusal`` says why the last one was.
    """

    name: str
    kind: Literal["alertmanager", "aodh"]
    clouds: list[str]
    customer: str | None
    project: str | None
    tenant_visible: bool
    received_at: int | None
    notices: int
    truncated: int
    refused: int
    refused_at: int | None
    refusal: str | None


class Unknown(BaseModel):
    """What was sent to receivers that are not configured."""

    refused: int
    refused_at: int | None


class Receivers(BaseModel):
    """All receivers."""

    receivers: list[Receiver]
    unknown: Unknown


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
        UnauthenticatedError: the token is not the receiver's, or there is no such receiver.
        PermissionDeniedError: it is Keystone's, and of no project, or lacks a role.
        TooLargeError: it holds more than a receiver takes at once.
        BodyError: what was sent cannot be read, now or ever.
    """
    try:
        return _received(request, request.matchdict["name"])
    except OpenstatsError as error:
        request.environ[refusals.REASON] = str(error)
        raise


def _received(request: Any, name: str) -> Response:
    options = receivers(request.conf).get(name)
    bound = _bound(request, options)
    parse(Sending, request.environ.get("QUERY_STRING", ""))
    received = _read(request, options)
    _log(name, received)
    receiving = Receiving(name, options, bound, request.conf.alerts, request.now)
    notices = _of_sender(bound.sender, received.notices)
    receiving.take(request.store, notices, truncated=received.truncated)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def _read(request: Any, options: Any) -> Received:
    alerts, environ = request.conf.alerts, request.environ
    limits = BodyLimits(LARGEST, alerts.max_alerts * OBJECTS, alerts.max_nesting)
    document = body.document(request, limits)
    _check_number(document, alerts.max_alerts)
    request_id = environ.get(REQUEST_ID) or request.request_id
    address = environ.get("REMOTE_ADDR", "")
    sent = Request(request_id, address, request.now, independent=options.independent)
    return Reader(alerts).of(options.kind)(document, sent)


def _check_number(document: Mapping[str, Any], most: int) -> None:
    listed = document.get("alerts")
    if isinstance(listed, list) and len(listed) > most:
        raise TooLargeError(
            f"alerts: has {len(listed)} entries; must have at most {most}: lower max_alerts in "
            "Alertmanager's webhook_configs, or raise [alerts] max_alerts here"
        )


def _log(name: str, received: Received) -> None:
    """Log what was left out by the sender, and each alert that cannot be read."""
    if received.truncated or received.refused:
        left_out, refused = received.truncated, len(received.refused)
        LOG.warning("%s: %d left out, %d not read", name, left_out, refused)
    for reason in received.refused[:LOGGED]:
        LOG.warning("%s: not read: %s", name, reason)


def _bound(request: Any, options: Any) -> Bound:
    """Return for whom the sender may speak, once it has shown its token.

    What an unknown receiver costs, and is answered, is what a wrong token costs.
    """
    environ = request.environ
    if options is not None and options.keystone and "HTTP_X_AUTH_TOKEN" in environ:
        return _bound_of_project(request, options)
    token_hash = hashed(_token(environ.get("HTTP_AUTHORIZATION", "")))
    known_hash = (options.token_hash if options is not None else "") or NOBODYS
    if not compare_digest(token_hash, known_hash):
        raise UnauthenticatedError(
            "the receiver's token is required, as a Bearer token or as a Basic password"
        )
    return Bound(tuple(options.clouds), options.customer, options.project)


def _bound_of_project(request: Any, options: Any) -> Bound:
    """Return what a token of Keystone's may speak for: its own project, where a role lets it."""
    project, tenants = request.own_project()
    if options.role and options.role not in request.identity.credentials.roles:
        raise PermissionDeniedError(
            f"the token lacks the role {options.role}, which this receiver requires"
        )
    own = Bound(tuple(options.clouds), options.customer, options.project)
    return replace(own, tenants=tuple(sorted(tenants)), sender=project)


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
    """List the receivers, with what came in at each, and what was refused."""
    parse(Query, request.environ.get("QUERY_STRING", ""))
    with request.store.read() as db:
        counted = received_alerts.received(db)
    for name, refusal in request.registry.refusals.pending().items():
        counts = counted.setdefault(name, dict(NOTHING))
        counts["refused"] += refusal.number
        counts |= {"refused_at": refusal.at, "refusal": refusal.reason}
    listed = [
        _entry(name, options, counted.get(name, NOTHING))
        for name, options in receivers(request.conf).items()
    ]
    unknown = counted.get(refusals.UNKNOWN, NOTHING)
    document = {
        "receivers": listed,
        "unknown": {"refused": unknown["refused"], "refused_at": unknown["refused_at"]},
    }
    return answer.respond(document, request.environ)


def _entry(name: str, options: Any, counts: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("kind", "clouds", "customer", "project", "tenant_visible")
    return {"name": name} | {option: getattr(options, option) for option in shown} | {**counts}


def includeme(config: Any) -> None:
    """Add the receivers, each at a URL of its own, and their list."""
    registry = config.registry
    names = receivers(registry.conf)
    registry.refusals = refusals.Refusals(registry.store, names, registry.clock)
    for url, view, methods, permission in (
        (RECEIVERS, entries, READING, READ),
        (f"{RECEIVERS}{{name}}/", receive, ("POST",), RECEIVE),
    ):
        config.add_route(url, f"{url[:-1]}{{slash:/?}}")
        config.add_view(view, route_name=url, request_method=methods, permission=permission)
        errors.refuse_other_methods(config, url, methods)
