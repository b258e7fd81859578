"""Meter sources on real servers: the same samples give the same datapoints, and the right ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from openstats.meters import USAGE_METERS
from openstats.model import EVERYTHING, Selection
from openstats.statistics import usage as statistic
from openstats.storage.usage import members
from openstats.storage.usage import readings as reading_rows
from tests.collector.lab import SMALL, Lab
from tests.conftest import Sqlite
from tests.double import Double
from tests.edge import Edge, Garbage, Status, Truncate
from tests.edge.actions import Pass
from tests.functional.metered import (
    BEGIN,
    BLOG,
    CPU,
    DISK,
    END,
    FLEET,
    GAUGES,
    HOUR,
    LAB,
    MEMORY,
    NAMES,
    SHOP,
    STEP,
    STRANGER,
    VCPUS,
    continuous,
    right,
)
from tests.peers import Gnocchi, Instance, Prometheus, Series, VictoriaMetrics

DAY = 24 * HOUR
LAG = 600
QUIET = "4e" * 16
METERS = (*GAUGES, "cpu.used")
SOURCES = ("gnocchi", "prometheus", "victoria")
ASKED = "/v1/aggregates|/api/v1/query_range"


@pytest.fixture(scope="module")
def gnocchi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gnocchi]:
    with Gnocchi(tmp_path_factory.mktemp("gnocchi")) as peer:
        peer.feed(FLEET)
        yield peer


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with Prometheus(tmp_path_factory.mktemp("prometheus")) as peer:
        peer.feed(series for one in FLEET for series in one.series())
        yield peer


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as peer:
        peer.feed(series for one in FLEET for series in one.series())
        yield peer


@pytest.fixture
def lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite: Sqlite, edge: Edge
) -> Iterator[Lab]:
    """A lab whose clock stands after the last sample."""
    for name, value in edge.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("NOVACLIENT_UUID_CACHE_DIR", str(tmp_path))
    (tmp_path / "openstats.conf").write_text("[usage]\nbackfill_days = 1\n")
    with sqlite.store() as store, Lab(tmp_path, store, edge) as lab:
        lab.clock.now = float(END + LAG + 7)
        yield lab


@pytest.fixture
def cloud(lab: Lab) -> Double:
    """A cloud that has all projects but one."""
    double = lab.double("alpha", None)
    double.add_hypervisor("compute-1", vcpus=64, ram=2**20, disk=10_000)
    for project in (SHOP, BLOG, LAB):
        double.create_project(NAMES[project], id=project)
    return double


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, lab: Lab, cloud: Double) -> str:
    """Each source in turn, as the cloud's."""
    use(lab, request.param, request.getfixturevalue(request.param).url)
    return str(request.param)


def use(lab: Lab, source: str, url: str) -> None:
    told = {"url": url, "storage_unit": "GiB", "storage": "ceilometer_disk_root_size"}
    if source == "gnocchi":
        told |= {"auth": "basic", "storage": DISK, "storage_type": "instance"}
    kind = "gnocchi" if source == "gnocchi" else "prometheus"
    lab.configure(meter_source=kind, meter_options=told)


def values(lab: Lab, meter: str, edges: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the datapoints of all projects by name, and which are known."""
    with lab.store.read() as db:
        found = members.read(db, EVERYTHING, Selection("project"))
        clouds = set(found.clouds.tolist())
        readings = reading_rows.around(db, clouds, meter, statistic.cuts(edges, found))
    figures, known = statistic.values(USAGE_METERS[meter], edges, found, readings)
    names = [of.name for of in found.objects]
    columns = figures.T.tolist(), known.T.tolist()
    return dict(zip(names, columns[0], strict=True)), dict(zip(names, columns[1], strict=True))


def edges(step: int, begin: int = BEGIN + HOUR, end: int = END) -> list[int]:
    return [*range(begin, end, step), end]


def ends(lab: Lab) -> dict[str, int]:
    """Give when each meter was read last."""
    found = lab.sql("SELECT meter, max(at) FROM reading GROUP BY meter")
    return {name: at for name, at in found if name in METERS}


def check_all(lab: Lab, projects: Sequence[str] = (SHOP, BLOG, LAB)) -> None:
    """Hold all datapoints against the samples, whatever their length."""
    for step in (STEP, HOUR, 7 * STEP, END):
        for meter in METERS:
            found, _ = values(lab, meter, edges(step))
            assert len(found) == len(projects)
            for project in projects:
                wanted = [right(meter, project, *piece) for piece in pairwise(edges(step))]
                assert any(wanted)
                assert found[NAMES[project]] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_datapoints_are_what_the_samples_sum_up_to(lab: Lab, cloud: Double, source: str) -> None:
    assert lab.cycle("discovery", "usage") == []
    check_all(lab)
    # A project that was not known then brings its past along.
    cloud.create_project("stranger", id=STRANGER)
    assert lab.cycle("discovery") == []
    check_all(lab, tuple(NAMES))


def test_cpu_time_is_that_of_the_counters(lab: Lab, source: str) -> None:
    assert lab.cycle("discovery", "usage") == []
    for step in (HOUR, 6 * HOUR, END):
        found, _ = values(lab, "cpu.used", edges(step))
        for n, (begin, end) in enumerate(pairwise(edges(step))):
            wanted, unsure = continuous(SHOP, begin, end)
            assert found["shop"][n] == pytest.approx(wanted, abs=unsure)


def test_unobserved_usage_is_unknown(lab: Lab, source: str) -> None:
    assert lab.cycle("discovery", "usage") == []
    for meter in GAUGES:
        _, known = values(lab, meter, edges(STEP))
        hole = [11 * HOUR <= start - BEGIN < 12 * HOUR for start in edges(STEP)[:-1]]
        assert known["lab"] == [not missed for missed in hole]
        assert all(known["shop"])


def test_a_clock_that_is_set_is_no_matter_to_a_source_that_has_its_own(
    lab: Lab, source: str
) -> None:
    lab.clock.now -= 3 * HOUR
    assert lab.cycle("discovery", "usage") == []
    lab.clock.step(3 * HOUR)
    assert lab.cycle("usage") == []
    check_all(lab)


def test_a_tick_costs_a_handful_of_calls(lab: Lab, source: str) -> None:
    lab.clock.now -= 2 * HOUR
    assert lab.cycle("discovery", "usage") == []
    calls = set()
    for _ in range(24):
        assert lab.cycle("usage", after=STEP) == []
        calls.add(lab.asked(ASKED))
    assert calls == {7}
    assert lab.cycle("usage") == []
    assert lab.asked(ASKED) == 0  # all is up to date
    check_all(lab)


def test_a_source_that_was_down_for_an_hour(lab: Lab, source: str) -> None:
    lab.clock.now -= 3 * HOUR
    assert lab.cycle("discovery", "usage") == []
    before = ends(lab)
    ills = (Status(503), Garbage(), Truncate(200), Garbage(b"[{}]"), Garbage(b"{}"), Status(404))
    for ill in ills:
        with lab.edge.during(ASKED, ill):
            (error,) = lab.cycle("usage", after=600)
        assert error.startswith("alpha: ")
        assert ends(lab) == before
    assert lab.cycle("usage", after=2 * HOUR) == []
    assert set(ends(lab).values()) == {END}
    check_all(lab)


def test_a_back_fill_that_stops_half_way_goes_on_where_it_ended(lab: Lab, source: str) -> None:
    stopped = set()
    for calls in (2, 5, 2):
        broken = lab.edge.rule(ASKED, Status(500))
        passed = lab.edge.rule(ASKED, Pass(), times=calls)
        assert len(lab.cycle("discovery", "usage")) == 1
        lab.edge.remove(broken)
        lab.edge.remove(passed)
        stopped.add(frozenset(ends(lab).items()))
    assert len(stopped) > 1
    assert lab.cycle("usage") == []
    check_all(lab)


def test_sums_over_too_few_instances_are_scaled_up_or_unknown(
    lab: Lab, cloud: Double, source: str
) -> None:
    """Of the latest granules, for which what runs now can be trusted."""
    cloud.create_project("quiet", id=QUIET)
    for project, number in ((SHOP, 2), (BLOG, 2), (LAB, 3), (QUIET, 1)):
        for _ in range(number):
            cloud.boot(project, SMALL, created=BEGIN)
    assert lab.cycle("discovery", "instances", "usage") == []
    latest = edges(STEP, END - 5 * STEP)
    for meter in GAUGES:
        found, known = values(lab, meter, latest)
        wanted = {p: [right(meter, p, *piece) for piece in pairwise(latest)] for p in (SHOP, BLOG)}
        assert found["blog"] == pytest.approx(wanted[BLOG])
        doubled = [1, 1, 2, 2, 2]
        assert found["shop"] == pytest.approx(
            [value * times for value, times in zip(wanted[SHOP], doubled, strict=True)]
        )
        for name in ("lab", "quiet"):
            assert known[name] == [True, True, False, False, False]
    found, _ = values(lab, "cpu.used", latest)
    assert found["shop"] == pytest.approx(
        [right("cpu.used", SHOP, *piece) for piece in pairwise(latest)]
    )
    assert found["lab"][2:] == [0, 0, 0]


def test_a_meter_that_the_source_lacks_is_left_out(lab: Lab, source: str) -> None:
    lacking = {"storage": "nothing_like_it", "storage_type": "instance_disk"}
    told = dict(lab.clouds["alpha"]["openstats"]["meter_options"])
    told |= {name: value for name, value in lacking.items() if name in told}
    lab.configure(meter_options=told)
    lab.clock.now -= STEP
    assert lab.cycle("discovery", "usage") == []
    assert ends(lab) == {"cpu.used": END - STEP, "memory.used": END - STEP}
    assert lab.cycle("usage", after=STEP) == []
    assert lab.asked(ASKED) == 6
    assert ends(lab) == {"cpu.used": END, "memory.used": END}


@pytest.mark.parametrize("name", ["prometheus", "victoria"])
def test_a_value_that_is_no_number_is_not_known(
    lab: Lab, cloud: Double, name: str, request: pytest.FixtureRequest
) -> None:
    peer = request.getfixturevalue(name)
    figures = [10.0, float("nan"), 12.0, 0.0]
    samples = [(BEGIN + n * STEP + 9.5, value) for n, value in enumerate(figures)]
    other = [(time, 1.0) for time, _ in samples]
    peer.feed(
        Series("odd", {"project_id": str(UUID(project))}, values)
        for project, values in ((SHOP, samples), (BLOG, other))
    )
    told = {"url": peer.url, "memory": "odd", "label": "project_id", "cpu": "", "storage": ""}
    lab.configure(meter_source="prometheus", meter_options=told)
    assert lab.cycle("discovery", "usage") == []
    found, known = values(lab, "memory.used", edges(STEP, BEGIN, BEGIN + 4 * STEP))
    assert found["shop"] == [10, 0, 12, 0]
    assert known["shop"] == [True, False, True, True]


def on_host(one: Instance, host: str) -> list[Series]:
    """Give the series of an instance as the agent of one host exports them."""
    return [replace(s, labels=dict(s.labels) | {"instance": host}) for s in one.series()]


@pytest.mark.parametrize("name", ["prometheus", "victoria"])
@pytest.mark.parametrize("step", [15, 60])
@pytest.mark.parametrize("continues", [True, False])
def test_a_live_migration_doubles_nothing(
    lab: Lab, cloud: Double, name: str, step: int, continues: bool, request: pytest.FixtureRequest
) -> None:
    """The new host's series begins 105 s into a granule in which the old one's ends."""
    peer = request.getfixturevalue(name)
    begin, moved = END + 2 * DAY, END + 2 * DAY + 3 * STEP + 105
    moments = [begin + n * step + 7 for n in range(8 * STEP // step)]
    before, after = ([t for t in moments if (t < moved) is old] for old in (True, False))
    tenant = uuid4().hex
    cloud.create_project(f"mover-{tenant}", id=tenant)
    key, base = str(uuid4()), 7e12
    for host, times in (("one", before), ("other", after)):
        started = moved if host == "other" and not continues else begin
        metrics = {
            CPU: [(t, (base if continues else 0) + 1e9 * (t - started)) for t in times],
            VCPUS: [(t, 2.0) for t in times],
            MEMORY: [(t, 700.0) for t in times],
            DISK: [(t, 40.0) for t in times],
        }
        peer.feed(on_host(Instance(key, tenant, metrics), host))
    use(lab, name, peer.url)
    lab.clock.now = begin + 8 * STEP + LAG + 7.0
    assert lab.cycle("discovery", "usage") == []
    pieces = edges(STEP, begin + STEP, begin + 8 * STEP)
    for meter, value in (("memory.used", 700), ("storage.used", 40 * 1024), ("cpu.used", 50)):
        found, known = values(lab, meter, pieces)
        assert found[f"mover-{tenant}"] == pytest.approx([value] * 7, rel=1e-6)
        assert all(known[f"mover-{tenant}"])


@pytest.mark.parametrize("name", ["prometheus", "victoria"])
def test_a_counter_that_jumps_is_not_believed(
    lab: Lab, cloud: Double, name: str, request: pytest.FixtureRequest
) -> None:
    peer = request.getfixturevalue(name)
    begin = END + 4 * DAY
    moments = [begin + 60 * n + 7 for n in range(40)]
    tenant = uuid4().hex
    cloud.create_project(f"jumper-{tenant}", id=tenant)
    for busy, jump in ((0.5, 0), (0.25, 10**15)):
        metrics = {
            CPU: [(t, 1e9 * busy * (t - begin) + jump * (t > begin + 5 * STEP)) for t in moments],
            VCPUS: [(t, 1.0) for t in moments],
        }
        peer.feed(Instance(str(uuid4()), tenant, metrics).series())
    use(lab, name, peer.url)
    lab.clock.now = begin + 8 * STEP + LAG + 7.0
    assert lab.cycle("discovery", "usage") == []
    found, _ = values(lab, "cpu.used", edges(STEP, begin + STEP, begin + 8 * STEP))
    wanted = [50 if n == 4 else 37.5 for n in range(7)]
    assert found[f"jumper-{tenant}"] == pytest.approx(wanted, rel=1e-6)
