"""A service under attack: health is answered within a second, all else in time or with 503.

What is measured is what a client sees, and the only times are the service's own deadlines.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from tests.api.receiving import BEARER, URL, sent, webhook
from tests.attacks import clients, stores
from tests.attacks.conftest import LIMITS, Doubled, Guarded
from tests.attacks.service import HEALTH, Question, Reply, Service
from tests.conftest import Postgresql
from tests.devcloud.process import wait_for
from tests.edge import Hang

LASTS = 2.5
"""Seconds of an attack: longer than every deadline of the service."""

LONG = 5.0
"""Seconds of one after which health has noticed that the store does not answer."""

HEALTHY_WITHIN = 1.0
ANSWERED_WITHIN = LIMITS["request_timeout"] + 1.0
"""The deadline, and the time in which it is noticed on a machine that others use as well."""

JSON = {"Content-Type": "application/json"}
READING = [Question(path) for path in ("/api/stats/quota/", "/api/customers/", "/openapi.json")]
WRITING = [Question(f"{URL}am/", "POST", json.dumps(webhook(sent())), JSON | BEARER)]

UP, OUT, EITHER = {200}, {503}, {200, 503}
WRITTEN, REFUSED = {204}, {503}


class Attack(NamedTuple):
    """What happens, for how long, which statuses may be seen meanwhile, and health's in the end."""

    run: Callable[..., AbstractContextManager[None]]
    reading: set[int] = EITHER
    writing: set[int] = WRITTEN | REFUSED
    health: set[int] = UP
    last: int = 200
    lasts: float = LASTS


def reason(reply: Reply) -> str:
    """Return what a reply of health says."""
    return str(json.loads(reply.body)["status"])


def in_time(replies: list[Reply], seconds: float, statuses: set[int]) -> None:
    """Check that every reply has one of the statuses, and came in time."""
    assert {reply.status for reply in replies} <= statuses
    assert max(reply.seconds for reply in replies) <= seconds
    assert all("retry-after" in reply.headers for reply in replies if reply.status == 503)


def besiege(service: Service, attack: Attack, run: AbstractContextManager[None]) -> None:
    """Ask during an attack, and until the service has recovered from it."""
    writers = 5 * WRITING
    with run:
        health, *rest = service.ask_for(attack.lasts, [HEALTH, *READING, *writers])
    in_time(health, HEALTHY_WITHIN, attack.health)
    assert health[-1].status == attack.last
    assert all(reason(reply) for reply in health)
    for replies in rest[: len(READING)]:
        in_time(replies, ANSWERED_WITHIN, attack.reading)
    for replies in rest[len(READING) :]:
        in_time(replies, ANSWERED_WITHIN, attack.writing)
    for question in (HEALTH, *READING, *WRITING):
        wait_for(f"{question} again", lambda q=question: service.ask(q).status in UP | WRITTEN, 30)


CLIENTS = {
    "pipelining": clients.pipelining,
    "silent": clients.silent,
    "slow heads": partial(clients.dripping, begin=clients.HEAD),
    "slow bodies": partial(clients.dripping, begin=clients.BODY),
    "bare line feeds": clients.bare_line_feeds,
}


@pytest.mark.parametrize("attack", CLIENTS)
def test_clients(on_sqlite: Service, attack: str) -> None:
    besiege(on_sqlite, Attack(CLIENTS[attack]), CLIENTS[attack](on_sqlite))


def test_another_writer_on_sqlite(on_sqlite: Service) -> None:
    attack = Attack(stores.locked_file, writing=REFUSED)
    besiege(on_sqlite, attack, stores.locked_file(on_sqlite.store))


def test_a_silent_keystone(guarded: Guarded) -> None:
    """Each question has a token that nobody knows yet."""
    service = guarded.service
    bogus = [replace(READING[0], headers={"X-Auth-Token": uuid4().hex}) for _ in range(16)]
    hang = Hang()
    with guarded.edge.during("", hang):
        health, *rest = service.ask_for(LASTS, [HEALTH, READING[-1], *WRITING, *bogus])
        hang.release()
    in_time(health, HEALTHY_WITHIN, UP)
    for replies, statuses in zip(rest, (EITHER, WRITTEN | REFUSED, *[OUT] * 16), strict=True):
        in_time(replies, ANSWERED_WITHIN, statuses)
    known = replace(READING[0], headers={"X-Auth-Token": guarded.hand()})
    wait_for("callers are known again", lambda: service.ask(known).status == 200, 30)


FIGURES = "customer, project, tenant, alert"
STORES = {
    "frozen backends": Attack(stores.frozen_backends, health=EITHER),
    "frozen server": Attack(stores.frozen_server, EITHER, REFUSED, EITHER, 503, LONG),
    "locked tables": Attack(partial(stores.locked_tables, tables=FIGURES), EITHER, REFUSED),
    "locked schema": Attack(
        partial(stores.locked_tables, tables="alembic_version"), EITHER, REFUSED, EITHER, 503
    ),
    "read-only": Attack(stores.read_only, EITHER, REFUSED, EITHER),
}


@pytest.mark.parametrize("attack", STORES)
def test_stores(on_postgresql: Service, postgres: Postgresql, database: str, attack: str) -> None:
    run = STORES[attack].run(postgres.server, database)
    besiege(on_postgresql, STORES[attack], run)
    collects_again(on_postgresql)


ALERTS = "SELECT count(*) FROM alert"


def test_a_primary_that_is_lost_and_a_standby_that_is_promoted(doubled: Doubled) -> None:
    service, standby = doubled.service, doubled.standby
    assert service.ask(WRITING[0]).status == 204
    written = doubled.primary.value("openstats", ALERTS)
    wait_for("the alert", lambda: written == standby.value("openstats", ALERTS) > 0, 30)
    doubled.primary.kill()
    wait_for("bad health", lambda: service.ask(HEALTH).status == 503, 30)
    in_time([service.ask(question) for question in READING[:2]], ANSWERED_WITHIN, {503})
    standby.execute("SELECT pg_promote()")
    for question in (HEALTH, *READING, *WRITING):
        wait_for(f"{question} again", lambda q=question: service.ask(q).status in UP | WRITTEN, 30)
    assert standby.value("openstats", ALERTS) >= written
    collects_again(service)


def collects_again(service: Service) -> None:
    """Wait for figures that are newer than what is there now."""
    before = polled_at(service)
    wait_for("a poll", lambda: polled_at(service) > before, 30)


def polled_at(service: Service) -> Any:
    """Return when the cloud was last polled with success."""
    (cloud,) = json.loads(service.ask(Question("/api/clouds/")).body)["clouds"]
    assert cloud["last_error"] is None
    return cloud["last_polled_at"]
