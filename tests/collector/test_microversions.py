"""Services that are rolled back, or upgraded, while a collector runs."""

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.double import Double


@pytest.fixture
def known(lab: Lab, alpha: Double) -> Double:
    """A cloud that was read once, and has changed since."""
    assert lab.cycle() == []
    alpha.boot(next(iter(alpha.state.servers.values())).tenant_id, SMALL)
    return alpha


def source(lab: Lab) -> str:
    ((name,),) = lab.sql("SELECT source FROM capacity")
    return str(name)


def test_a_nova_that_was_rolled_back_is_asked_in_its_own_version(
    lab: Lab, known: Double, caplog: pytest.LogCaptureFixture
) -> None:
    known.settings.compute_max = (2, 60)
    assert lab.cycle(after=SOON, full=True) == []
    assert source(lab) == "nova"
    assert expected.servers(lab.store) == set(known.state.servers)
    assert expected.known_quotas(lab.store) == expected.quotas(known)
    assert "alpha: microversion 2.60 of compute is used from now on, instead of" in caplog.text
    known.settings.compute_max = (2, 55)
    assert lab.cycle("quotas", after=SOON, full=True) == []


def test_so_are_placement_and_cinder(
    lab: Lab, known: Double, caplog: pytest.LogCaptureFixture
) -> None:
    known.settings.placement_max = (1, 20)
    known.settings.volume_max = (3, 50)
    assert lab.cycle(after=SOON, full=True) == []
    assert "alpha: microversion 1.20 of placement is used from now on" in caplog.text
    assert "alpha: microversion 3.50 of block-storage is used from now on" in caplog.text


def test_a_capacity_that_is_read_from_elsewhere_is_said(
    lab: Lab, known: Double, caplog: pytest.LogCaptureFixture
) -> None:
    known.settings.compute_max = (2, 40)
    (error,) = lab.cycle("capacity", after=SOON)
    assert (
        error == "alpha: compute serves microversions 2.1 to 2.40, openstats supports 2.47 to 2.87"
    )
    assert source(lab) == "placement"
    said = "the capacity of alpha is read from Placement from now on, not from Nova: alpha: compute"
    assert said in caplog.text
    known.settings.compute_max = (2, 87)
    assert lab.cycle("capacity", after=SOON) == []
    assert source(lab) == "nova"
