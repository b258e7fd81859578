"""Debian's VictoriaMetrics, a single node, fed through its import API.

Observed (1.79), t being an evaluation's time and samples having milliseconds:

* A range vector [300s] is t-300 < sample <= t: a sample exactly on an edge belongs to the window
  that ends there. What begins at s is [s, s+300) when asked at s+299.999, as with Prometheus.
* From 50 points on, start and end of a query_range are rounded down to multiples of the step,
  without a word. `nocache=1` prevents that (and the cache).
* An instant selector looks back 1.1 to 1.5 times the distance that the series' samples usually
  have (75 s for one a minute, 337 s for one in 300 s), a series of one sample by the step. An
  explicit window, as in `last_over_time(m[300s])`, looks back as far as it says.
* `increase` and `delta` take the last sample before the window into account, however old it is,
  and extrapolate nothing: over adjoining windows they add up to last minus first. A window
  without a sample gives 0 as long as the last one is less than that lookback before it, then
  nothing. A counter that fell began again at zero (`delta` may be negative).
* But a series' first sample ever counts as an increase from zero (in `delta` and `idelta` too) if
  it is less than ten times (the next difference + 1): 109, 119 gives 109 and 110, 120 gives 0.
  Counters of young instances therefore begin with a jump. `increase_pure` always begins at zero,
  `increase_prometheus` counts inside the window only and extrapolates nothing.
* `rate` is per second of what lies between samples, not of the window: it does not sink where a
  window is half empty, and a series' first sample gives none.
* /api/v1/query answers as of 30 s ago when its time is nearer to now than that
  (-search.latencyOffset), under the time that was asked for; query_range does not.
* Integers to 2^53 come back as they were; of fractions twelve digits do, unless values of one
  series lie many powers of ten apart. Samples more than two days ahead are dropped.
* At most 30,000 points a series, or 422. Points that are NaN are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tests.peers.series import Series
from tests.peers.server import Server, programs


class VictoriaMetrics(Server):
    """A VictoriaMetrics server while the context lasts; the directory has to exist."""

    def __init__(self, directory: Path) -> None:
        super().__init__("victoria-metrics", directory)

    def __enter__(self) -> Self:
        options = {
            "storageDataPath": self.directory / "data",
            "httpListenAddr": f"127.0.0.1:{self.port}",
            "retentionPeriod": "10y",
        }
        words = [f"-{name}={value}" for name, value in options.items()]
        self.start([programs("victoria-metrics") / "victoria-metrics", *words], ready="/health")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def feed(self, series: Iterable[Series]) -> None:
        """Add samples; they can be queried when this returns."""
        self.ask("POST", "/api/v1/import", b"".join(_line(one) for one in series))
        self.ask("GET", "/internal/force_flush")
        # Answers of before must not hide what has come to be in their past.
        self.ask("GET", "/internal/resetRollupResultCache")


def _line(series: Series) -> bytes:
    document = {
        "metric": {"__name__": series.metric, **series.labels},
        "values": [float(value) for _, value in series.samples],
        "timestamps": [round(time * 1000) for time, _ in series.samples],
    }
    return json.dumps(document).encode() + b"\n"
