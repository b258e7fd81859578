"""Quotas: reads the limits and usage of tenants that changed, or whose figures are old.

Tenants are read in pieces, with concurrent calls. The quotas of a piece are compared with the lists
of services, and written, before the next piece is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from openstats.collector import shared_services
from openstats.collector.polls import tenant_quotas
from openstats.collector.polls.checks import cells, unlisted_servers
from openstats.collector.polls.checks.undercounts import (
    MEASURES,
    QuotaMeasure,
    UndercountCheck,
)
from openstats.collector.polls.checks.unlisted_servers import TenantCount
from openstats.collector.polls.poll import Poll
from openstats.collector.polls.tenant_quotas import FailureStreak, TenantQuotas
from openstats.errors import CloudError, OddFigureError
from openstats.storage.quota import by_tenant, failures

PIECE_SIZE = 200
"""The number of tenants in a piece."""

MIN_FAILURES = 8
"""Consecutive failures before the cloud counts as down; more if there are more threads."""

DueTenant = tuple[int, str]
"""A tenant by row and by Keystone id."""


def run(poll: Poll) -> None:
    """Read the quotas that are due: two calls for each tenant, several tenants at once.

    Raises:
        CloudError: cells are down (Nova would not count their servers), the cloud stopped
            answering, every tenant that was due failed, or no tenant of the cloud has quotas.
    """
    with poll.store.transaction() as db:
        if poll.full:
            by_tenant.make_cloud_due(db, poll.cloud, poll.now)
        due_tenants = by_tenant.due(db, poll.cloud, poll.now)
    if due_tenants:
        _refuse_down_cells(poll)
        _read(poll, due_tenants)
    _note_failed(poll)


def _refuse_down_cells(poll: Poll) -> None:
    if shared_services.COMPUTE in poll.shared:
        return
    hosts = cells.record_host_states(poll)
    if hosts:
        names = ", ".join(hosts[:5])
        raise CloudError(
            f"{poll.cloud.name}: cells of Nova are down (hosts: {names}); previous quotas are kept"
        )


def _read(poll: Poll, due_tenants: Sequence[DueTenant]) -> None:
    """Read, check and write the quotas of tenants, piece by piece.

    Raises:
        CloudError: the cloud stopped answering, or every tenant failed.
    """
    streak = FailureStreak(limit=max(MIN_FAILURES, poll.options.threads))
    undercounts = UndercountCheck(poll)
    errors: list[CloudError] = []
    for start in range(0, len(due_tenants), PIECE_SIZE):
        piece = due_tenants[start : start + PIECE_SIZE]
        figures = _without_undercounts(undercounts, _ask(poll, streak, piece))
        _write(poll, _with_contradictions(poll, figures))
        errors += [tenant.error for tenant in figures if tenant.error]
        poll.report("quotas", start + len(piece), len(due_tenants))
        if streak.last_error and streak.is_over_limit:
            raise streak.last_error
    if len(errors) == len(due_tenants):
        raise errors[-1]


def _ask(poll: Poll, streak: FailureStreak, piece: Sequence[DueTenant]) -> list[TenantQuotas]:
    """Read the quotas of tenants concurrently; leave out tenants skipped after failures."""
    answers = poll.calls.map(lambda tenant: tenant_quotas.read(poll, streak, *tenant), piece)
    return [answer for answer in answers if answer]


def _without_undercounts(
    check: UndercountCheck, figures: Iterable[TenantQuotas]
) -> list[TenantQuotas]:
    """Return figures without the services that count less than they list.

    If an undercount is not certain, keep the figures and mark the tenant as ``is_moving``.
    """
    by_row = {tenant.row: tenant for tenant in figures}
    for measure in MEASURES:
        counts = _counts(measure, by_row.values())
        for row, undercount in check.undercounts(measure, counts).items():
            if undercount.is_certain:
                error = OddFigureError(f"{check.poll.cloud.name}: {undercount.sentence}")
                by_row[row] = by_row[row].without(measure.service, error)
            else:
                by_row[row] = replace(by_row[row], is_moving=True)
    return list(by_row.values())


def _counts(measure: QuotaMeasure, figures: Iterable[TenantQuotas]) -> list[TenantCount]:
    """Return the usage of a measure's quota for tenants whose service was asked and answered."""
    counts = []
    for tenant in figures:
        if measure.meter in tenant.quotas and measure.service not in tenant.assumed:
            in_use = tenant.quotas[measure.meter].in_use // measure.unit
            counts.append(TenantCount(tenant.row, tenant.key, in_use))
    return counts


def _with_contradictions(poll: Poll, figures: Sequence[TenantQuotas]) -> list[TenantQuotas]:
    """Return figures with contradictions added: servers that Nova counts, but did not list."""
    counts = []
    for tenant in figures:
        if "max_instances" in tenant.quotas:
            in_use = tenant.quotas["max_instances"].in_use
            counts.append(TenantCount(tenant.row, tenant.key, in_use))
    contradictions = unlisted_servers.check(poll, counts)
    checked = []
    for tenant in figures:
        contradiction = contradictions.get(tenant.row, tenant.contradiction)
        checked.append(replace(tenant, contradiction=contradiction))
    return checked


def _write(poll: Poll, figures: Iterable[TenantQuotas]) -> None:
    now = int(poll.context.clock())
    with poll.writing() as db:
        for tenant in figures:
            by_tenant.record(
                db,
                tenant.row,
                tenant.quotas,
                now=now,
                due_at=now + _pause(poll, tenant),
                error=str(tenant.error or tenant.contradiction) or None,
                asked_at=poll.now,
                volume_types=tenant.volume_types,
            )


def _pause(poll: Poll, figures: TenantQuotas) -> int:
    """Return the seconds until the quotas of a tenant are read again."""
    options, error = poll.options, figures.error
    if figures.is_moving:
        return options.retry_interval + options.overlap
    if error is None or isinstance(error, OddFigureError):
        # A wrong figure may last: frequent retries would only load the cloud.
        return options.quota_max_age
    return int(max(options.retry_interval, error.retry_after))


def _note_failed(poll: Poll) -> None:
    """Note the number of tenants whose quotas could not be read, or were rejected.

    Raises:
        CloudError: no tenant of the cloud has quotas.
    """
    with poll.store.read() as db:
        failed = failures.of_cloud(db, poll.cloud)
    if not failed.tenants:
        return
    reason = failed.reason.removeprefix(f"{poll.cloud.name}: ")
    poll.note_missing(
        f"{poll.cloud.name}: quotas of {failed.tenants} of {failed.total} tenants were not read in "
        f"full; one reason: {reason}"
    )
    if not failed.known:
        raise CloudError(str(poll.result.missing))
