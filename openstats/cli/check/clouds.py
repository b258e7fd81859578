"""What ``openstats check`` tries of each cloud: everything that the collector will ask.

The clouds are tried at the same time, and within a limit: one that is silent holds up no other.
What the lines look like is for check.py.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any

from openstats.cli.check.lines import (
    FAILED,
    HARMLESS,
    LEFT_ASIDE,
    SHARED,
    Attempt,
    Line,
    Trial,
    not_tried,
)
from openstats.cli.check.trials import CUSTOMERS, KEYSTONE, trials
from openstats.errors import OpenstatsError, RefusedError, ServiceMissingError

CLIENTS = {"Nova": "nova", "Cinder": "cinder", "Placement": "placement"}
"""The connection's clients, which are made of what a service says of its versions."""


@dataclass
class CloudCheck:
    """The trials of one cloud, and the lines that came of them so far."""

    name: str
    connection: Any
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
        from openstats.clouds import rights

        ask = rights.of_cloud(self.connection)
        for what, attempt in trials(self.connection, self.options):
            self.current = what
            if cause := self._silent.get(KEYSTONE) or self._silent.get(_service(what)):
                self.lines.append(not_tried(self._named(what), self._named(cause)))
                continue
            self.lines += self.trial(ask, self._named(what), what, self._watched(what, attempt))
        self.is_over = True

    def _watched(self, what: str, attempt: Attempt) -> Attempt:
        """Return an attempt that signs in first, and that keeps what is silent."""

        def watched() -> str:
            try:
                _ = self.connection.region
            except OpenstatsError:
                self._silent[KEYSTONE] = what
                raise
            try:
                return attempt()
            except OpenstatsError as error:
                if self._is_silence(what, error):
                    self._silent[_service(what)] = what
                if what == KEYSTONE:
                    self._silent[CUSTOMERS] = what
                raise

        return watched

    def _is_silence(self, what: str, error: OpenstatsError) -> bool:
        """Return whether the service cannot be asked at all, so that other calls fail likewise."""
        from openstats.clouds.sign_in import is_unreached

        client = CLIENTS.get(_service(what))
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
        names = [what for what, _ in trials(self.connection, self.options)]
        cause = self._named(self.current)
        lines.append(Line(cause, FAILED, f"no answer within {seconds:g} s"))
        rest = names[names.index(self.current) + 1 :]
        return lines + [not_tried(self._named(what), cause) for what in rest]

    @property
    def is_signed_in(self) -> bool:
        """Whether it is over, and one could sign in."""
        return self.is_over and KEYSTONE not in self._silent

    def _named(self, what: str) -> str:
        return f"{self.name}: {what}"


def lines_within(checks: Iterable[Any], seconds: float) -> Iterator[Line]:
    """Yield the lines of all checks, one after another; they take so many seconds together."""
    end = time.monotonic() + seconds
    threads = [(check, Thread(target=check.run, daemon=True)) for check in checks]
    for _, thread in threads:
        thread.start()
    for _, thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    lines = {check.name: check.cut(seconds) for check, _ in threads}
    signed_in = [check for check, _ in threads if check.is_signed_in]
    aside = _left_aside(signed_in, lines)
    shared = _shared([check for check in signed_in if check.name not in aside])
    for name, listed in lines.items():
        yield from [Line(name, LEFT_ASIDE, aside[name])] if name in aside else listed
        yield from shared.get(name, [])


def _shared(checks: list[CloudCheck]) -> dict[str, list[Line]]:
    """Return lines for the services that an earlier region of the same Keystone names, too."""
    from openstats.clouds import endpoints
    from openstats.clouds.services import keystone_identity

    lines: dict[str, list[Line]] = {}
    for place, check in enumerate(checks):
        own = endpoints.roots(check.connection)
        for other in checks[:place]:
            if not keystone_identity.share_keystone(other.connection, check.connection):
                continue
            theirs = endpoints.roots(other.connection)
            for service in [each for each, root in own.items() if theirs.get(each) == root]:
                said = f"same service as in {other.name}: its figures count there"
                line = Line(f"{check.name}: {service}", SHARED, said)
                lines.setdefault(check.name, []).append(line)
                del own[service]
    return lines


def _left_aside(checks: list[CloudCheck], lines: Mapping[str, list[Line]]) -> dict[str, str]:
    """Return which entries are of a cloud that another one sees more of, or comes before, for."""
    from openstats.clouds.services import keystone_identity

    aside: dict[str, str] = {}
    faults = {
        check.name: sum(line.status not in HARMLESS for line in lines[check.name])
        for check in checks
    }
    # Sorting is stable: of equals the first one comes first.
    checks = sorted(checks, key=lambda check: faults[check.name])
    for place, check in enumerate(checks):
        for other in checks[:place]:
            if other.name not in aside and keystone_identity.is_same_cloud(
                other.connection, check.connection
            ):
                sees = (
                    "passes more checks"
                    if faults[other.name] < faults[check.name]
                    else "comes first"
                )
                aside[check.name] = (
                    f"same cloud as {other.name}, which {sees}: this entry is not used"
                )
                break
    return aside


def _service(what: str) -> str:
    """Return the service that a trial asks: of usage, Nova is asked for servers first."""
    service = what.partition(",")[0]
    return "Nova" if service == "usage" else service
