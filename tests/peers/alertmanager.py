"""Debian's Alertmanager, alone or as a peer of a cluster on loopback; it sends to one webhook.

In 0.25:

* A flush that fails is tried again at once, with growing pauses, until ten seconds have passed;
  then it waits for the next one. Refused connections and 5xx are tried again, 4xx are not.
* A peer of a cluster waits its place times ``cluster.peer-timeout`` before it sends, and says
  nothing if another one has told that it did. Where it does not wait, both send.
* Alerts are in memory only: after a restart there are none until Prometheus sends them again. What
  was notified is remembered on disk, so that nothing is said before ``repeat_interval``.
* An alert whose ``endsAt`` has come is resolved, whether or not anybody said so: Prometheus sets it
  to four times its resend delay ahead, each time. One that Prometheus tells of again after that
  fires anew with the ``startsAt`` that it had: that is said once, and then after
  ``repeat_interval``.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.peers.server import Server, programs
from tests.postgresql import free_port

PACKAGE = "prometheus-alertmanager"
TEMPLATES = "/usr/share/prometheus/alertmanager"
"""Where Debian's build reads its templates, whatever it is told."""

RELOCATED = "alertmanager"
ROUTE = {"group_wait": "0s", "group_interval": "1s"}
"""Notify at once."""

CLUSTER = {
    "peer-timeout": "0s",
    "pushpull-interval": "1s",
    "settle-timeout": "1s",
    "reconnect-interval": "1s",
}
"""Peers that do not wait for one another."""


class Alertmanager(Server):
    """An Alertmanager that sends to a URL with a token as Bearer; the directory has to exist.

    ``group_by`` are the labels by which alerts share a notification, ``repeat_interval`` is after
    what time one is repeated, and ``proxy`` is the URL of a proxy to the webhook. With a
    ``neighbour``, which has to be there before, it is the other peer of a cluster; ``clustered``
    is the first one.
    """

    def __init__(
        self,
        directory: Path,
        url: str,
        token: str,
        *,
        group_by: Iterable[str] = ("alertname",),
        repeat_interval: str = "1s",
        proxy: str = "",
        clustered: bool = False,
        neighbour: Alertmanager | None = None,
    ) -> None:
        super().__init__("alertmanager", directory)
        self.gossip = free_port() if clustered or neighbour else None
        self.neighbour = neighbour
        http: dict[str, Any] = {"authorization": {"type": "Bearer", "credentials": token}}
        if proxy:
            http["proxy_url"] = proxy
        webhook = {"url": url, "send_resolved": True, "http_config": http}
        self.config = {
            "route": {
                "receiver": "openstats",
                "group_by": [*group_by],
                **ROUTE,
                "repeat_interval": repeat_interval,
            },
            "receivers": [{"name": "openstats", "webhook_configs": [webhook]}],
        }

    def __enter__(self) -> Self:
        self.programs = programs(PACKAGE)
        _relocate(self.programs)
        (self.directory / "templates").symlink_to(self.programs.parents[1] / TEMPLATES[1:])
        # JSON is YAML.
        (self.directory / "alertmanager.yml").write_text(json.dumps(self.config))
        self.run()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Start it, or start it again after ``stop``, with what it remembers."""
        words = [f"--{name}={value}" for name, value in self._options().items()]
        self.start([self.programs / RELOCATED, *words], ready="/-/ready")

    def _options(self) -> dict[str, object]:
        common = {
            "config.file": self.directory / "alertmanager.yml",
            "storage.path": self.directory / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "cluster.listen-address": f"127.0.0.1:{self.gossip}" if self.gossip else "",
        }
        if not self.gossip:
            return common
        cluster: dict[str, object] = {f"cluster.{name}": told for name, told in CLUSTER.items()}
        if self.neighbour:
            cluster["cluster.peer"] = f"127.0.0.1:{self.neighbour.gossip}"
        return common | cluster

    def post(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Tell of alerts, as Prometheus does."""
        self.ask("POST", "/api/v2/alerts", [*alerts])

    def amtool(self, *words: str) -> None:
        """Run a command of amtool's."""
        command = [self.programs / "amtool", f"--alertmanager.url={self.url}", *words]
        subprocess.run(command, env=self.environ, check=True, capture_output=True, timeout=30)

    def peers(self) -> int:
        """Tell of how many the cluster is."""
        return len(self.ask("GET", "/api/v2/status")["cluster"].get("peers", ()))

    def sent(self, *, failed: bool = False) -> int:
        """Tell how often it has asked the webhook since it was started, or has in vain."""
        name = f"alertmanager_notification_requests{'_failed' * failed}_total"
        text = self.ask("GET", "/metrics").decode()
        (found,) = re.findall(rf'^{name}{{integration="webhook"}} (\S+)$', text, re.MULTILINE)
        return int(float(found))


def _relocate(place: Path) -> None:
    """Make a copy that reads its templates below the directory it is started in."""
    target = place / RELOCATED
    if not target.exists():
        # As long as it was: a binary has places for no more and no less.
        below = b"templates".rjust(len(TEMPLATES) - 1, b"/")
        made = place / f"{RELOCATED}.new"
        made.write_bytes((place / PACKAGE).read_bytes().replace(TEMPLATES.encode(), b"." + below))
        made.chmod(0o755)
        made.rename(target)
