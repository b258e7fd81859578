"""Real servers beside openstats: it reads meters from some, and others tell it of alerts.

Gnocchi, Prometheus and VictoriaMetrics are asked; Alertmanager and Aodh's notifier send; nginx and
HAProxy stand in front, and wrk is the load. A server is a context manager that installs what it
needs on first use, in the cache of the test clouds, listens on a free port of 127.0.0.1, and is
ended by process id; a test feeds it and asks it. How meter servers cut time was observed, not read:
it is in the docstring of its module, and held by tests/functional/test_peers.py. In short, for
granules of 300 s that begin at s, t being s+300:

================  =======================  ===================================================
server            window                   to have exactly [s, s+300)
================  =======================  ===================================================
Gnocchi           [s, s+300)               is it, labelled s
Prometheus 2      [t-300, t]               ask [300s] at s+299.999, every 300 s; labelled so
VictoriaMetrics   (t-300, t]               likewise, and with `nocache=1`
================  =======================  ===================================================

What openstats makes of the answers does not live here.
"""

from tests.peers.alertmanager import Alertmanager
from tests.peers.aodh import Aodh
from tests.peers.gnocchi import Gnocchi
from tests.peers.prometheus import Prometheus
from tests.peers.series import Instance, Sample, Series
from tests.peers.victoriametrics import VictoriaMetrics

__all__ = [
    "Alertmanager",
    "Aodh",
    "Gnocchi",
    "Instance",
    "Prometheus",
    "Sample",
    "Series",
    "VictoriaMetrics",
]
