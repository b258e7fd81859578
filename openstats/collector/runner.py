"""Running one poll, from a leased job to its outcome in the store; starts no threads."""

from concurrent.futures import CancelledError, Executor
from dataclasses import replace

from oslo_log import log

from openstats.collector import alerts, outcomes, shared_services
from openstats.collector.entries.connections import Connections
from openstats.collector.error_log import logged_errors
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
from openstats.storage.store import DeadlockError

LOG = log.getLogger(__name__)


class Runner:
    """Runs the polls of a collector; no exception of a poll ends the collector."""

    def __init__(
        self, context: PollContext, connections: Connections, working_time: WorkingTime
    ) -> None:
        self._context = context
        self._connections = connections
        self._working_time = working_time

    def run(self, lease: Lease, calls: Executor, *, full: bool) -> None:
        """Run a poll, write its outcome, and apply the alert rules.

        ``calls`` executes concurrent calls. ``full`` requests that everything is read again.
        """
        began_at = self._now()
        try:
            cloud, connection = self._connections.settle(lease.cloud, lease.kind)
            # The first poll of a cloud determines its identity and name.
            lease, began_at = replace(lease, cloud=cloud), self._now()
            shared = shared_services.find(self._context.store, cloud, connection)
            poll = Poll(self._context, lease, connection, calls, began_at, full, shared)
            outcomes.succeed(kinds.run(poll))
        except LeaseLostError as error:
            # The collector that holds the lease now writes the outcome.
            LOG.warning("%s", error)
            return
        except (StoppedError, CancelledError) as error:
            # CancelledError, of a call that waited for a thread, has no message.
            LOG.info("%s", log_line(lease, str(error) or "stopped"))
            self.release(lease)
            return
        except DeadlockError as error:
            # The job is due at once, so that the poll is repeated.
            LOG.info("%s", log_line(lease, error))
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
        with logged_errors(f"alerts of {lease.cloud.name}"):
            alerts.apply_rules_after(self._context, lease, self._working_time.since())

    def release(self, lease: Lease) -> None:
        """Release the lease of a job, which stays due; log errors."""
        title = f"releasing {lease.kind} of {lease.cloud.name}"
        with logged_errors(title), self._context.store.transaction() as db:
            jobs.release(db, lease)

    def _now(self) -> int:
        return int(self._context.clock())
