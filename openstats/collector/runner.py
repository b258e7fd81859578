"""The runner of polls: from a leased job to its outcome in the store. It starts no threads."""

from concurrent.futures import CancelledError, Executor
from dataclasses import replace
from functools import partial

from oslo_log import log

from openstats.collector import alerts, outcomes, shared_services
from openstats.collector.attempt import attempt
from openstats.collector.connections import Connections
from openstats.collector.polls import kinds
from openstats.collector.polls.poll import Poll, PollContext, log_line
from openstats.collector.working_time import WorkingTime
from openstats.errors import (
    CloudError,
    ConfigError,
    LeaseLostError,
    OpenstatsError,
    StoppedError,
    StoreError,
)
from openstats.model import Lease
from openstats.storage import jobs

LOG = log.getLogger(__name__)


class Runner:
    """Runs polls of a collector; a poll never ends the collector, however it fails."""

    def __init__(
        self, context: PollContext, connections: Connections, working_time: WorkingTime
    ) -> None:
        self._context = context
        self._connections = connections
        self._working_time = working_time

    def run(self, lease: Lease, calls: Executor, *, full: bool) -> None:
        """Run a poll and write its outcome; then apply the rules of alerts.

        ``calls`` makes its calls side by side; ``full`` reads everything anew.
        """
        began_at = self._now()
        try:
            cloud, connection = self._connections.settle(lease.cloud, lease.kind)
            # The first poll of a cloud finds out what it is, and how it is called.
            lease, began_at = replace(lease, cloud=cloud), self._now()
            shared = shared_services.find(self._context.store, cloud, connection)
            poll = Poll(self._context, lease, connection, calls, began_at, full, shared)
            outcomes.succeed(kinds.ask(poll))
        except LeaseLostError as error:
            # Whoever has the job now knows better what is wrong.
            LOG.warning("%s", error)
            return
        except (StoppedError, CancelledError) as error:
            # A call that waited for a thread is cancelled, and has no words.
            LOG.info("%s", log_line(lease, str(error) or "stopped"))
            self.release(lease)
            return
        except StoreError as error:
            LOG.error("%s", log_line(lease, error))
        except (CloudError, ConfigError) as error:
            LOG.warning("%s", log_line(lease, error))
            outcomes.fail(self._context, lease, began_at, error)
        except Exception as error:
            LOG.exception("a defect of openstats in %s of %s", lease.kind, lease.cloud.name)
            defect = OpenstatsError(f"a defect of openstats: {error!r}")
            outcomes.fail(self._context, lease, began_at, defect)
        rules = partial(alerts.after, self._context, lease, self._working_time.since())
        attempt(f"alerts of {lease.cloud.name}", rules)

    def release(self, lease: Lease) -> None:
        """Release a job: it is due as before."""
        attempt(f"giving back {lease.kind} of {lease.cloud.name}", partial(self._release, lease))

    def _release(self, lease: Lease) -> None:
        with self._context.store.transaction() as db:
            jobs.release(db, lease)

    def _now(self) -> int:
        return int(self._context.clock())
