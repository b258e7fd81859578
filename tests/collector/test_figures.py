"""Figures of another type, or beyond their range, are their cloud's error, and nobody else's."""

import re
from typing import Any

import pytest

from openstats.clouds.figures import LARGEST_PART
from openstats.model import EVERYTHING, Selection
from openstats.statistics.resource import by_class
from openstats.storage.inventory import capacity, resource_providers
from openstats.storage.quota import sums
from tests.collector.figures import FIGURES, Figure, replaced
from tests.collector.lab import SOON, Lab
from tests.double import Double


@pytest.fixture
def known(lab: Lab) -> Double:
    """A cloud that was read once, beside another one."""
    alpha = lab.double()
    lab.double("beta")
    assert lab.cycle() == []
    return alpha


def answers(lab: Lab) -> list[Any]:
    """Return what is answered of all clouds, without the times at which it was read."""
    with lab.store.read() as db:
        totals, _ = sums.total(db, EVERYTHING, Selection())
        whole = {
            uuid: by_class(zones) for uuid, zones in resource_providers.inventories(db).items()
        }
        figures = {owner: figures for owner, (figures, _) in capacity.by_cloud(db).items()}
    servers = lab.sql("SELECT uuid, vcpus, ram, disk, created_at FROM instance ORDER BY uuid")
    volumes = lab.sql("SELECT tenant_id, gigabytes, snapshot_gigabytes FROM volume_use")
    return [totals, whole, figures, servers, sorted(volumes)]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.kind}: {figure.path}")
def test_an_impossible_figure_is_its_clouds_error(
    lab: Lab, known: Double, caplog: Any, figure: Figure
) -> None:
    before = answers(lab)
    for name, value in figure.wrong().items():
        with lab.edge.during(f"{known.url}.*{figure.url}", figure.spoilt(value)) as rule:
            errors = lab.cycle(figure.kind, after=SOON, full=True)
            assert rule.hits
        assert len(errors) == 1, name
        assert errors[0].startswith("alpha: "), name
        assert re.search("cannot be read|impossible figure|unreadable", errors[0]), name
        assert lab.outcome(figure.kind, "beta").error is None
        assert answers(lab) == before, name
    assert "defect" not in caplog.text
    assert lab.cycle(figure.kind, after=SOON, full=True) == []
    assert answers(lab) == before


def test_the_largest_figures_of_all_can_be_added(either_lab: Lab) -> None:
    either_lab.double()
    either_lab.double("beta")
    amounts = [f for f in FIGURES if f.kind in ("capacity", "quotas", "providers")]
    for url in {figure.url for figure in amounts}:
        paths = [f.path for f in amounts if f.url == url and not f.path.endswith("ratio")]
        either_lab.edge.rule(url, replaced(paths, LARGEST_PART))
    assert either_lab.cycle("discovery", "capacity", "quotas", "providers") == []
    totals, whole, *_ = answers(either_lab)
    tenants = sum(linked for (linked,) in either_lab.sql("SELECT count(project_id) FROM tenant"))
    assert tenants == 8
    assert totals["vcpu"].limited == tenants * LARGEST_PART
    assert totals["storage"].limited == tenants * LARGEST_PART * 1024
    assert {classes["VCPU"]["total"] for classes in whole.values()} == {2 * LARGEST_PART}


@pytest.mark.parametrize("size", [0, 10**6])
def test_sizes_of_volumes_are_held_against_their_sum(lab: Lab, known: Double, size: int) -> None:
    before = answers(lab)
    (figure,) = [each for each in FIGURES if each.path == "volumes/*/size"]
    with lab.edge.during(f"{known.url}.*{figure.url}", figure.spoilt(size)):
        (said,) = lab.cycle("volumes", after=SOON, full=True)
    assert f"alpha: Cinder lists {6 * size} GiB of volumes, but counts" in said
    assert answers(lab) == before
    assert lab.cycle("volumes", after=SOON, full=True) == []
