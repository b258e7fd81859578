"""Health checks: threads probe what this process needs, and requests read the last results."""

from collections.abc import Callable, Mapping
from threading import Event, Thread
from time import monotonic

from oslo_log import log

from openstats.errors import OpenstatsError

LOG = log.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two runs of a probe."""

PROBE_TIMEOUT = 3.0
"""Seconds that a probe may take before its target counts as not answering."""

HealthCheck = Callable[[], None]
"""A check that raises OpenstatsError if something is wrong."""


class Health:
    """The health that ``/healthcheck`` reports; ``probes`` maps names of targets to checks.

    Until ``watch`` is called, ``fault`` runs the probes itself and waits for them.
    """

    def __init__(self, probes: Mapping[str, HealthCheck]) -> None:
        self.probes = dict(probes)
        self.draining = False
        self.watched = False
        self._faults: dict[str, str] = {}
        self._begun: dict[str, float] = {}
        self._stopped = Event()

    def watch(self) -> None:
        """Run each probe regularly from now on, in a thread of its own."""
        self.watched = True
        for name in self.probes:
            self._check(name)
            Thread(target=self._watch, args=(name,), name=f"health {name}", daemon=True).start()

    def stop(self) -> None:
        """Stop the threads that run the probes."""
        self._stopped.set()

    def fault(self) -> str | None:
        """Return the first fault; None if there is none."""
        if self.draining:
            return "the service is being stopped"
        for name in self.probes:
            if not self.watched:
                self._check(name)
            elif self._overdue(name):
                return f"the {name} does not answer"
            if name in self._faults:
                return self._faults[name]
        return None

    def _overdue(self, name: str) -> bool:
        begun = self._begun.get(name)
        return begun is not None and monotonic() - begun > PROBE_TIMEOUT

    def _watch(self, name: str) -> None:
        while not self._stopped.wait(PAUSE):
            self._check(name)

    def _check(self, name: str) -> None:
        self._begun[name] = monotonic()
        known_fault = self._faults.get(name)
        try:
            self.probes[name]()
        except OpenstatsError as error:
            self._faults[name] = error.title[0].lower() + error.title[1:]
            if known_fault is None:
                LOG.error("not healthy: %s", error)
        except Exception:
            self._faults[name] = f"the check of the {name} failed"
            LOG.exception("a defect of openstats in the check of the %s", name)
        else:
            if self._faults.pop(name, None):
                LOG.info("healthy again: the %s", name)
        finally:
            self._begun.pop(name, None)
