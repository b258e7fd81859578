"""Thinning: of each hour and day the first reading stays, and the ends of gaps."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from openstats.statistics.thinning import Retention, superfluous
from openstats.unix_time import DAY

NOW = 1_700_000_000 // 300 * 300
UTC = Retention(2, 400, ZoneInfo("UTC"))
BERLIN = Retention(1, 2, ZoneInfo("Europe/Berlin"))


def remaining(times, history=UTC, kept=(), now=NOW):
    gone = set(superfluous(times, kept, now, history))
    return [at for at in times if at not in gone]


def test_the_newest_all_stay():
    times = list(range(NOW - 2 * DAY + 300, NOW, 300))
    assert remaining(times) == times


def test_older_ones_stay_once_an_hour():
    times = list(range(NOW - 5 * DAY, NOW - 3 * DAY, 300))
    left = remaining(times)
    assert left[0] == times[0]
    assert left[-1] == times[-1]
    assert all(at % 3600 == 0 for at in left[1:-1])
    assert len(left) in (49, 50)


def test_the_oldest_stay_at_midnight_of_the_zone():
    times = list(range(NOW - 9 * DAY, NOW - 5 * DAY, 300))
    left = remaining(times, BERLIN)
    clocks = [datetime.fromtimestamp(at, BERLIN.zone) for at in left[1:-1]]
    assert [(c.hour, c.minute) for c in clocks] == [(0, 0)] * len(clocks)
    assert len(clocks) == 4


def test_the_hour_that_comes_twice_is_two():
    twice = int(datetime(2023, 10, 29, 0, tzinfo=ZoneInfo("UTC")).timestamp())
    times = list(range(twice - 3600, twice + 3 * 3600, 300))
    left = remaining(times, Retention(1, 9, BERLIN.zone), now=twice + 3 * DAY)
    assert left[:-1] == [twice - 3600, twice, twice + 3600, twice + 2 * 3600]


def test_the_ends_of_gaps_stay():
    times = list(range(NOW - 5 * DAY, NOW - 4 * DAY, 300))
    kept = set(times[10:20])
    assert kept <= set(remaining(times, kept=kept))


@given(st.sets(st.integers(0, 5000)), st.integers(0, 40))
def test_thinning_later_comes_to_the_same_as_thinning_all_along(steps, days):
    times = sorted(NOW - 10 * DAY + step * 300 for step in steps)
    history = Retention(1, 3, ZoneInfo("UTC"))
    later = NOW + days * DAY
    early = remaining(times, history)
    # But for the first time's last reading, which stays for as long as it is that.
    assert remaining(early, history, now=later)[:-1] == remaining(times, history, now=later)[:-1]


def test_the_last_reading_is_kept():
    assert superfluous([], (), NOW, UTC) == []
    assert superfluous([NOW - 9 * DAY], (), NOW, UTC) == []
