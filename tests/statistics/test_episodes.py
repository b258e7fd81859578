"""Episodes: in whatever order and however often notices come, they make the same alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.alerts import Episode, Notice, Spell
from openstats.statistics.episodes import WAITING, apply, spells, strand
from tests.alertmanagers import FLUSH, Log, Peer, run

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
            if changed := apply(self.known, one, now):
                self.known[changed.start] = changed
        made = spells(self.known.values(), self.within)
        rows = [spell.alert or next(self.numbers) for spell in made]
        assert len(set(rows)) == len(rows)
        for spell, row in zip(made, rows, strict=True):
            self.known |= {e.start: replace(e, alert=row) for e in spell.episodes}
        return [(spell.started_at, spell.ended_at) for spell in made]


def naive(notices: Sequence[Notice], within: int) -> list[Times]:
    """Merge intervals: what no end is known of lasted until the next one began, or still does."""
    ends: dict[tuple[int, str], set[int | None]] = {}
    for one in notices:
        ends.setdefault((one.started_at, one.start), set()).add(one.ended_at)
    forever, keys = 2**60, sorted(ends)
    merged: list[list[int]] = []
    for place, key in enumerate(keys, 1):
        following = keys[place][0] if place < len(keys) else forever
        end = next(iter(ends[key] - {None}), following)
        assert end is not None
        if merged and key[0] - merged[-1][1] <= within:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([key[0], end])
    return [(start, None if end == forever else end) for start, end in merged]


minutes = st.integers(0, 200).map(lambda number: number * 60)
PEERS = ("http://a", "http://b")


@st.composite
def stream(draw: st.DrawFn, start: int, end: int | None, peer: str) -> list[Notice]:
    """Give what one peer tells of an episode, in its own order."""
    sent = [notice(start, sender=peer)] * draw(st.integers(0, 2))
    if end is not None:
        sent += [notice(start, end, sender=peer)] * draw(st.integers(bool(sent), 2))
    return sent


@st.composite
def histories(draw: st.DrawFn) -> list[list[Notice]]:
    """Give what two peers tell of some episodes, mixed, each in its own order, as requests."""
    streams = []
    for start in draw(st.lists(minutes, min_size=1, max_size=6, unique=True)):
        end = draw(st.none() | st.integers(0, start))
        streams += [draw(stream(start, end, peer)) for peer in PEERS]
    turns = [place for place, sent in enumerate(streams) for _ in sent]
    mixed = [streams[place].pop(0) for place in draw(st.permutations(turns))]
    cuts = sorted(draw(st.sets(st.integers(0, len(mixed)), max_size=5)) | {0, len(mixed)})
    return [mixed[one:other] for one, other in pairwise(cuts)]


@given(histories().filter(any), st.sampled_from([0, 60, WITHIN, 10_000]), st.booleans())
def test_peers_that_are_late_make_the_same_alerts(
    requests: list[list[Notice]], within: int, cluster: bool
) -> None:
    row = Row(within)
    found: list[Times] = []
    if cluster:
        requests = [[replace(one, sender="") for one in request] for request in requests]
    for number, request in enumerate(requests):
        found = row.hear(request, NOW + number * within // len(requests))
    sent = [one for request in requests for one in request]
    assert found == naive(sent, within)
    # A request that is sent again changes nothing.
    assert row.hear(requests[-1], NOW + within) == found


# -- Alertmanagers

QUIET = 200
"""Steps for which an alert is watched that was cut off, or late, within these."""


@st.composite
def peers(draw: st.DrawFn, *, independent: bool) -> list[Peer]:
    """Give Alertmanagers, all of which Prometheus reaches in the end."""
    made, shared = [], Log()
    for place in range(draw(st.integers(1, 3))):
        cuts = draw(st.lists(st.tuples(st.integers(0, QUIET), st.integers(0, 60)), max_size=3))
        cut = frozenset(step for start, length in cuts for step in range(start, start + length))
        delays = iter(draw(st.lists(st.integers(0, FLUSH - 1), max_size=8)))
        log = Log() if independent else shared
        made.append(Peer(f"http://{place}", draw(st.integers(0, FLUSH)), cut, delays, log))
    return made


def told(among: Sequence[Peer], end: int | None, *, independent: bool) -> list[Times]:
    """Give the alerts that are known in the end, when nobody repeats what was delivered."""
    row, found = Row(), []

    def deliver(now: int, sender: str, ended_at: int | None) -> None:
        sent = notice(0, key="s", sender=sender if independent else "")
        sent = replace(sent, ended_at=None if ended_at is None else NOW + ended_at * 15)
        found.append(row.hear([sent], NOW + now * 15))

    run(among, end, 3 * QUIET, deliver)
    return found[-1] if found else []


@given(peers(independent=False), st.none() | st.integers(0, QUIET))
def test_a_cluster_that_is_cut_off_or_late_loses_nothing(
    among: list[Peer], end: int | None
) -> None:
    known = told(among, end, independent=False)
    assert [alert[1] is None for alert in known] == [end is None] * (
        1 if end is None else len(known)
    )


@given(peers(independent=True), st.none() | st.integers(0, QUIET))
def test_independent_alertmanagers_lose_nothing(among: list[Peer], end: int | None) -> None:
    known = told(among, end, independent=True)
    assert [alert[1] is None for alert in known] == [end is None] * (
        1 if end is None else len(known)
    )


def test_from_firing_to_resolved() -> None:
    row = Row()
    assert row.hear([notice(500)]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 100)]) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize("after", [0, 1, 45, 300, 301])
def test_alert_fired_again_with_the_same_start_is_reopened(after: int) -> None:
    """Prometheus was out of reach for a while, so that Alertmanager resolved it by itself."""
    row = Row()
    row.hear([notice(500), notice(500, 100)])
    assert row.hear([notice(500)], NOW + after) == [(NOW - 500, None)]
    ended = replace(notice(500), ended_at=NOW + 600)
    assert row.hear([ended], NOW + 600) == [(NOW - 500, NOW + 600)]


def test_the_slower_of_two_peers_closes_what_it_opened_again() -> None:
    row = Row()
    row.hear([notice(500), notice(500, 100)])
    row.hear([notice(500)], NOW + 60)
    assert row.hear([notice(500, 100)], NOW + 120) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize(
    ("after", "end"), [(-WAITING, -100), (-1, -100), (0, None), (-WAITING - 1, None), (-7200, None)]
)
def test_notification_stored_after_the_end_is_overtaken(after: int, end: int | None) -> None:
    """A clock that was set back overtakes nothing."""
    row = Row()
    row.hear([notice(500), notice(500, 100)])
    assert row.hear([notice(500)], NOW + after) == [(NOW - 500, NOW + end if end else None)]


def test_independent_senders_each_withdraw_what_they_said() -> None:
    row = Row()
    row.hear([notice(500, sender="a"), notice(500, sender="b"), notice(500, sender="a")])
    assert row.hear([notice(500, 100, sender="a")]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 90, sender="c")]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 80, sender="b")]) == [(NOW - 500, NOW - 80)]
    assert row.hear([notice(500, sender="a")]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 70, sender="a")]) == [(NOW - 500, NOW - 70)]


def test_instant_episode_ends_the_firing_alert_and_joins_none() -> None:
    row = Row()
    row.hear([notice(9000)])
    assert row.hear([notice(8400, 8400)]) == [(NOW - 9000, NOW - 8400)]
    assert row.hear([notice(4800)]) == [(NOW - 9000, NOW - 8400), (NOW - 4800, None)]


def test_replicas_that_are_counted_as_one_end_each_by_itself() -> None:
    row = Row()
    one, other = (strand("s", name) for name in "ab")
    row.hear([notice(500, key=one), notice(490, key=other)])
    assert row.hear([notice(490, 100, key=other)]) == [(NOW - 500, None)]
    assert row.hear([notice(500, 90, key=one)]) == [(NOW - 500, NOW - 90)]


def test_the_first_end_that_was_told_stands() -> None:
    row = Row()
    assert row.hear([notice(500, 100), notice(500, 50)]) == [(NOW - 500, NOW - 100)]


def test_stale_alert_may_fire_again_at_once() -> None:
    row = Row()
    row.known["500"] = Episode("500", NOW - 500, NOW - 400)
    assert row.hear([notice(500)]) == [(NOW - 500, None)]


def test_stale_alert_ends_at_its_reported_end() -> None:
    row = Row()
    row.known["500"] = Episode("500", NOW - 500, NOW - 400)
    assert row.hear([notice(500, 100)]) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize(("gap", "alerts"), [(WITHIN, 1), (WITHIN + 1, 2)])
def test_episodes_in_quick_succession_are_one_alert(gap: int, alerts: int) -> None:
    assert len(Row().hear([notice(5000, 4000), notice(4000 - gap)])) == alerts


def test_episodes_that_are_inside_others() -> None:
    assert Row().hear([notice(5000, 100), notice(4000, 3000)]) == [(NOW - 5000, NOW - 100)]


def test_no_clock_but_ours_is_ahead() -> None:
    row = Row()
    assert row.hear([notice(-3600)]) == [(NOW, None)]
    assert row.hear([notice(-3600, -7200)], NOW + 60) == [(NOW, NOW + 60)]


def test_no_alert_ends_before_it_begins() -> None:
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
    assert whole == [Spell(0, None, whole[0].episodes, 3)]


def test_of_nothing_there_is_no_alert() -> None:
    assert spells([], WITHIN) == []


def vague(key: str, *, over: bool = False) -> Notice:
    return notice(0, 0 if over else None, key, vague=True)


def test_notification_without_times_means_the_open_alert() -> None:
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
