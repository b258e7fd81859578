"""Meter servers give back what they were fed with, and cut time as tests/peers says they do.

Every expectation is computed from the samples, as naively as can be.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from urllib.parse import urlencode
from uuid import UUID

import pytest

from tests.peers import Gnocchi, Instance, Prometheus, Sample, Series, VictoriaMetrics

STEP = 300
BEGIN = 1767225600
END = BEGIN + 8 * STEP
A, B = "a" * 32, "b" * 32
MEMORY, CPU = "memory.usage", "cpu"
Sums = dict[str, dict[float, float]]
"""By project and time."""


def every(step: float, count: int, first: float = 0.0) -> list[float]:
    return [BEGIN + first + step * number for number in range(count)]


def instance(number: int, project: str, times: Sequence[float], grows: float) -> Instance:
    """One whose memory goes up and down, and whose processor works more and more."""
    memory = [(time, 512.25 + 100 * number + k % 3) for k, time in enumerate(times)]
    cpu = [(time, 1e12 + grows * k * k) for k, time in enumerate(times)]
    return Instance(str(UUID(int=number)), project, {MEMORY: memory, CPU: cpu})


FLEET = [
    instance(1, A, every(300, 8), 10e9),  # exactly on the edges
    instance(2, A, every(60, 36, first=17.25), 1e9),
    instance(3, B, [BEGIN + t for t in (299.999, 300, 899.999, 1500.5, 1801)], 20e9),
    instance(4, B, every(300, 4, first=950), -5e9),  # a counter that falls
]


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


PromQL = Prometheus | VictoriaMetrics


@pytest.fixture(params=["prometheus", "victoria"])
def promql(request: pytest.FixtureRequest) -> PromQL:
    return request.getfixturevalue(request.param)


def aggregated(peer: Gnocchi, operations: str, **query: object) -> Sums:
    body = {"resource_type": "instance", "search": {"in": {"project_id": [A, B]}}}
    words = urlencode({"groupby": "project_id", "granularity": STEP, **query})
    answer = peer.ask("POST", f"/v1/aggregates?{words}", {**body, "operations": operations})
    return {
        group["group"]["project_id"]: {
            datetime.fromisoformat(time).timestamp(): value
            for time, _, value in group["measures"]["measures"]["aggregated"]
        }
        for group in answer
    }


def evaluated(peer: PromQL, query: str, start: float, end: float = END, label: str = "") -> Sums:
    """Give what a query_range answers, by the label `project` or another one."""
    words = {"query": query, "start": f"{start:.3f}", "end": end, "step": STEP, "nocache": 1}
    answer = peer.ask("GET", f"/api/v1/query_range?{urlencode(words)}")
    assert answer["status"] == "success"
    assert answer["data"]["resultType"] == "matrix"
    return {
        one["metric"].get(label or "project", ""): {t: float(text) for t, text in one["values"]}
        for one in answer["data"]["result"]
    }


def summed(metric: str, points: Callable[[Sequence[Sample]], dict[float, float]]) -> Sums:
    """Sum by project what some function makes of each instance's samples."""
    sums: Sums = defaultdict(lambda: defaultdict(float))
    for one in FLEET:
        for time, value in points(one.metrics[metric]).items():
            sums[one.project_id][time] += value
    return {project: dict(values) for project, values in sums.items()}


def means(samples: Sequence[Sample]) -> dict[float, float]:
    """By the start of a granule: a sample on an edge belongs to what begins there."""
    granules = defaultdict(list)
    for time, value in samples:
        granules[time // STEP * STEP].append(value)
    return {start: fmean(values) for start, values in granules.items()}


def differences(samples: Sequence[Sample]) -> list[Sample]:
    """Of consecutive samples, at the later one; none across an empty granule."""
    return [
        (later, after - before)
        for (earlier, before), (later, after) in pairwise(samples)
        if later // STEP - earlier // STEP <= 1
    ]


def last(samples: Sequence[Sample], time: float) -> float:
    return [value for at, value in samples if at <= time][-1]


def near(sums: Sums) -> object:
    return {project: pytest.approx(values, rel=1e-12) for project, values in sums.items()}


# -- Gnocchi


def test_gnocchi_sums_the_means_of_granules_that_begin_at_their_label(gnocchi: Gnocchi) -> None:
    answer = aggregated(gnocchi, f"(aggregate sum (metric {MEMORY} mean))", fill="null")
    assert answer == near(summed(MEMORY, means))


@pytest.mark.parametrize("way", [{"fill": "null"}, {"needed_overlap": 0}])
def test_gnocchi_stops_before_stop_and_starts_with_the_granule_of_start(
    gnocchi: Gnocchi, way: dict[str, object]
) -> None:
    bounds = {"start": BEGIN + STEP + 1, "stop": BEGIN + 5 * STEP}
    answer = aggregated(gnocchi, f"(aggregate sum (metric {MEMORY} mean))", **bounds, **way)
    wanted = {
        project: {s: v for s, v in values.items() if BEGIN + STEP <= s < BEGIN + 5 * STEP}
        for project, values in summed(MEMORY, means).items()
    }
    assert answer == near(wanted)


def test_gnocchi_rates_are_of_polls_and_none_spans_an_empty_granule(gnocchi: Gnocchi) -> None:
    answer = aggregated(gnocchi, f"(aggregate sum (metric {CPU} rate:mean))", fill="null")
    assert answer == near(summed(CPU, lambda samples: means(differences(samples))))


def test_gnocchi_counts_the_instances_that_reported(gnocchi: Gnocchi) -> None:
    answer = aggregated(gnocchi, f"(* 1 (aggregate count (metric {MEMORY} mean)))", fill="null")
    assert answer == summed(MEMORY, lambda samples: dict.fromkeys(means(samples), 1))


def test_gnocchi_takes_further_samples_of_an_instance_it_knows(gnocchi: Gnocchi) -> None:
    known = Instance(str(UUID(int=9)), "9" * 32, {"vcpus": [(BEGIN, 2)]})
    gnocchi.feed([known])
    gnocchi.feed([Instance(known.id, known.project_id, {"vcpus": [(BEGIN + STEP, 4)]})])
    metric = f"/v1/resource/instance/{known.id}/metric/vcpus/measures"
    assert [value for *_, value in gnocchi.ask("GET", metric)] == [2, 4]


# -- Prometheus and VictoriaMetrics


def test_a_window_asked_for_a_millisecond_before_its_end_is_a_granule(promql: PromQL) -> None:
    query = "sum by (project) (avg_over_time(ceilometer_memory_usage[300s]))"
    answer = evaluated(promql, query, BEGIN + 299.999)
    # Prometheus counts a sample of just a millisecond before a granule in that one, too.
    projects = [A] if isinstance(promql, Prometheus) else [A, B]
    granules = {p: {t - 299.999: v for t, v in answer[p].items()} for p in projects}
    wanted = summed(MEMORY, means)
    assert {p: {round(t): v for t, v in granules[p].items()} for p in projects} == near(
        {p: wanted[p] for p in projects}
    )


def test_windows_are_open_at_their_left_end_but_for_prometheus_2(promql: PromQL) -> None:
    closed = isinstance(promql, Prometheus)
    answer = evaluated(promql, "count_over_time(ceilometer_cpu[300s])", BEGIN, label="resource")
    wanted = {}
    for one in FLEET:
        counts = {
            t: sum(t - STEP < at <= t or (closed and at == t - STEP) for at, _ in one.metrics[CPU])
            for t in range(BEGIN, END + 1, STEP)
        }
        wanted[one.id] = {t: count for t, count in counts.items() if count}
    assert answer == wanted


def test_a_sum_at_an_instant_is_of_the_newest_samples(promql: PromQL) -> None:
    query = f'sum by (project) (ceilometer_memory_usage{{project="{A}"}})'
    times = [BEGIN + k * STEP for k in range(1, 8)]
    wanted = {t: sum(last(one.metrics[MEMORY], t) for one in FLEET[:2]) for t in times}
    assert evaluated(promql, query, times[0], times[-1]) == near({A: wanted})


def test_last_less_last_before_is_exact(promql: PromQL) -> None:
    newest = f'last_over_time(ceilometer_cpu{{project="{A}"}}[300s]'
    query = f"sum by (project) ({newest}) - {newest} offset 300s))"
    times = [BEGIN + k * STEP for k in range(2, 8)]
    wanted = {
        t: sum(last(one.metrics[CPU], t) - last(one.metrics[CPU], t - STEP) for one in FLEET[:2])
        for t in times
    }
    assert evaluated(promql, query, times[0], times[-1]) == near({A: wanted})


def extrapolated(samples: Sequence[Sample], time: float) -> float:
    """Prometheus' increase of a window, closed at both ends, of a counter that does not fall."""
    inside = [(at, value) for at, value in samples if time - STEP <= at <= time]
    (first, low), *_, (final, high) = inside
    mean = (final - first) / (len(inside) - 1)
    gaps = (first - (time - STEP), time - final)
    added = sum(gap if gap < 1.1 * mean else mean / 2 for gap in gaps)
    return (high - low) * (final - first + added) / (final - first)


def test_prometheus_extrapolates_increases_to_the_window(prometheus: Prometheus) -> None:
    query = f'increase(ceilometer_cpu{{project="{A}"}}[300s])'
    times = [BEGIN + k * STEP for k in range(1, 8)]
    wanted = {one.id: {t: extrapolated(one.metrics[CPU], t) for t in times} for one in FLEET[:2]}
    answer = evaluated(prometheus, query, times[0], times[-1], label="resource")
    assert answer == near(wanted)


def test_victoria_counts_increases_from_the_last_sample_before(victoria: VictoriaMetrics) -> None:
    query = f'increase(ceilometer_cpu{{project="{A}"}}[300s])'
    times = [BEGIN + k * STEP for k in range(2, 8)]
    wanted = {
        one.id: {t: last(one.metrics[CPU], t) - last(one.metrics[CPU], t - STEP) for t in times}
        for one in FLEET[:2]
    }
    answer = evaluated(victoria, query, times[0], times[-1], label="resource")
    assert answer == near(wanted)


@pytest.mark.parametrize(("first", "jump"), [(109, 109), (110, 0)])
def test_victoria_takes_a_small_first_sample_for_an_increase(
    victoria: VictoriaMetrics, first: float, jump: float
) -> None:
    young = [(BEGIN + 10 + k * STEP, first + 10 * k) for k in range(3)]
    victoria.feed([Series("young", {"project": str(first)}, young)])
    answer = evaluated(victoria, f'increase(young{{project="{first}"}}[300s])', BEGIN, BEGIN + 900)
    assert list(answer[str(first)].values()) == [jump, 10, 10]


@pytest.mark.parametrize(("points", "shift"), [(49, 0), (50, 7)])
def test_victoria_rounds_times_from_fifty_points_on(
    victoria: VictoriaMetrics, points: int, shift: int
) -> None:
    start = BEGIN + 7
    words = {"query": "1", "start": start, "end": start + (points - 1) * STEP, "step": STEP}
    answer = victoria.ask("GET", f"/api/v1/query_range?{urlencode(words)}")
    times = [t for t, _ in answer["data"]["result"][0]["values"]]
    assert (times[0], len(times)) == (start - shift, points)
