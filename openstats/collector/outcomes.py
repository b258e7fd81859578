"""How a poll ended, as its job keeps it: when the next one is due, and what went wrong."""

from oslo_log import log

from openstats.collector.polls.poll import Poll
from openstats.errors import OpenstatsError, StoreError
from openstats.storage import jobs

LOG = log.getLogger(__name__)


def succeed(poll: Poll) -> None:
    """Write that a poll brought figures, and what is missing in them.

    Raises:
        LeaseLostError: another collector does this job now.
    """
    now = poll.clock()
    next_at = poll.next_at
    if next_at is None:
        interval = getattr(poll.options, f"{poll.lease.kind}_interval")
        next_at = now + poll.jitter(interval, poll.options.jitter)
    with poll.writing() as db:
        jobs.succeed(
            db,
            poll.lease,
            now=poll.now,
            next_at=next_at,
            seconds=now - poll.now,
            cursor=poll.cursor,
            error=poll.missing,
        )
    if poll.missing:
        LOG.warning("%s", poll.sentence(poll.missing))
    LOG.info("%s of %s took %.1f s", poll.lease.kind, poll.lease.cloud.name, now - poll.now)


def fail(poll: Poll, error: OpenstatsError) -> None:
    """Write that a poll brought nothing; a cloud may ask to be left alone for a while."""
    now = poll.clock()
    pause = max(poll.options.retry_interval, getattr(error, "retry_after", 0))
    next_at = now + poll.jitter(pause, poll.options.jitter)
    try:
        with poll.store.transaction() as db:
            jobs.fail(
                db,
                poll.lease,
                now=int(now),
                next_at=next_at,
                seconds=now - poll.now,
                error=str(error),
            )
    except StoreError as unwritten:
        LOG.error("the outcome of %s could not be written: %s", poll.lease.kind, unwritten)
