"""Whether this process can do its work: looked at by a thread of its own, and never waited for."""

from collections.abc import Callable, Mapping
from threading import Event, Thread
from time import monotonic

from oslo_log import log

from openstats.errors import OpenstatsError

LOG = log.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two looks."""

PATIENCE = 3.0
"""Seconds that a look may take before what it looks at counts as not answering."""

Probe = Callable[[], None]
"""Raises OpenstatsError where something is wrong."""


class Health:
    """What ``/healthcheck`` says; ``probes`` look at one thing each, by its name.

    Until ``watch`` is called each question looks anew, and waits for the answer.
    """

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self.probes = dict(probes)
        self.draining = False
        self.watched = False
        self._faults: dict[str, str] = {}
        self._begun: dict[str, float] = {}
        self._stopped = Event()

    def watch(self) -> None:
        """Look regularly from now on, with a thread for each thing to look at."""
        self.watched = True
        for name in self.probes:
            self._look(name)
            Thread(target=self._watch, args=(name,), name=f"health {name}", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def fault(self) -> str | None:
        """Return the first thing that is wrong; None if all is well."""
        if self.draining:
            return "the service is being stopped"
        for name in self.probes:
            if not self.watched:
                self._look(name)
            elif self._overdue(name):
                return f"the {name} does not answer"
            if name in self._faults:
                return self._faults[name]
        return None

    def _overdue(self, name: str) -> bool:
        begun = self._begun.get(name)
        return begun is not None and monotonic() - begun > PATIENCE

    def _watch(self, name: str) -> None:
        while not self._stopped.wait(PAUSE):
            self._look(name)

    def _look(self, name: str) -> None:
        self._begun[name] = monotonic()
        known_fault = self._faults.get(name)
        try:
            self.probes[name]()
        except OpenstatsError as error:
            self._faults[name] = error.title[0].lower() + error.title[1:]
            if known_fault is None:
                LOG.error("not healthy: %s", error)
        except Exception:
            self._faults[name] = f"the {name} could not be looked at"
            LOG.exception("a defect of openstats in looking at the %s", name)
        else:
            if self._faults.pop(name, None):
                LOG.info("healthy again: the %s", name)
        finally:
            self._begun.pop(name, None)
