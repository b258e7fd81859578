"""Debian's Prometheus, fed with blocks that promtool makes of an OpenMetrics text.

Unless its configuration says what to scrape, nothing is, so there are no staleness markers: a
series ends by the lookback alone. `feed` ends the server and starts it anew on the same port, since
it looks for blocks at its start.

Observed (2.42), t being an evaluation's time and samples having milliseconds:

* A range vector [300s] is closed at both ends, t-300 <= sample <= t: with evaluations every 300 s
  a sample exactly on an edge is counted twice. (Prometheus 3 leaves the left end open.) What
  begins at s is [s, s+300) when asked at s+299.999: only a sample of just a millisecond before s
  is then counted twice.
* An instant selector gives the newest sample of t-300 <= sample <= t: the last value of a series
  whose samples are 300 s apart is still there 300 s later, and not a millisecond longer.
* `rate` and `increase` know the samples in the window only, and need two of them. They extrapolate:
  to an edge that is nearer than 1.1 mean distances of the samples, else by half such a distance,
  and never below zero. Samples exactly on both edges need no extrapolation. With one sample a
  window there is no answer at all. A counter that fell began again at zero.
* `last_over_time(m[w]) - last_over_time(m[w] offset 300s)` is exact, may be negative, and is
  absent where either window is empty.
* At most 11,000 points a series, or 400 `bad_data`. Values are strings, "NaN" and "+Inf" among
  them; times are numbers, with a fraction only when they have one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from tests.devcloud.plan import DevcloudError
from tests.peers.series import Series
from tests.peers.server import Server, programs

SECOND = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}


class Prometheus(Server):
    """A Prometheus server while the context lasts; the directory has to exist.

    ``config`` is what its file holds, ``rules`` are alerting rules of which it holds the name.
    """

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any] | None = None,
        rules: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__("prometheus", directory)
        self.data = directory / "data"
        self.config = dict(config or {})
        self.rules = [*rules]

    def __enter__(self) -> Self:
        self.programs = programs("prometheus")
        if self.rules:
            self.config["rule_files"] = ["rules.yml"]
            groups = {"groups": [{"name": "rules", "rules": self.rules}]}
            (self.directory / "rules.yml").write_text(json.dumps(groups))
        # JSON is YAML.
        (self.directory / "prometheus.yml").write_text(json.dumps(self.config))
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        options = {
            "config.file": self.directory / "prometheus.yml",
            "storage.tsdb.path": self.data,
            "storage.tsdb.retention.time": "10y",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "rules.alert.resend-delay": "2s",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        self.start([self.programs / "prometheus", *words], ready="/-/ready")

    @staticmethod
    def scraping(target: str, *alertmanagers: Server) -> dict[str, Any]:
        """Make a configuration: scrape HOST:PORT each second, and tell Alertmanagers of alerts."""
        told = [f"127.0.0.1:{one.port}" for one in alertmanagers]
        return {
            "global": SECOND,
            "scrape_configs": [{"job_name": "tests", "static_configs": [{"targets": [target]}]}],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": told}]}]},
        }

    def feed(self, series: Iterable[Series]) -> None:
        """Add samples; they can be queried when this returns."""
        self.stop()
        text = self.directory / "samples.txt"
        text.write_text("".join(_openmetrics(series)))
        command = ("tsdb", "create-blocks-from", "openmetrics", "-q", text, self.data)
        done = subprocess.run(
            [self.programs / "promtool", *command],
            env=self.environ,
            cwd=self.directory,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise DevcloudError(f"promtool: {done.stderr.strip()[-800:]}")
        self._start()


def _openmetrics(series: Iterable[Series]) -> Iterator[str]:
    """Give the lines of an OpenMetrics text: all of one metric together, times in seconds."""
    by_metric = sorted(series, key=lambda one: one.metric)
    for metric, same in groupby(by_metric, key=lambda one: one.metric):
        for one in same:
            # OpenMetrics escapes as JSON does.
            pairs = [
                f"{name}={json.dumps(text, ensure_ascii=False)}"
                for name, text in one.labels.items()
            ]
            begin = f"{metric}{{{','.join(pairs)}}}"
            for time, value in one.samples:
                yield f"{begin} {float(value)!r} {time:.3f}\n"
    yield "# EOF\n"
