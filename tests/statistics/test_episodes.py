"""Episodes: in whatever order and however often notifications come, they make the same alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.alerts import AlertPeriod, Episode, Notification
from openstats.statistics.episodes import MAX_WAIT, fold, join, replica_start
from tests.alertmanagers import FLUSH, Log, Peer, run
from tests.statistics.notifications import (
    NOW,
    WITHIN,
    Times,
    merged_times,
    notification,
    request_histories,
)


class Row:
    """What is stored of one fingerprint: its episodes, and in which alert each is."""

    def __init__(self, within: int = WITHIN) -> None:
        self.episodes: dict[str, Episode] = {}
        self.within = within
        self.ids = count(1)

    def hear(self, notifications: Iterable[Notification], now: int = NOW) -> list[Times]:
        """Fold a request into it, and return the times of the alerts that there are since."""
        stored = {"f": self.episodes}
        (revision,) = fold(stored, notifications, {}, now=now, reopen_within=self.within)
        ids = [alert.id or next(self.ids) for alert in revision.alerts]
        assert len(set(ids)) == len(ids)
        for alert, alert_id in zip(revision.alerts, ids, strict=True):
            for episode in alert.episodes:
                self.episodes[episode.start] = replace(episode, alert_id=alert_id)
        return [(alert.started_at, alert.ended_at) for alert in revision.alerts]


@given(request_histories().filter(any), st.sampled_from([0, 60, WITHIN, 10_000]), st.booleans())
def test_peers_that_are_late_make_the_same_alerts(
    requests: list[list[Notification]], within: int, cluster: bool
) -> None:
    row = Row(within)
    found: list[Times] = []
    if cluster:
        requests = [[replace(one, sender="") for one in request] for request in requests]
    for number, request in enumerate(requests):
        found = row.hear(request, NOW + number * within // len(requests))
    sent = [one for request in requests for one in request]
    assert found == merged_times(sent, within)
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
        sent = notification(0, key="s", sender=sender if independent else "")
        sent = replace(sent, ended_at=None if ended_at is None else NOW + ended_at * 15)
        found.append(row.hear([sent], NOW + now * 15))

    run(among, end, 3 * QUIET, deliver)
    return found[-1] if found else []


@pytest.mark.parametrize("independent", [False, True], ids=["cluster", "independent"])
@given(st.data(), st.none() | st.integers(0, QUIET))
def test_alertmanagers_that_are_cut_off_or_late_lose_nothing(
    independent: bool, data: st.DataObject, end: int | None
) -> None:
    among = data.draw(peers(independent=independent))
    still_open = [closed is None for _, closed in told(among, end, independent=independent)]
    assert still_open == [True] if end is None else not any(still_open)


def test_from_firing_to_resolved() -> None:
    row = Row()
    assert row.hear([notification(500)]) == [(NOW - 500, None)]
    assert row.hear([notification(500, 100)]) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize("after", [0, 1, 45, 300, 301])
def test_alert_fired_again_with_the_same_start_is_reopened(after: int) -> None:
    """Prometheus was out of reach for a while, so that Alertmanager resolved it by itself."""
    row = Row()
    row.hear([notification(500), notification(500, 100)])
    assert row.hear([notification(500)], NOW + after) == [(NOW - 500, None)]
    ended = replace(notification(500), ended_at=NOW + 600)
    assert row.hear([ended], NOW + 600) == [(NOW - 500, NOW + 600)]


def test_the_slower_of_two_peers_closes_what_it_opened_again() -> None:
    row = Row()
    row.hear([notification(500), notification(500, 100)])
    row.hear([notification(500)], NOW + 60)
    assert row.hear([notification(500, 100)], NOW + 120) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize(
    ("after", "end"),
    [(-MAX_WAIT, -100), (-1, -100), (0, None), (-MAX_WAIT - 1, None), (-7200, None)],
)
def test_notification_stored_after_the_end_is_overtaken(after: int, end: int | None) -> None:
    """A clock that was set back overtakes nothing."""
    row = Row()
    row.hear([notification(500), notification(500, 100)])
    assert row.hear([notification(500)], NOW + after) == [(NOW - 500, NOW + end if end else None)]


def test_an_episode_ends_when_every_independent_sender_has_resolved_it() -> None:
    row = Row()
    row.hear(
        [
            notification(500, sender="a"),
            notification(500, sender="b"),
            notification(500, sender="a"),
        ]
    )
    assert row.hear([notification(500, 100, sender="a")]) == [(NOW - 500, None)]
    assert row.hear([notification(500, 90, sender="c")]) == [(NOW - 500, None)]
    assert row.hear([notification(500, 80, sender="b")]) == [(NOW - 500, NOW - 80)]
    assert row.hear([notification(500, sender="a")]) == [(NOW - 500, None)]
    assert row.hear([notification(500, 70, sender="a")]) == [(NOW - 500, NOW - 70)]


def test_instant_episode_ends_the_firing_alert_and_joins_none() -> None:
    row = Row()
    row.hear([notification(9000)])
    assert row.hear([notification(8400, 8400)]) == [(NOW - 9000, NOW - 8400)]
    assert row.hear([notification(4800)]) == [(NOW - 9000, NOW - 8400), (NOW - 4800, None)]


def test_replicas_that_are_counted_as_one_end_each_by_itself() -> None:
    row = Row()
    one, other = (replica_start("s", name) for name in "ab")
    row.hear([notification(500, key=one), notification(490, key=other)])
    assert row.hear([notification(490, 100, key=other)]) == [(NOW - 500, None)]
    assert row.hear([notification(500, 90, key=one)]) == [(NOW - 500, NOW - 90)]


def test_the_first_reported_end_stands() -> None:
    row = Row()
    assert row.hear([notification(500, 100), notification(500, 50)]) == [(NOW - 500, NOW - 100)]


@pytest.mark.parametrize("end", [None, 100])
def test_a_stale_alert_is_open_or_ends_as_is_reported_later(end: int | None) -> None:
    row = Row()
    row.episodes["500"] = Episode("500", NOW - 500, NOW - 400)
    assert row.hear([notification(500, end)]) == [(NOW - 500, end and NOW - end)]


@pytest.mark.parametrize(("gap", "alerts"), [(WITHIN, 1), (WITHIN + 1, 2)])
def test_episodes_in_quick_succession_are_one_alert(gap: int, alerts: int) -> None:
    assert len(Row().hear([notification(5000, 4000), notification(4000 - gap)])) == alerts


def test_an_episode_within_another_joins_it() -> None:
    assert Row().hear([notification(5000, 100), notification(4000, 3000)]) == [
        (NOW - 5000, NOW - 100)
    ]


def test_times_ahead_of_our_clock_are_reduced_to_it() -> None:
    row = Row()
    assert row.hear([notification(-3600)]) == [(NOW, None)]
    assert row.hear([notification(-3600, -7200)], NOW + 60) == [(NOW, NOW + 60)]


def test_no_alert_ends_before_it_begins() -> None:
    assert Row().hear([notification(100, 500)]) == [(NOW - 100, NOW - 100)]


def test_a_late_end_divides_an_alert_and_the_first_keeps_the_row() -> None:
    row = Row()
    row.hear([notification(9000)])
    assert row.hear([notification(3000)]) == [(NOW - 9000, None)]
    assert row.hear([notification(9000, 8000)]) == [(NOW - 9000, NOW - 8000), (NOW - 3000, None)]
    assert {start: episode.alert_id for start, episode in row.episodes.items()} == {
        "9000": 1,
        "3000": 2,
    }


def test_an_episode_between_two_joins_them() -> None:
    row = Row()
    row.hear([notification(9000, 8000), notification(6500, 6000)])
    row.hear([notification(7500, 7000)])
    (joined,) = join(row.episodes.values(), WITHIN)
    assert joined.id == 1
    whole = join([Episode("a", 0, 5, alert_id=7), Episode("b", 6, alert_id=3)], WITHIN)
    assert whole == [AlertPeriod(0, None, whole[0].episodes, 3)]


def test_no_episodes_make_no_alert() -> None:
    assert join([], WITHIN) == []


def timeless(key: str, *, over: bool = False) -> Notification:
    return notification(0, 0 if over else None, key, timeless=True)


def test_notification_without_times_means_the_open_alert() -> None:
    row = Row()
    assert row.hear([timeless("a")], NOW + 10) == [(NOW, None)]
    assert row.hear([timeless("b")], NOW + 20) == [(NOW, None)]
    ok = replace(timeless("c", over=True), ended_at=NOW + 30)
    assert row.hear([ok], NOW + 30) == [(NOW, NOW + 30)]
    # Sent again, and what was sent before.
    assert row.hear([ok, timeless("a")], NOW + 40) == [(NOW, NOW + 30)]
    assert len(row.episodes) == 1


def test_a_resolved_notification_without_times_opens_nothing() -> None:
    assert Row().hear([timeless("a", over=True)]) == []


# -- fold


def test_fingerprints_are_folded_apart_and_the_last_notification_of_each_is_kept() -> None:
    batch = [
        notification(500, fingerprint="a"),
        notification(400, fingerprint="b", message="first"),
        notification(400, 300, fingerprint="b", message="last"),
    ]
    one, other = fold({}, batch, {}, now=NOW, reopen_within=WITHIN)
    assert (one.notification, other.notification) == (batch[0], batch[2])
    assert [(alert.started_at, alert.ended_at) for alert in one.alerts] == [(NOW - 500, None)]
    ((alert,), stored) = other.alerts, other.stored
    assert (alert.started_at, alert.ended_at, stored) == (NOW - 400, NOW - 300, ())


def test_a_change_of_the_owner_splits_an_open_episode() -> None:
    batch = [notification(500)]
    (revision,) = fold({}, batch, {"f": [NOW - 200]}, now=NOW, reopen_within=WITHIN)
    times = [(alert.started_at, alert.ended_at) for alert in revision.alerts]
    assert times == [(NOW - 500, NOW - 200), (NOW - 200, None)]


def test_a_split_episode_stays_split_whatever_labels_say() -> None:
    parts = (
        Episode("500", NOW - 500, NOW - 200, alert_id=1),
        Episode("500", NOW - 200, None, alert_id=2, owner_since=NOW - 200),
    )
    stored = {"f": {"500": Episode("500", NOW - 500, parts=parts)}}
    (revision,) = fold(stored, [notification(500, 100)], {}, now=NOW, reopen_within=WITHIN)
    assert [(alert.id, alert.ended_at) for alert in revision.alerts] == [
        (1, NOW - 200),
        (2, NOW - 100),
    ]
    assert revision.stored == (stored["f"]["500"],)


def test_a_batch_leaves_what_is_stored_as_it_was() -> None:
    stored = {"f": {"500": Episode("500", NOW - 500)}}
    fold(stored, [notification(500, 100), notification(50)], {}, now=NOW, reopen_within=WITHIN)
    assert stored == {"f": {"500": Episode("500", NOW - 500)}}
