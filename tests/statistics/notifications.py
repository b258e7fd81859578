"""Notifications as peers send them, and the alerts that they make, by a naive merge of times."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from openstats.alerts import Notification

NOW = 1_700_000_000
WITHIN = 900
Times = tuple[int, int | None]


def notification(start: int, end: int | None = None, key: str = "", **more: Any) -> Notification:
    """Return a notification of times in seconds before NOW."""
    ended_at = None if end is None else NOW - end
    usual = {"fingerprint": "f", "alert_type": "t", "severity": "Error", "message": ""}
    return Notification(
        **usual | {"start": key or str(start)} | more, started_at=NOW - start, ended_at=ended_at
    )


def merged_times(notifications: Sequence[Notification], within: int) -> list[Times]:
    """Merge intervals: an episode without an end lasted until the next one began, or still does."""
    ends: dict[tuple[int, str], set[int | None]] = {}
    for one in notifications:
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
def stream(draw: st.DrawFn, start: int, end: int | None, peer: str) -> list[Notification]:
    """Return what one peer reports of an episode, in its own order."""
    sent = [notification(start, sender=peer)] * draw(st.integers(0, 2))
    if end is not None:
        sent += [notification(start, end, sender=peer)] * draw(st.integers(bool(sent), 2))
    return sent


@st.composite
def request_histories(draw: st.DrawFn) -> list[list[Notification]]:
    """Return what two peers report of some episodes, mixed, each in its own order, as requests."""
    streams = []
    for start in draw(st.lists(minutes, min_size=1, max_size=6, unique=True)):
        end = draw(st.none() | st.integers(0, start))
        streams += [draw(stream(start, end, peer)) for peer in PEERS]
    turns = [place for place, sent in enumerate(streams) for _ in sent]
    mixed = [streams[place].pop(0) for place in draw(st.permutations(turns))]
    cuts = sorted(draw(st.sets(st.integers(0, len(mixed)), max_size=5)) | {0, len(mixed)})
    return [mixed[one:other] for one, other in pairwise(cuts)]
