"""What ``openstats check`` tries of each cloud: everything that the collector will ask.

The clouds are tried at the same time, and within a limit: one that is silent holds up no other.
What the lines look like is for check.py.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING, Any

from openstats.cli.check.api import ApiCheck
from openstats.cli.check.lines import (
    DUPLICATE,
    FAILED,
    HARMLESS,
    SHARED,
    Attempt,
    Line,
    Trial,
    not_tried,
)
from openstats.cli.check.trials import CUSTOMERS, KEYSTONE, trials
from openstats.errors import OpenstatsError, RefusedError, ServiceMissingError

if TYPE_CHECKING:
    from openstats.clouds.connection import Connection

CLIENTS = {"Nova": "nova", "Cinder": "cinder", "Placement": "placement"}
"""The connection's clients, which are made of what a service says of its versions."""


@dataclass
class CloudCheck:
    """The trials of one cloud, and the lines that came of them so far."""

    name: str
    connection: "Connection"
    options: Any
    trial: Trial
    lines: list[Line] = field(default_factory=list)
    current: str = KEYSTONE
    is_over: bool = False
    _silent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Who waits at a terminal asks again when the cloud is back.
        limits = replace(self.connection.limits, wait_seconds=0)
        self.connection = replace(self.connection, limits=limits)

    def run(self) -> None:
        """Try one thing after another, but nothing of what does not answer."""
        from openstats.clouds import missing_rights

        ask = missing_rights.probe_of_cloud(self.connection)
        for step, attempt in trials(self.connection, self.options):
            self.current = step
            if cause := self._silent.get(KEYSTONE) or self._silent.get(_service(step)):
                self.lines.append(not_tried(self._label(step), self._label(cause)))
                continue
            self.lines += self.trial(ask, self._label(step), step, self._watched(step, attempt))
        self.is_over = True

    def _watched(self, step: str, attempt: Attempt) -> Attempt:
        """Return an attempt that signs in first, and that keeps what is silent."""

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
        """Return whether the service cannot be asked at all, so that other calls fail likewise."""
        from openstats.clouds.sign_in import is_unreached

        client = CLIENTS.get(_service(step))
        has_client = client is None or client in vars(self.connection)
        if isinstance(error, RefusedError | ServiceMissingError):
            return False
        return not has_client or is_unreached(error)

    def cut(self, seconds: float) -> list[Line]:
        """Return the lines so far; where it is not over, the rest was not tried."""
        lines = list(self.lines)
        if self.is_over:
            return lines
        self.connection.stop(0)
        steps = [step for step, _ in trials(self.connection, self.options)]
        cause = self._label(self.current)
        lines.append(Line(cause, FAILED, f"no answer within {seconds:g} s"))
        for step in steps[steps.index(self.current) + 1 :]:
            lines.append(not_tried(self._label(step), cause))
        return lines

    @property
    def is_signed_in(self) -> bool:
        """Whether it is over, and one could sign in."""
        return self.is_over and KEYSTONE not in self._silent

    def _label(self, step: str) -> str:
        return f"{self.name}: {step}"


def lines_within(checks: Sequence[ApiCheck | CloudCheck], seconds: float) -> Iterator[Line]:
    """Yield the lines of all checks, which run at the same time, for so many seconds at most."""
    end = time.monotonic() + seconds
    threads = [Thread(target=check.run, daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    lines = {check.name: check.cut(seconds) for check in checks}
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
    """Return lines for the services that an earlier region of the same Keystone names, too."""
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
    """Return which entries are of a cloud that another entry is used for, each with the detail."""
    from openstats.clouds.services import keystone_identity

    faults = {check.name: _faults(lines[check.name]) for check in checks}
    details: dict[str, str] = {}
    # Sorting is stable: of equals the first one comes first.
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
    """Return the service that a step asks: of usage, Nova is asked for servers first."""
    service = step.partition(",")[0]
    return "Nova" if service == "usage" else service
