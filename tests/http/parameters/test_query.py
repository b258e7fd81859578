"""What a query string means; ``test_bad_input`` has the wrong values of every parameter."""

import pytest

from openstats.api.statistics.creation_time import CreationParameters
from openstats.api.statistics.customer import CustomerParameters
from openstats.api.statistics.quota import QuotaParameters
from openstats.api.statistics.resource import ResourceParameters
from openstats.errors import ParameterError
from openstats.http.parameters.query import Query, Repeated, parse
from openstats.http.parameters.statistics import StatisticParameters
from openstats.http.parameters.times import DatapointParameters
from openstats.http.validation import parameter_names
from openstats.model import Interval, Selection
from openstats.unix_time import LATEST

NOW = 1_700_000_000
UUID = "0b5e2c1a-1111-4222-8333-444455556666"
OTHER = "ffffffff-1111-4222-8333-444455556666"
MODELS = [ResourceParameters, CreationParameters, CustomerParameters, QuotaParameters]
MOMENT = 1415910025


def problems(model: type[Query], query: str) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as raised:
        parse(model, query)
    return raised.value.problems


def moment(text: str) -> int | None:
    return parse(CreationParameters, f"type=customer&from={text}").start


def test_defaults() -> None:
    asked = parse(QuotaParameters, "")
    assert asked.selection() == Selection("customer", ())
    assert (asked.each, asked.strict, asked.skip_unlimited) == (False, False, False)
    assert parse(CreationParameters, "type=project").interval(NOW, 60).datapoints == 6
    listed = parse(CustomerParameters, "")
    assert (listed.adding, listed.limit, listed.marker) == (None, None, None)


def test_all_parameters_of_quota() -> None:
    query = f"aggregate=project_group&uuid={UUID}&uuid={OTHER}&each=true&unlimited=skip&strict=true"
    asked = parse(QuotaParameters, query)
    assert asked.selection() == Selection("project_group", (UUID, OTHER))
    assert (asked.each, asked.strict, asked.skip_unlimited) == (True, True, True)


@pytest.mark.parametrize("text", [UUID, UUID.upper(), UUID.replace("-", "")])
def test_uuids_have_two_spellings(text: str) -> None:
    assert parse(QuotaParameters, f"uuid={text}").uuid == (UUID,)
    assert parse(CustomerParameters, f"marker={text}").marker == UUID


@pytest.mark.parametrize(
    "text",
    [
        f"{MOMENT}",
        "2014-11-13T20:20:25",
        "2014-11-13T20:20:25Z",
        "2014-11-13%2020:20:25",
        "2014-11-13T22:20:25%2B02:00",
        "2014-11-13T20:20:25.999",
        "20141113T202025",
    ],
)
def test_a_moment_has_many_spellings(text: str) -> None:
    assert moment(text) == MOMENT


def test_a_day_begins_at_midnight_utc() -> None:
    assert moment("2014-11-13") == 1415836800


def test_the_first_and_the_last_moment() -> None:
    assert moment("0") == moment("1970-01-01") == 0
    assert parse(CreationParameters, f"type=customer&to={LATEST}").end == LATEST


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("from=1415910025000", "is the value in milliseconds?"),
        (f"from={LATEST + 1}", "is the value in milliseconds?"),
        ("from=-1", "must not be before 1970"),
        ("from=1969-12-31", "must not be before 1970"),
        ("from=0001-01-01T00:00:00%2B23:59", "must not be before 1970"),
        ("from=9999-12-31T23:59:59-23:59", "is the value in milliseconds?"),
        (f"from={'9' * 5000}", "is the value in milliseconds?"),
        ("from=", "Unix seconds or ISO 8601"),
        ("from=yesterday", "Unix seconds or ISO 8601"),
        ("from=1.5", "Unix seconds or ISO 8601"),
        ("from=1e9", "Unix seconds or ISO 8601"),
        ("from=+1", "Unix seconds or ISO 8601"),
        ("from=%D9%A1", "Unix seconds or ISO 8601"),
        ("from=2014-02-30", "Unix seconds or ISO 8601"),
        ("from=1%00", "Unix seconds or ISO 8601"),
    ],
)
def test_a_wrong_moment_is_refused(query: str, detail: str) -> None:
    (sentence,) = problems(CreationParameters, f"type=customer&{query}")
    assert sentence.startswith("from=")
    assert detail in sentence


@pytest.mark.parametrize(
    ("query", "interval"),
    [
        ("from=1&to=1415912629&datapoints=3", Interval(1, 1415912629, 3)),
        ("", Interval(NOW - 3600, NOW, 6)),
        ("to=5000", Interval(1400, 5000, 6)),
        ("to=100", Interval(0, 100, 6)),
    ],
    ids=["as requested", "ends now", "ends as requested", "begins in 1970 at the earliest"],
)
def test_the_interval_of_a_query(query: str, interval: Interval) -> None:
    assert parse(DatapointParameters, query).interval(NOW, 3600) == interval


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("from=5&to=5", "from=5: must be before to=5"),
        ("from=6&to=5", "from=6: must be before to=5"),
        ("to=0", "from=0: must be before to=0"),
        (f"from={NOW}", f"from={NOW}: must be before now"),
        (
            "from=2026-11-30&to=2026-11-29",
            "from=2026-11-30: must be before to=2026-11-29",
        ),
        ("from=0&to=5&datapoints=6", "datapoints=6: must be at most 5, one per second"),
    ],
)
def test_an_empty_interval_is_refused(query: str, detail: str) -> None:
    asked = parse(DatapointParameters, query)
    with pytest.raises(ParameterError) as raised:
        asked.interval(NOW, 3600)
    assert raised.value.problems == (detail,)


@pytest.mark.parametrize("model", MODELS)
def test_an_unknown_parameter_gets_the_allowed_ones(model: type[StatisticParameters]) -> None:
    found = problems(model, "auth_url=http://h&type=customer&nonsense=1")
    assert any(s.startswith("nonsense: unknown parameter; must be one of") for s in found)
    assert all(", ".join(parameter_names(model)) in s for s in found)


@pytest.mark.parametrize("inner", ["start", "end", "adding", "repeatable", "model_config"])
def test_only_the_names_of_the_url_are_known(inner: str) -> None:
    for model in (CreationParameters, CustomerParameters):
        assert any(s.startswith(f"{inner}: unknown") for s in problems(model, f"{inner}=1"))


def test_too_many_parameters() -> None:
    found = problems(QuotaParameters, "&".join(f"uuid={UUID}" for _ in range(1001)))
    assert len(found) == 1
    assert found[0].endswith("is given 1001 times; must be given at most 1000 times")
    found = problems(QuotaParameters, "x&" * 1101)
    assert found == ("the query string must have at most 1100 parameters",)
    assert len(parse(QuotaParameters, "&".join(f"uuid={UUID}" for _ in range(1000))).uuid) == 1000


def test_auth_urls_are_compared() -> None:
    assert parse(ResourceParameters, "auth_url=HTTP://H:80/v3/").auth_url == "http://h"
    (sentence,) = problems(ResourceParameters, "auth_url=ftp://h")
    assert sentence == "auth_url=ftp://h: must be the http or https URL of a cloud's Keystone"


def test_the_type_of_a_field_says_whether_it_may_be_repeated() -> None:
    class Names(Query):
        name: Repeated[str] = ()
        limit: int = 0

    assert Names.repeatable == {"name"}
    assert parse(Names, "name=a&name=b&limit=2").name == ("a", "b")
    assert problems(Names, "limit=1&limit=2") == ("limit: must be given only once",)
