"""Alerts that a collector raises, and the tenant that they are of."""

from dataclasses import dataclass

from openstats.storage.schema.types import FOREVER
from tests.collector.lab import Lab
from tests.double import Double, Size
from tests.double.state import Flavor

BIG = Flavor("m1.big", 80, 64, 1)
ONE = Size(projects=1, servers=0, volumes=0, hypervisors=1)
UNLIMITED = {"cores": -1, "ram": -1, "instances": -1, "gigabytes": -1}
NAMES = ("Debug", "Info", "Warning", "Error")


def everything(lab: Lab) -> list[tuple[str, str, int | None]]:
    """Give type, severity and closing of all alerts of our own, oldest first."""
    mine = "FROM alert WHERE source = 'openstats' ORDER BY id"
    rows = lab.sql(f"SELECT alert_type, severity, until {mine}")
    return [(kind, NAMES[how], None if end == FOREVER else end) for kind, how, end in rows]


def standing(lab: Lab) -> dict[str, str]:
    """Give the severity of each type that there is an open alert of."""
    found = [(kind, how) for kind, how, end in everything(lab) if end is None]
    assert len(dict(found)) == len(found)
    return dict(found)


def message(lab: Lab) -> str:
    """Give what the only open alert says."""
    ((found,),) = lab.sql(f"SELECT message FROM alert WHERE until = {FOREVER}")
    return str(found)


@dataclass
class Tenant:
    """A tenant that uses 80 vCPUs, in a cloud that was read once; it has no limits yet."""

    lab: Lab
    double: Double
    key: str

    def limited(self, **limits: int) -> dict[str, str]:
        """Set limits, poll, and give what stands since."""
        self.double.set_quota(self.key, **limits)
        assert self.lab.cycle("quotas", after=1, full=True) == []
        return standing(self.lab)


def one_tenant(lab: Lab) -> Tenant:
    double = lab.double(size=ONE)
    projects = double.state.projects.values()
    (key,) = [found.id for found in projects if found.name not in ("admin", "service")]
    double.set_quota(key, **UNLIMITED)
    double.boot(key, BIG)
    assert lab.cycle() == []
    return Tenant(lab, double, key)
