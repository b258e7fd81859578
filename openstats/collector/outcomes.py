"""Writing the outcome of a poll to its job: when the next poll is due, and what went wrong."""

from oslo_log import log

from openstats.collector.polls.poll import Poll, PollContext, log_line
from openstats.errors import OpenstatsError, StoreError
from openstats.model import Lease
from openstats.storage import jobs

LOG = log.getLogger(__name__)


def succeed(poll: Poll) -> None:
    """Record the success of a poll, and what its figures lack.

    Raises:
        LeaseLostError: another collector holds the lease now.
    """
    result, lease = poll.result, poll.lease
    now = poll.context.clock()
    next_at = result.next_at
    if next_at is None:
        next_at = now + poll.context.jittered(poll.context.interval(lease.kind))
    seconds = now - poll.now
    with poll.writing() as db:
        jobs.succeed(
            db,
            lease,
            now=poll.now,
            next_at=next_at,
            seconds=seconds,
            cursor=result.cursor,
            error=result.missing,
        )
    if result.missing:
        LOG.warning("%s", log_line(lease, result.missing))
    LOG.info("%s of %s took %.1f s", lease.kind, lease.cloud.name, seconds)


def fail(context: PollContext, lease: Lease, began_at: int, error: OpenstatsError) -> None:
    """Record the failure of a poll; the next one respects the error's ``retry_after`` (seconds)."""
    now = context.clock()
    pause = max(context.options.retry_interval, getattr(error, "retry_after", 0))
    next_at, seconds = now + context.jittered(pause), now - began_at
    try:
        with context.store.transaction() as db:
            jobs.fail(db, lease, now=int(now), next_at=next_at, seconds=seconds, error=str(error))
    except StoreError as unwritten:
        LOG.error("the outcome of %s could not be written: %s", lease.kind, unwritten)
