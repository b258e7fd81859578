"""Clocks of clouds, as the dates of their answers tell them."""

import logging
from datetime import timedelta
from email.utils import formatdate

import pytest
import requests

from openstats.clouds.transport.clock_skew import ClockSkew

NOW = 1_800_000_000.0


def answer(date: str | None, *, took: float = 0.1, **headers: str) -> requests.Response:
    response = requests.Response()
    response.url = "http://user:secret@nova.example:8774/v2.1"
    response.elapsed = timedelta(seconds=took)
    response.headers.update(headers if date is None else headers | {"Date": date})
    return response


def skew_of(*answers: requests.Response) -> ClockSkew:
    skew = ClockSkew(lambda: NOW)
    for response in answers:
        skew.observe("alpha", response)
    return skew


@pytest.mark.parametrize(
    ("ahead", "took", "behind"),
    [(0, 0.1, 0), (7200, 0.1, 0), (-7200, 0.5, 7198), (-30, 40, 0), (-100, 40, 59)],
)
def test_a_clock_is_behind_by_what_waiting_does_not_explain(
    ahead: float, took: float, behind: int
) -> None:
    assert skew_of(answer(formatdate(NOW + ahead, usegmt=True), took=took)).behind == behind


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Nov 2026 01:00:00 GMT"])
def test_an_answer_without_a_date_is_ignored(date: str | None) -> None:
    assert skew_of(answer(date)).behind == 0


def test_cached_answers_say_nothing_about_the_clock() -> None:
    assert skew_of(answer(formatdate(NOW - 7200, usegmt=True), Age="7200")).behind == 0


def test_a_wrong_clock_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    late, right = (formatdate(NOW + ahead, usegmt=True) for ahead in (7200, 0))
    with caplog.at_level(logging.WARNING):
        skew = skew_of(answer(late), answer(late), answer(right))
        assert len(caplog.messages) == 1
        skew.observe("alpha", answer(late))
    assert len(caplog.messages) == 2
    assert "alpha: the clock of nova.example:8774 is 7200 s ahead of ours" in caplog.messages[0]
    assert [f"alpha: {sentence}" for sentence in skew.sentences] == caplog.messages[:1]
