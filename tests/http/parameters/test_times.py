"""Times in query strings: zones, calendars, spellings of RFC 3339, and what was meant by a typo."""

from itertools import pairwise
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.api.statistics.alert import AlertParameters
from openstats.api.statistics.creation_time import CreationParameters
from openstats.api.statistics.usage import UsageParameters
from openstats.errors import ParameterError
from openstats.http.parameters.query import parse
from openstats.http.parameters.statistics import StatisticParameters
from openstats.http.parameters.times import PeriodParameters
from openstats.unix_time import LATEST

NOW = 1_795_000_000
BERLIN_MIDNIGHT = 1795302000
"""2026-11-22 in Berlin; in UTC it is an hour before midnight."""

NEEDED: list[tuple[type[PeriodParameters], str]] = [
    (UsageParameters, "item=memory"),
    (CreationParameters, "type=customer"),
    (AlertParameters, "each=true"),
]


def problems(model: type[StatisticParameters], query: str) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as raised:
        parse(model, query)
    return raised.value.problems


@pytest.mark.parametrize(("model", "needed"), NEEDED)
def test_a_time_without_a_zone_is_of_tz(model: type[PeriodParameters], needed: str) -> None:
    for order in ("tz=Europe/Berlin&from=2026-11-22", "from=2026-11-22&tz=Europe/Berlin"):
        parameters = parse(model, f"{needed}&{order}&to=2026-11-23T00:00")
        assert (parameters.start, parameters.end) == (BERLIN_MIDNIGHT, BERLIN_MIDNIGHT + 86400)


@pytest.mark.parametrize(
    "text",
    ["1795302000", "2026-11-21T23:00:00Z", "2026-11-21T23:00Z", "2026-11-22T00:00%2B01:00"],
)
def test_a_time_that_has_a_zone_keeps_it(text: str) -> None:
    query = f"item=cpu&tz=Asia/Tokyo&interval=day&from={text}"
    assert parse(UsageParameters, query).start == BERLIN_MIDNIGHT


def test_days_of_a_zone_are_whole_from_midnight_to_midnight() -> None:
    query = "item=cpu&interval=day&tz=Europe/Berlin&from=2026-10-24&to=2026-10-27"
    edges = parse(UsageParameters, query).edges(NOW, 60)
    assert [after - before for before, after in pairwise(edges)] == [
        86400,
        90000,
        86400,
    ]


@pytest.mark.parametrize(("model", "needed"), NEEDED)
@pytest.mark.parametrize(
    "rest", ["", "&from=5", "&from=5&to=2026-11-22T00:00Z", "&from=2026-11-21T23:00:00z"]
)
def test_a_zone_without_effect_is_refused(
    model: type[PeriodParameters], needed: str, rest: str
) -> None:
    (sentence,) = problems(model, f"{needed}&tz=Europe/Berlin{rest}")
    assert sentence.startswith("tz=Europe/Berlin: has no effect without interval, or from or to")


@pytest.mark.parametrize(("model", "needed"), NEEDED)
def test_a_zone_with_a_calendar_needs_no_other_time(
    model: type[PeriodParameters], needed: str
) -> None:
    assert parse(model, f"{needed}&tz=Asia/Kolkata&interval=hour").calendar(NOW, 7200)


@pytest.mark.parametrize(
    "text",
    ["2026-11-21t23:00:00z", "2026-11-21T23:00:00z", "2026-11-22t00:00:00%2b01:00"],
)
def test_rfc_3339_in_lower_case(text: str) -> None:
    assert parse(CreationParameters, f"type=project&from={text}").start == BERLIN_MIDNIGHT


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("2026-11-22T00:00:00+01:00", "%2B01:00"),
        ("2026-11-22t00:00:00.5+0530", "%2B0530"),
        ("2026-11-22T00:00+01", "%2B01"),
    ],
)
def test_a_plus_that_is_not_escaped_is_recognized(text: str, escaped: str) -> None:
    (sentence,) = problems(CreationParameters, f"type=project&from={text}")
    assert sentence.startswith("from=2026-11-22")
    assert escaped in sentence


@pytest.mark.parametrize("text", ["yesterday", "1 2", "2026-11-22T25:00+01:00", "a+b", " "])
def test_malformed_time_gets_no_hint_about_a_plus(text: str) -> None:
    (sentence,) = problems(CreationParameters, f"type=project&from={text}")
    assert "%2B" not in sentence


def test_digits_are_seconds_as_in_the_specification() -> None:
    assert parse(CreationParameters, "type=project&from=20261122").start == 20261122


@given(st.text(max_size=30), st.sampled_from([None, "Europe/Berlin", "Pacific/Apia"]))
def test_any_text_is_a_time_or_refused(text: str, zone: str | None) -> None:
    known = {"type": "project", "from": text} | ({"tz": zone} if zone else {})
    try:
        start = parse(CreationParameters, urlencode(known)).start
    except ParameterError as error:
        start, refusals = 0, error.problems
    else:
        refusals = ()
    assert all(sentence.startswith(("from=", "tz=")) for sentence in refusals)
    assert start is not None
    assert 0 <= start <= LATEST
