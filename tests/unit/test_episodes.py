"""Episodes: in whatever order and however often notices come, they make the same alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.alerts import Episode, Notice, Spell
from openstats.statistics.episodes import spells, told

NOW = 1_700_000_000
WITHIN = 900
Times = tuple[int, int | None]


def notice(start: int, end: int | None = None, key: str = "", **more: Any) -> Notice:
    """Make a notice of times in seconds before NOW."""
    ended_at = None if end is None else NOW - end
    usual = {"fingerprint": "f", "alert_type": "t", "severity": "Error", "message": ""}
    return Notice(
        **usual | {"start": key or str(start)} | more, started_at=NOW - start, ended_at=ended_at
    )


class Row:
    """What is stored of one fingerprint: its episodes, and in which alert each is."""

    def __init__(self, within: int = WITHIN) -> None:
        self.known: dict[str, Episode] = {}
        self.within = within
        self.numbers = count(1)

    def hear(self, notices: Iterable[Notice], now: int = NOW) -> list[Times]:
        """Take in a request, and give the times of the alerts that there are since."""
        for one in notices:
            if changed := told(self.known, one, now, self.within):
                self.known[changed.start] = changed
        made = spells(self.known.values(), self.within)
        rows = [spell.alert or next(self.numbers) for spell in made]
        assert len(set(rows)) == len(rows)
        for spell, row in zip(made, rows, strict=True):
            self.known |= {e.start: replace(e, alert=row) for e in spell.episodes}
        return [(spell.started_at, spell.ended_at) for spell in made]


def naive(notices: Sequence[Notice], within: int) -> list[Times]:
    """Merge intervals: what no end is known of lasted until the last one began, or still does."""
    ends: dict[tuple[int, str], set[int | None]] = {}
    for one in notices:
        ends.setdefault((one.started_at, one.start), set()).add(one.ended_at)
    forever, (newest, _) = 2**60, max(ends)
    merged: list[list[int]] = []
    for place, (key, known) in enumerate(sorted(ends.items()), 1):
        unknown = newest if place < len(ends) else forever
        end = next(iter(known - {None}), unknown)
        assert end is not None
        if merged and key[0] - merged[-1][1] <= within:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([key[0], end])
    return [(start, None if end == forever else end) for start, end in merged]


minutes = st.integers(0, 200).map(lambda number: number * 60)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Notice]]:
    """Give what two peers tell of some episodes, shuffled, repeated and cut into requests."""
    sent = []
    for start in draw(st.lists(minutes, min_size=1, max_size=6, unique=True)):
        end = draw(st.none() | st.integers(0, start))
        sent += [notice(start)] * draw(st.integers(0 if end is not None else 1, 3))
        if end is not None:
            sent += [notice(start, end)] * draw(st.integers(1, 3))
    mixed = draw(st.permutations(sent))
    cuts = sorted(draw(st.sets(st.integers(0, len(mixed)), max_size=5)) | {0, len(mixed)})
    return [mixed[one:other] for one, other in pairwise(cuts)]


@given(histories(), st.sampled_from([0, 60, WITHIN, 10_000]))
def test_any_order_makes_the_same_alerts(requests: list[list[Notice]], within: int) -> None:
    row = Row(within)
    found: list[Times] = []
    for number, request in enumerate(requests):
        found = row.hear(request, NOW + number * within // len(requests))
    sent = [one for request in requests for one in request]
    assert found == naive(sent, within)
    # Whatever is told again since, changes nothing.
    assert row.hear(reversed(sent), NOW + within) == found


def test_from_firing_to_resolved() -> None:
    row = Row()
    assert row.hear([notice(500)]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 100)]) == [(NOW - 500, NOW - 100)]


def test_who_fires_late_changes_nothing_until_it_fires_again() -> None:
    row = Row()
    closed = row.hear([notice(500), notice(500, 100)])
    assert row.hear([notice(500)], NOW + WITHIN) == closed
    assert row.hear([notice(500)], NOW + WITHIN + 1) == [(NOW - 500, None)]


def test_the_first_end_that_was_told_stands() -> None:
    row = Row()
    assert row.hear([notice(500, 100), notice(500, 50)]) == [(NOW - 500, NOW - 100)]


def test_what_went_stale_fires_again_at_once() -> None:
    row = Row()
    row.known["500"] = Episode("500", NOW - 500, NOW - 400)
    assert row.hear([notice(500)]) == [(NOW - 500, None)]


def test_what_went_stale_ends_when_it_is_said_to() -> None:
    row = Row()
    row.known["500"] = Episode("500", NOW - 500, NOW - 400)
    assert row.hear([notice(500, 100)]) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize(("gap", "alerts"), [(WITHIN, 1), (WITHIN + 1, 2)])
def test_what_fires_anew_so_soon_is_the_same_alert(gap: int, alerts: int) -> None:
    assert len(Row().hear([notice(5000, 4000), notice(4000 - gap)])) == alerts


def test_episodes_that_are_inside_others() -> None:
    assert Row().hear([notice(5000, 100), notice(4000, 3000)]) == [(NOW - 5000, NOW - 100)]


def test_no_clock_but_ours_is_ahead() -> None:
    row = Row()
    assert row.hear([notice(-3600)]) == [(NOW, None)]
    assert row.hear([notice(-3600, -7200)], NOW + 60) == [(NOW, NOW + 60)]


def test_nothing_ends_before_it_began() -> None:
    assert Row().hear([notice(100, 500)]) == [(NOW - 100, NOW - 100)]


def test_an_end_that_comes_late_parts_what_was_one_and_the_first_keeps_the_row() -> None:
    row = Row()
    row.hear([notice(9000)])
    assert row.hear([notice(3000)]) == [(NOW - 9000, None)]
    assert row.hear([notice(9000, 8000)]) == [(NOW - 9000, NOW - 8000), (NOW - 3000, None)]
    assert {start: episode.alert for start, episode in row.known.items()} == {"9000": 1, "3000": 2}


def test_an_episode_between_two_joins_them() -> None:
    row = Row()
    row.hear([notice(9000, 8000), notice(6500, 6000)])
    row.hear([notice(7500, 7000)])
    (joined,) = spells(row.known.values(), WITHIN)
    assert joined.alert == 1
    whole = spells([Episode("a", 0, 5, alert=7), Episode("b", 6, alert=3)], WITHIN)
    assert whole == [Spell(0, None, whole[0].episodes, 3, (7,))]


def test_of_nothing_there_is_no_alert() -> None:
    assert spells([], WITHIN) == []


def vague(key: str, *, over: bool = False) -> Notice:
    return notice(0, 0 if over else None, key, vague=True)


def test_who_tells_no_times_means_what_is_open() -> None:
    row = Row()
    assert row.hear([vague("a")], NOW + 10) == [(NOW, None)]
    assert row.hear([vague("b")], NOW + 20) == [(NOW, None)]
    ok = replace(vague("c", over=True), ended_at=NOW + 30)
    assert row.hear([ok], NOW + 30) == [(NOW, NOW + 30)]
    # Sent again, and what was sent before.
    assert row.hear([ok, vague("a")], NOW + 40) == [(NOW, NOW + 30)]
    assert len(row.known) == 1


def test_that_all_is_well_opens_nothing() -> None:
    assert Row().hear([vague("a", over=True)]) == []
