"""The checks of each cloud: every call that the collector will make.

All clouds are checked in parallel, within a time limit: a cloud that does not answer delays no
other. ``trials`` has the single checks; ``command`` prints the lines.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING

from openstats.cli.check.api import ApiCheck
from openstats.cli.check.lines import (
    DUPLICATE,
    FAILED,
    HARMLESS,
    SHARED,
    Attempt,
    Line,
    Trial,
    skipped_line,
)
from openstats.cli.check.trials import CUSTOMERS, KEYSTONE, trials
from openstats.errors import OpenstatsError, RefusedError, ServiceMissingError

if TYPE_CHECKING:
    from openstats.clouds.connection import Connection

CLIENTS = {"Nova": "nova", "Cinder": "cinder", "Placement": "placement"}
"""The connection's clients by service; each is created from the versions of its service."""


@dataclass
class CloudCheck:
    """The trials of one cloud, and their result lines so far."""

    name: str
    connection: "Connection"
    max_diagnostics: int
    trial: Trial
    lines: list[Line] = field(default_factory=list)
    current: str = KEYSTONE
    is_over: bool = False
    _silent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # No waiting before retries: the user can run the check again.
        limits = replace(self.connection.limits, wait_seconds=0)
        self.connection = replace(self.connection, limits=limits)

    def run(self) -> None:
        """Run all trials in order, but skip those of services that do not answer."""
        from openstats.clouds import missing_rights

        ask = missing_rights.probe_of_cloud(self.connection)
        for step, attempt in trials(self.connection, self.max_diagnostics):
            self.current = step
            if cause := self._silent.get(KEYSTONE) or self._silent.get(_service(step)):
                self.lines.append(skipped_line(self._label(step), self._label(cause)))
                continue
            self.lines += self.trial(ask, self._label(step), step, self._watched(step, attempt))
        self.is_over = True

    def _watched(self, step: str, attempt: Attempt) -> Attempt:
        """Return an attempt that signs in first, and notes services that do not answer."""

        def watched() -> str:
            try:
                _ = self.connection.region
            except OpenstatsError:
                self._silent[KEYSTONE] = step
                raise
            try:
                return attempt()
            except OpenstatsError as error:
                if self._is_silence(step, error):
                    self._silent[_service(step)] = step
                if step == KEYSTONE:
                    self._silent[CUSTOMERS] = step
                raise

        return watched

    def _is_silence(self, step: str, error: OpenstatsError) -> bool:
        """Return whether the service cannot be called at all, so that all its calls would fail."""
        from openstats.clouds.sign_in import is_unreached

        client = CLIENTS.get(_service(step))
        has_client = client is None or client in vars(self.connection)
        if isinstance(error, RefusedError | ServiceMissingError):
            return False
        return not has_client or is_unreached(error)

    def finish(self, seconds: float) -> list[Line]:
        """Return the lines so far; stop a check that still runs, and mark the rest as skipped."""
        lines = list(self.lines)
        if self.is_over:
            return lines
        self.connection.stop(0)
        steps = [step for step, _ in trials(self.connection, self.max_diagnostics)]
        cause = self._label(self.current)
        lines.append(Line(cause, FAILED, f"no answer within {seconds:g} s"))
        for step in steps[steps.index(self.current) + 1 :]:
            lines.append(skipped_line(self._label(step), cause))
        return lines

    @property
    def is_signed_in(self) -> bool:
        """Whether the check is over, and signing in succeeded."""
        return self.is_over and KEYSTONE not in self._silent

    def _label(self, step: str) -> str:
        return f"{self.name}: {step}"


def lines_within(checks: Sequence[ApiCheck | CloudCheck], seconds: float) -> Iterator[Line]:
    """Run all checks in parallel for at most ``seconds``, and yield their lines."""
    end = time.monotonic() + seconds
    threads = [Thread(target=check.run, daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    lines = {check.name: check.finish(seconds) for check in checks}
    clouds = [check for check in checks if isinstance(check, CloudCheck)]
    signed_in = [check for check in clouds if check.is_signed_in]
    duplicates = _duplicates(signed_in, lines)
    shared = _shared([check for check in signed_in if check.name not in duplicates])
    for name, check_lines in lines.items():
        if name in duplicates:
            yield Line(name, DUPLICATE, duplicates[name])
        else:
            yield from check_lines
        yield from shared.get(name, [])


def _shared(checks: Sequence[CloudCheck]) -> dict[str, list[Line]]:
    """Return lines, by check, for services that an earlier region of the same Keystone has, too."""
    from openstats.clouds import endpoints
    from openstats.clouds.services import keystone_identity

    lines: dict[str, list[Line]] = {}
    for number, check in enumerate(checks):
        roots = endpoints.roots(check.connection)
        for earlier in checks[:number]:
            if not keystone_identity.share_keystone(earlier.connection, check.connection):
                continue
            earlier_roots = endpoints.roots(earlier.connection)
            services = [name for name, root in roots.items() if earlier_roots.get(name) == root]
            for service in services:
                detail = f"same service as in {earlier.name}: its figures count there"
                line = Line(f"{check.name}: {service}", SHARED, detail)
                lines.setdefault(check.name, []).append(line)
                del roots[service]
    return lines


def _duplicates(
    checks: Sequence[CloudCheck], lines: Mapping[str, Sequence[Line]]
) -> dict[str, str]:
    """Return the entries whose cloud is read by another entry, each with the detail of its line."""
    from openstats.clouds.services import keystone_identity

    faults = {check.name: _faults(lines[check.name]) for check in checks}
    details: dict[str, str] = {}
    # Sorting is stable: among equals, the first entry is used.
    checks = sorted(checks, key=lambda check: faults[check.name])
    for number, check in enumerate(checks):
        for better in checks[:number]:
            if better.name in details or not keystone_identity.is_same_cloud(
                better.connection, check.connection
            ):
                continue
            passes_more = faults[better.name] < faults[check.name]
            reason = "passes more checks" if passes_more else "comes first"
            details[check.name] = (
                f"same cloud as {better.name}, which {reason}: this entry is not used"
            )
            break
    return details


def _faults(lines: Iterable[Line]) -> int:
    return sum(line.status not in HARMLESS for line in lines)


def _service(step: str) -> str:
    """Return the service that a step calls; the one of usage is Nova, for the list of servers."""
    service = step.partition(",")[0]
    return "Nova" if service == "usage" else service
