"""What sources that sum by project share: options, what a granule comes to, which are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from openstats.clouds.meters import GRID, REPORT_VALIDITY, Batch, MeterRequest, gnocchi, prometheus
from openstats.clouds.meters.accumulation import (
    Accumulation,
    InstanceSet,
    MeterSums,
    sum_by_tenant,
)
from openstats.clouds.meters.batches import LATE_SUMS, SPAN, Span, batches
from openstats.clouds.meters.options import SumOptions, parse
from openstats.errors import CloudError, ConfigError
from openstats.model import Instance
from openstats.readings import Delta
from openstats.unix_time import DAY

AT = 1_700_000_100
NOW = AT + 600
SINCE = NOW - 600 - REPORT_VALIDITY
NAN, INFINITE = float("nan"), float("inf")
PROMETHEUS = {"url": "http://prometheus.example:9090"}


def server(number: int, tenant: str = "t", created_at: int = 0, vcpus: int = 1) -> Instance:
    return Instance(f"i{number}", tenant, "", "ACTIVE", vcpus, 512, 0, created_at)


def instances(*servers: Instance) -> InstanceSet:
    return InstanceSet(servers, SINCE)


# -- options


def test_options_may_be_strings() -> None:
    values = {"lag": "900", "insecure": "Yes", "interval": 60, "storage_unit": "GiB", "cpu": ""}
    options = parse(gnocchi.GnocchiOptions, "gnocchi", values)
    assert (options.lag, options.insecure, options.interval, options.cpu) == (900, True, 60, "")
    assert options.memory == "memory.usage"


def test_names_and_passwords_that_look_like_numbers_are_texts() -> None:
    options = parse(gnocchi.GnocchiOptions, "gnocchi", {"password": 12345, "user": 7})
    assert (options.user, options.password) == ("7", "12345")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ur": "x"}, "unknown option ur: must be one of lag, cpu, vcpus"),
        ({"lag": "soon"}, "lag = 'soon': must be an integer"),
        ({"lag": "-1"}, "lag = '-1': must be at least 0"),
        ({"lag": True}, "lag = True: must be an integer"),
        ({"lag": 0.5}, "lag = 0.5: must be an integer"),
        ({"interval": 0}, "interval = 0: must be at least 1"),
        ({"insecure": "maybe"}, "insecure = 'maybe': must be true or false"),
        ({"storage_unit": "MB"}, "storage_unit = 'MB': must be 'B', 'KiB', 'MiB' or 'GiB'"),
        ({"auth": "none"}, "auth = 'none': must be 'keystone' or 'basic'"),
        ({"auth": "basic"}, "auth = basic requires url, the URL of Gnocchi"),
        ({"cpu": ["a"]}, "cpu = ['a']: must be a string: write it in quotes"),
        ({"cpu": None}, "cpu = None: must be a string: write it in quotes"),
    ],
)
def test_a_wrong_option_of_gnocchi_is_named(values: Mapping[str, Any], sentence: str) -> None:
    assert sentence in refusal(gnocchi.GnocchiOptions, values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"url": ""}, "url is required: the URL of the server, without /api/v1"),
        ({"cpu": "a-b"}, "cpu = 'a-b': must be the name of a metric"),
        ({"resource": "a-b"}, "resource = 'a-b': must be the name of a label"),
        ({"label": ""}, "label = '': must be the name of a label"),
    ],
)
def test_a_wrong_option_of_prometheus_is_named(values: Mapping[str, Any], sentence: str) -> None:
    assert sentence in refusal(prometheus.PrometheusOptions, PROMETHEUS | values)


def test_a_url_that_is_missing_is_named() -> None:
    assert "url is required" in refusal(prometheus.PrometheusOptions, {})
    assert "unknown option uri" in refusal(prometheus.PrometheusOptions, {"uri": "http://typo"})


def test_an_error_shows_no_secret() -> None:
    secret = refusal(prometheus.PrometheusOptions, PROMETHEUS | {"bearer": ["s3cret"]})
    assert secret.endswith(": bearer: must be a string: write it in quotes")


def refusal(model: type[SumOptions], values: Mapping[str, Any]) -> str:
    """Return what is said of wrong options."""
    with pytest.raises(ConfigError) as raised:
        parse(model, "any", values)
    assert str(raised.value).startswith("meter_options of meter_source = any: ")
    return str(raised.value)


@pytest.mark.parametrize(
    ("model", "values", "mark"),
    [
        (prometheus.PrometheusOptions, {"url": "http://prometheus:9090"}, "6afd22e37e3a011b"),
        (gnocchi.GnocchiOptions, {"interval": "60", "password": "x"}, "be94782e2379d21b"),
    ],
)
def test_a_mark_is_that_of_earlier_releases(
    model: type[SumOptions], values: Mapping[str, Any], mark: str
) -> None:
    """Cursors in stores hold it."""
    assert parse(model, "any", values).mark == mark


@pytest.mark.parametrize("text", ["5.0", "1_000", "--1", "", True])
def test_rejects_texts_that_are_no_integer(text: Any) -> None:
    assert f"lag = {text!r}: must be an integer" in refusal(SumOptions, {"lag": text})


def test_a_mark_tells_options_apart_and_shows_no_secret() -> None:
    one, other = (
        parse(prometheus.PrometheusOptions, "prometheus", PROMETHEUS | {"selector": text})
        for text in ("", 'region="one"')
    )
    assert one.mark != other.mark
    secret = parse(prometheus.PrometheusOptions, "prometheus", PROMETHEUS | {"bearer": "s3cret"})
    assert "s3cret" not in repr(secret)


# -- what a granule comes to


def test_points_are_summed_by_tenant() -> None:
    dashed = "0b0b0b0b-0B0b-0b0b-0b0b-0b0b0b0b0b0b"
    points = [("0b" * 16, AT, 1.0), (dashed, AT, 2.0), ("", AT, 4.0), (None, AT, 8.0)]
    assert sum_by_tenant(points) == {"0b" * 16: {AT: 3.0}}


def gauge(totals: Mapping[str, Mapping[int, float]], reported: int | None = None) -> MeterSums:
    counts = {} if reported is None else {tenant: {AT: reported} for tenant in totals}
    return MeterSums(totals, counts)


def delta(sums: MeterSums, *servers: Instance, at: int = AT) -> Delta:
    return Accumulation(sums, instances(*servers)).delta(at)


def test_a_gauge_weighs_the_time_that_it_was_observed() -> None:
    found = delta(gauge({"t": {AT: 5.0}, "u": {AT: 0.0}}))
    assert found == Delta(AT, GRID, {"t": (5.0, GRID), "u": (0.0, GRID)})


@pytest.mark.parametrize("value", [NAN, INFINITE, -1.0])
def test_malformed_amounts_count_as_unobserved(value: float) -> None:
    assert delta(gauge({"t": {AT: value}})) == Delta(AT, GRID, {}, frozenset("t"))


@pytest.mark.parametrize(
    ("running", "reported", "total"),
    [(0, 2, 6.0), (2, 2, 6.0), (3, 2, 9.0), (4, 2, 12.0), (5, 2, None), (1, 0, None), (0, 0, None)],
)
def test_sums_are_scaled_up_while_half_report(
    running: int, reported: int, total: float | None
) -> None:
    found = delta(gauge({"t": {AT: 6.0}}, reported), *(server(n) for n in range(running)))
    if total is None:
        assert found == Delta(AT, GRID, {}, frozenset("t"))
    else:
        assert found.gains == {"t": (total, GRID)}


def test_instances_that_came_later_need_not_have_reported() -> None:
    sums = gauge({"t": {AT: 6.0}}, 1)
    assert delta(sums, server(1), server(2, created_at=AT)).gains == {"t": (6.0, GRID)}
    assert delta(sums, server(1), server(2, created_at=AT - 1)).gains == {"t": (12.0, GRID)}


def test_a_tenant_of_which_nothing_is_said() -> None:
    sums = gauge({"t": {AT: 1.0}})
    assert delta(sums, server(1, "u")).unobserved == {"u"}
    assert delta(sums, server(1, "u", created_at=AT - GRID)).unobserved == {"u"}
    assert delta(sums, server(1, "u", created_at=AT - GRID + 1)).unobserved == set()


def test_long_ago_what_runs_now_tells_nothing_but_a_hole_does() -> None:
    """Before a tenant was first heard of, and after the last time, it used nothing."""
    old = [SINCE - n * GRID for n in (4, 3, 2, 1, 0)]
    sums = gauge({"t": {old[1]: 1.0, old[3]: 1.0}, "u": dict.fromkeys(old, 2.0)})
    missed = [bool(delta(sums, server(1), server(2, "v"), at=at).unobserved) for at in old]
    assert missed == [False, False, True, False, False]


def cpu(
    weights: Mapping[str, Mapping[int, float]] | None,
    reported: int | None = None,
    at: int = AT,
) -> MeterSums:
    counts = {} if reported is None else {"t": {at: reported}}
    return MeterSums({"t": {at: 60.0}}, counts, share=True, weights=weights)


def test_cpu_time_weighs_what_ran() -> None:
    assert delta(cpu({"t": {AT: 600.0}})).gains == {"t": (60.0, 600.0)}
    assert delta(cpu({"u": {AT: 600.0}})).unobserved == {"t"}
    assert delta(cpu({"t": {AT: NAN}})).unobserved == {"t"}
    assert delta(cpu({"t": {AT: INFINITE}})).unobserved == {"t"}


def test_where_some_do_not_report_the_inventory_tells_what_ran() -> None:
    running = server(1), server(2, vcpus=3)
    assert delta(cpu({"t": {AT: 300.0}}, 1), *running).gains == {"t": (120.0, 4 * GRID)}
    assert delta(cpu({"t": {AT: 6000.0}}, 1), *running).gains == {"t": (120.0, 6000.0)}
    assert delta(cpu({"t": {AT: 300.0}}, 2), *running).gains == {"t": (60.0, 300.0)}


def test_more_cpu_time_than_there_can_be_is_not_believed() -> None:
    assert delta(cpu({"t": {AT: 28.0}})).gains == {"t": (60.0, 28.0)}
    assert delta(cpu({"t": {AT: 27.0}})).unobserved == {"t"}


def test_without_vcpus_what_runs_now_tells_them_of_the_present_only() -> None:
    assert Accumulation(cpu(None), instances(server(1, vcpus=2))).moments == [AT]
    assert delta(cpu(None), server(1, vcpus=2)).gains == {"t": (60.0, 2 * GRID)}
    assert delta(cpu(None)).unobserved == {"t"}
    assert Accumulation(cpu(None, at=SINCE), instances(server(1)), fresh=True).moments == []


# -- which granules are read


@dataclass
class Source:
    """Has something of meters in some granules, and remembers what it was asked."""

    meters: Mapping[str, Iterable[int]]
    failing: set[str] = field(default_factory=set)
    spans: list[tuple[str, int, int, bool]] = field(default_factory=list)

    def reader(self, name: str) -> Any:
        def read(span: Span) -> MeterSums | None:
            self.spans.append((name, span.begin, span.end, span.recent))
            if name in self.failing:
                raise CloudError(f"no {name}")
            found = {at: 1.0 for at in self.meters[name] if span.begin < at <= span.end}
            return MeterSums({"t": found}, {}) if found else None

        return read


def meter_request(
    *,
    now: int = NOW,
    last: Mapping[str, int] | None = None,
    cursor: Mapping[str, Any] | None = None,
    days: int = 1,
) -> MeterRequest:
    options: Any = SimpleNamespace(backfill_days=days)
    nothing: Any = None
    return MeterRequest(nothing, now, last or {}, [], cursor or {}, {}, options, nothing, nothing)


def read(source: Source, request: MeterRequest) -> list[Batch]:
    readers = {name: source.reader(name) for name in source.meters}
    return list(batches(request, SumOptions(), readers))


def timeline(result: Iterable[Batch]) -> list[tuple[int, dict[str, float]]]:
    """Return when deltas are, and of how many seconds, by meter."""
    entries = []
    for batch in result:
        moments = {delta.at for delta in batch.deltas.values()}
        assert len(moments) <= 1
        seconds = {name: delta.seconds for name, delta in batch.deltas.items()}
        entries.extend((at, seconds) for at in moments)
    return entries


def test_a_meter_begins_with_its_first_granule() -> None:
    source = Source({"a": [AT - GRID, AT], "b": [AT]})
    assert timeline(read(source, meter_request())) == [
        (AT - 2 * GRID, {"a": 0}),
        (AT - GRID, {"a": GRID, "b": 0}),
        (AT, {"a": GRID, "b": GRID}),
    ]


def test_a_back_fill_goes_in_spans_and_only_the_last_is_recent() -> None:
    source = Source({"a": []})
    (batch, *_, last) = read(source, meter_request(days=2))
    spans = [span[1:] for span in source.spans]
    assert spans[0] == (NOW - 2 * DAY, NOW - 2 * DAY + SPAN, False)
    assert [begin for begin, _, _ in spans[1:]] == [end for _, end, _ in spans[:-1]]
    assert [recent for *_, recent in spans] == [False] * (len(spans) - 1) + [True]
    assert spans[-1][1] == AT
    assert (batch.deltas, last.cursor["searched"]) == ({}, AT)


def test_without_back_fill_the_newest_granule_is_the_first() -> None:
    source = Source({"a": [AT - GRID, AT]})
    assert timeline(read(source, meter_request(days=0))) == [
        (AT - GRID, {"a": 0}),
        (AT, {"a": GRID}),
    ]


def test_granules_are_read_once() -> None:
    source = Source({"a": [AT - GRID, AT], "b": [AT]})
    *_, last = read(source, meter_request())
    source.spans.clear()
    assert read(source, meter_request(cursor=last.cursor, last={"a": AT, "b": AT})) == []
    assert read(source, meter_request(last={"a": AT, "b": AT + GRID})) == []
    assert source.spans == []
    assert timeline(read(source, meter_request(last={"a": AT, "b": AT - GRID}))) == [
        (AT, {"b": GRID})
    ]


def test_one_that_stopped_half_way_goes_on() -> None:
    source = Source({"a": range(AT - DAY // 2, AT + 1, GRID)})
    request = meter_request()
    whole = timeline(read(source, request))
    for number in (1, 2, 50):
        reader = {"a": source.reader("a")}
        done = list(islice(batches(request, SumOptions(), reader), number))
        ends = [found.deltas["a"].at for found in done if found.deltas]
        last = {"a": ends[-1]} if ends else {}
        rest = read(source, meter_request(last=last, cursor=done[-1].cursor))
        assert timeline([*done, *rest]) == whole


def test_late_granules_are_read_until_silence_is_long() -> None:
    source = Source({"a": []})
    *_, last = read(source, meter_request(days=30))
    source.spans.clear()
    later = NOW + GRID
    read(source, meter_request(now=later, cursor=last.cursor, days=30))
    assert source.spans == [("a", AT - LATE_SUMS, AT + GRID, True)]
    source.meters = {"a": [AT]}
    found = read(
        source, meter_request(now=later, cursor=last.cursor, last={"a": AT - DAY}, days=30)
    )
    assert timeline(found) == [(AT, {"a": GRID})]


def test_other_options_look_for_everything_anew() -> None:
    source = Source({"a": []})
    cursor = {"mark": SumOptions(lag=601).mark, "searched": AT}
    read(source, meter_request(cursor=cursor))
    assert source.spans[0][1] == NOW - DAY


def test_one_meter_that_fails_stops_no_other_and_is_caught_up_with() -> None:
    granules = range(AT - DAY // 2, AT + 1, GRID)
    source = Source({"a": granules, "b": granules}, failing={"a"})
    found = read(source, meter_request())
    *_, last = found
    assert last.missing == "a: no a"
    assert [batch.missing for batch in found[:-1]] == [None] * (len(found) - 1)
    assert {name for batch in found for name in batch.deltas} == {"b"}
    # After the first failure it is not tried again in other spans.
    assert [name for name, *_ in source.spans].count("a") == 1
    source.failing.clear()
    caught_up = read(source, meter_request(cursor=last.cursor, last={"b": AT}))
    alone = read(Source({"a": granules}), meter_request())
    assert timeline(caught_up) == timeline(alone)
    assert caught_up[-1].missing is None
    assert "behind" not in caught_up[-1].cursor


def test_a_meter_that_is_behind_costs_the_others_nothing() -> None:
    source = Source({"a": [AT], "b": []}, failing={"a"})
    *_, last = read(source, meter_request(days=30))
    source.spans.clear()
    read(source, meter_request(now=NOW + GRID, cursor=last.cursor, days=30))
    assert [(name, end - begin) for name, begin, end, _ in source.spans] == [
        ("a", SPAN),
        ("b", LATE_SUMS + GRID),
    ]


def test_where_all_meters_fail_the_read_does() -> None:
    source = Source({"a": [AT], "b": [AT]}, failing={"a", "b"})
    with pytest.raises(CloudError, match="no a"):
        read(source, meter_request())
