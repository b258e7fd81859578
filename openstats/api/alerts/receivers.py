"""Receivers: the URLs to which Alertmanager and Aodh send alerts, each with its own token."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest
from typing import Literal

from oslo_log import log
from pydantic import BaseModel, Field
from pyramid.config import Configurator
from pyramid.response import Response

from openstats.alerts import ReceiverCounts, Restriction
from openstats.api.alerts import refusals
from openstats.api.alerts.notifications import Delivery, Envelope, Reader, of_sender
from openstats.conf.alerts import AlertOptions, ReceiverOptions, receivers
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

LIST_RECEIVERS = "openstats:receivers:get"
OBJECTS_PER_ALERT = 20
"""Objects and lists allowed in a body, for each of the alerts that it may hold."""

UNMATCHED_HASH = "0" * 64
"""A hash that no token is expected to have."""

UNAUTHENTICATED = (
    "Authorization: the receiver's token is required, as a Bearer token or as a Basic password"
)

MAX_LOGGED = 20
"""Maximum number of unreadable alerts that are logged for one request."""


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
    options = receivers(request.conf).get(name)
    if options is None:
        # This takes the same time, and gets the same response, as a wrong token.
        _has_token(request, UNMATCHED_HASH)
        raise UnauthenticatedError(UNAUTHENTICATED)
    restriction = _restriction(request, options)
    parse(Sending, request.query_string)
    delivery = _read(request, options)
    _log(name, delivery)
    source = alerts.AlertSource(
        name,
        restriction,
        reopen_within=request.conf.alerts.reopen_within,
        message_visible=options.tenant_visible,
    )
    notifications = of_sender(restriction.sender, delivery.notifications)
    truncated, now = delivery.truncated, request.now
    alerts.receive(request.store, source, notifications, truncated=truncated, now=now)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def _read(request: Request, options: ReceiverOptions) -> Delivery:
    alert_options: AlertOptions = request.conf.alerts
    max_alerts, environ = alert_options.max_alerts, request.environ
    limits = BodyLimits(MAX_BYTES, max_alerts * OBJECTS_PER_ALERT, alert_options.max_nesting)
    document = body.document(request, limits)
    _check_number(document, max_alerts)
    envelope = Envelope(
        request_id=environ.get(request_id.VARIABLE) or request.request_id,
        address=environ.get("REMOTE_ADDR", ""),
        arrived_at=request.now,
        independent=options.independent,
    )
    return Reader(alert_options).read(options.kind, document, envelope)


def _check_number(document: Mapping[str, object], limit: int) -> None:
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
        LOG.warning(
            "receiver %s: the sender left out %d alerts, and %d cannot be read",
            name,
            truncated,
            len(problems),
        )
    for problem in problems[:MAX_LOGGED]:
        LOG.warning("receiver %s: cannot be read: %s", name, problem)


def _restriction(request: Request, options: ReceiverOptions) -> Restriction:
    """Check the sender's token, and return what it may report on."""
    if options.keystone and "HTTP_X_AUTH_TOKEN" in request.environ:
        return _restriction_to_project(request, options)
    if not _has_token(request, options.token_hash or UNMATCHED_HASH):
        raise UnauthenticatedError(UNAUTHENTICATED)
    return Restriction(tuple(options.clouds), options.customer, options.project)


def _has_token(request: Request, token_hash: str) -> bool:
    token = _token(request.environ.get("HTTP_AUTHORIZATION", ""))
    return compare_digest(hash_token(token), token_hash)


def _restriction_to_project(request: Request, options: ReceiverOptions) -> Restriction:
    """Return what a Keystone token may report on: its own project, if it has the role."""
    project, tenants = request.own_project()
    if options.role and options.role not in request.identity.credentials.roles:
        raise PermissionDeniedError(
            f"X-Auth-Token: the token lacks the role {options.role}, which this receiver requires"
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
    documents = []
    for name, options in receivers(request.conf).items():
        documents.append(_document(name, options, counts.get(name, ReceiverCounts())))
    unknown = counts.get(refusals.UNKNOWN, ReceiverCounts())
    document = {
        "receivers": documents,
        "unknown": {"refused": unknown.refused, "refused_at": unknown.refused_at},
    }
    return answer.respond(document, request.environ)


def _document(name: str, options: ReceiverOptions, counts: ReceiverCounts) -> dict[str, object]:
    return {
        "name": name,
        "kind": options.kind,
        "clouds": options.clouds,
        "customer": options.customer,
        "project": options.project,
        "tenant_visible": options.tenant_visible,
        "received_at": counts.received_at,
        "notices": counts.notifications,
        "truncated": counts.truncated,
        "refused": counts.refused,
        "refused_at": counts.refused_at,
        "refusal": counts.refusal,
    }


def includeme(config: Configurator) -> None:
    """Add the routes of the receivers and of their list."""
    registry = config.registry
    names = receivers(registry.conf)
    registry.refusals = refusals.Refusals(registry.store, names, registry.clock)
    for url, view, methods, permission in (
        (RECEIVERS, entries, READ_METHODS, LIST_RECEIVERS),
        (f"{RECEIVERS}{{name}}/", receive, ("POST",), RECEIVE),
    ):
        config.add_route(url, f"{url[:-1]}{{slash:/?}}")
        config.add_view(view, route_name=url, request_method=methods, permission=permission)
        errors.refuse_other_methods(config, url, methods)
