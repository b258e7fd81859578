"""Receivers: the URLs to which Alertmanager and Aodh send alerts, each with its own token."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, replace
from hmac import compare_digest
from typing import Any, Literal

from oslo_log import log
from pydantic import BaseModel, Field
from pyramid.response import Response

from openstats.alerts import ReceiverCounts, Restriction
from openstats.api.alerts import refusals
from openstats.api.alerts.notifications import Delivery, Envelope, Reader, of_sender
from openstats.conf.alerts import receivers
from openstats.errors import OpenstatsError, PermissionDeniedError, UnauthenticatedError
from openstats.http import answer, body, errors, request_id
from openstats.http.auth.policy import RECEIVE
from openstats.http.body import BodyLimits
from openstats.http.errors import TooLargeError
from openstats.http.parameters.query import Query, parse
from openstats.http.receiver_urls import MAX_BYTES, RECEIVERS
from openstats.http.request import READ_METHODS, Request
from openstats.services import alerts
from openstats.tokens import hash_token

LOG = log.getLogger(__name__)

READ = "openstats:receivers:get"
OBJECTS = 20
"""Objects and lists allowed in a body, for each of the alerts that it may hold."""

UNMATCHED_HASH = "0" * 64
"""A hash that no token is expected to have."""

MOST_LOGGED = 20
"""Maximum number of unreadable alerts that are logged for one request."""

OPTIONS_SHOWN = ("kind", "clouds", "customer", "project", "tenant_visible")


class Receiver(BaseModel):
    """A receiver: its options and counters. truncated counts alerts that senders left out.

    Senders do not repeat refused notifications; refusal is the reason for the last refusal.
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
    """Counters of requests to receivers that are not configured."""

    refused: int
    refused_at: int | None


class Receivers(BaseModel):
    """All receivers, with their counters."""

    receivers: list[Receiver]
    unknown: Unknown


class Sending(Query):
    """The query string of a receiver's URL."""

    verify: str | None = Field(
        None,
        alias="aodh-alarm-ssl-verify",
        description="Whether Aodh verifies certificates: its own option, which it sends along.",
    )


def receive(request: Request) -> Response:
    """Store the notifications of a request; a response of 204 means that they are stored.

    Raises:
        UnauthenticatedError: the token is not the receiver's, or there is no such receiver.
        PermissionDeniedError: a Keystone token is not scoped to a project, or lacks the role.
        TooLargeError: the body exceeds a limit.
        BodyError: nothing in the body can be read.
    """
    try:
        return _receive(request, request.matchdict["name"])
    except OpenstatsError as error:
        request.environ[refusals.REASON] = str(error)
        raise


def _receive(request: Request, name: str) -> Response:
    options: Any = receivers(request.conf).get(name)
    restriction = _restriction(request, options)
    parse(Sending, request.query_string)
    delivery = _read(request, options)
    _log(name, delivery)
    receiver = alerts.Receiver(
        name,
        restriction,
        reopen_within=request.conf.alerts.reopen_within,
        message_visible=options.tenant_visible,
    )
    notifications = of_sender(restriction.sender, delivery.notifications)
    truncated, now = delivery.truncated, request.now
    alerts.receive(request.store, receiver, notifications, truncated=truncated, now=now)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def _read(request: Request, options: Any) -> Delivery:
    group, environ = request.conf.alerts, request.environ
    limits = BodyLimits(MAX_BYTES, group.max_alerts * OBJECTS, group.max_nesting)
    document = body.document(request, limits)
    _check_number(document, group.max_alerts)
    envelope = Envelope(
        request_id=environ.get(request_id.VARIABLE) or request.request_id,
        address=environ.get("REMOTE_ADDR", ""),
        arrived_at=request.now,
        independent=options.independent,
    )
    return Reader(group).read(options.kind, document, envelope)


def _check_number(document: Mapping[str, Any], limit: int) -> None:
    entries = document.get("alerts")
    if isinstance(entries, list) and len(entries) > limit:
        raise TooLargeError(
            f"alerts: has {len(entries)} entries; must have at most {limit}: lower max_alerts in "
            "Alertmanager's webhook_configs, or raise [alerts] max_alerts here"
        )


def _log(name: str, delivery: Delivery) -> None:
    """Log how many alerts the sender left out, and which alerts cannot be read."""
    truncated, problems = delivery.truncated, delivery.problems
    if truncated or problems:
        LOG.warning("%s: %d left out, %d not read", name, truncated, len(problems))
    for problem in problems[:MOST_LOGGED]:
        LOG.warning("%s: not read: %s", name, problem)


def _restriction(request: Request, options: Any) -> Restriction:
    """Check the sender's token, and return what it may report on.

    An unknown receiver takes the same time, and gets the same response, as a wrong token.
    """
    environ = request.environ
    if options is not None and options.keystone and "HTTP_X_AUTH_TOKEN" in environ:
        return _restriction_to_project(request, options)
    token_hash = hash_token(_token(environ.get("HTTP_AUTHORIZATION", "")))
    expected_hash = (options.token_hash if options is not None else "") or UNMATCHED_HASH
    if not compare_digest(token_hash, expected_hash):
        raise UnauthenticatedError(
            "the receiver's token is required, as a Bearer token or as a Basic password"
        )
    return Restriction(tuple(options.clouds), options.customer, options.project)


def _restriction_to_project(request: Request, options: Any) -> Restriction:
    """Return what a Keystone token may report on: its own project, if it has the role."""
    project, tenants = request.own_project()
    if options.role and options.role not in request.identity.credentials.roles:
        raise PermissionDeniedError(
            f"the token lacks the role {options.role}, which this receiver requires"
        )
    restriction = Restriction(tuple(options.clouds), options.customer, options.project)
    return replace(restriction, tenants=tuple(sorted(tenants)), sender=project)


def _token(header: str) -> str:
    """Return the Bearer token or the Basic password; empty if there is neither."""
    scheme, _, credentials = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    try:
        plain = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return plain.partition(":")[2] if scheme.lower() == "basic" else ""


def entries(request: Request) -> Response:
    """List the receivers with their counters."""
    parse(Query, request.query_string)
    counts = alerts.receiver_counts(request.store, request.registry.refusals.pending())
    document = {
        "receivers": [
            _entry(name, options, counts.get(name, ReceiverCounts()))
            for name, options in receivers(request.conf).items()
        ],
        "unknown": _unknown(counts.get(refusals.UNKNOWN, ReceiverCounts())),
    }
    return answer.respond(document, request.environ)


def _entry(name: str, options: Any, counts: ReceiverCounts) -> dict[str, Any]:
    entry = {"name": name}
    for option in OPTIONS_SHOWN:
        entry[option] = getattr(options, option)
    return entry | asdict(counts)


def _unknown(counts: ReceiverCounts) -> dict[str, Any]:
    return {"refused": counts.refused, "refused_at": counts.refused_at}


def includeme(config: Any) -> None:
    """Add the routes of the receivers and of their list."""
    registry = config.registry
    names = receivers(registry.conf)
    registry.refusals = refusals.Refusals(registry.store, names, registry.clock)
    for url, view, methods, permission in (
        (RECEIVERS, entries, READ_METHODS, READ),
        (f"{RECEIVERS}{{name}}/", receive, ("POST",), RECEIVE),
    ):
        config.add_route(url, f"{url[:-1]}{{slash:/?}}")
        config.add_view(view, route_name=url, request_method=methods, permission=permission)
        errors.refuse_other_methods(config, url, methods)
