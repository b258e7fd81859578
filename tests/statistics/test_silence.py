"""Silence: one cause, one alert; and what cannot be told changes nothing."""

from typing import Any

import pytest

from openstats.statistics.silence import CLOUD, PollState, judge

NOW, MINUTE = 1_700_000_000, 60
INTERVAL, INTERVALS = 300, 3
NAMES = ("discovery", "capacity", "instances", "volumes", "quotas", "providers", "usage")


def kind(name: str, polled: float, failed: float | None = None, **more: Any) -> PollState:
    """Make a kind that succeeded, and failed since, so many minutes ago."""
    interval = 3600 if name == "discovery" else INTERVAL
    if failed is not None:
        more = {"error": "a: Nova's x: HTTP 503", "error_at": NOW - int(failed * MINUTE)} | more
    return PollState(name, interval, NOW - int(polled * MINUTE), **more)


def causes(
    kinds: list[PollState], *known: str, since: float = 600
) -> tuple[dict[str, list[str]], list[str]]:
    """Give the causes with their kinds, and which of the known ones are over."""
    started = NOW - since * MINUTE
    verdict = judge(kinds, known, now=NOW, since=started, intervals=INTERVALS)
    listed = {name: [each.name for each in cause] for name, cause in verdict.causes.items()}
    return listed, sorted(verdict.over)


def all_but(*others: PollState, polled: float = 1, **more: Any) -> list[PollState]:
    names = [name for name in NAMES if name not in {each.name for each in others}]
    return [*others, *(kind(name, polled, **more) for name in names)]


def test_recent_successes_are_no_cause() -> None:
    assert causes(all_but()) == ({}, [])


def test_kinds_that_blame_one_service_are_one_cause() -> None:
    nova = [kind(name, 20, 0) for name in ("capacity", "instances", "usage")]
    cinder = kind("volumes", 20, 0, error="a: Cinder's x: HTTP 503")
    expected = {"capacity": ["capacity", "instances", "usage"], "volumes": ["volumes"]}
    assert causes(all_but(*nova, cinder)) == (expected, [])


def test_a_cloud_of_which_nothing_is_read_is_one_cause() -> None:
    down = all_but(kind("discovery", 40), polled=20, failed=0)
    assert causes(down) == ({CLOUD: list(NAMES[1:])}, [])


@pytest.mark.parametrize("minutes", range(1, 240, 7))
def test_an_outage_has_one_cause_from_beginning_to_end(minutes: int) -> None:
    """Polls of each kind last succeeded at another time before it."""
    before = {name: 0.7 * place for place, name in enumerate(NAMES)}
    down = [
        kind(name, minutes + before[name], 0, error=f"a: {name}'s x: refused") for name in NAMES
    ]
    found, _ = causes(down)
    assert set(found) <= {CLOUD}
    assert bool(found) == (minutes >= 16) or minutes in range(13, 17)


def test_a_clouds_cause_stays_until_all_kinds_are_read_again() -> None:
    coming = all_but(kind("capacity", 60, 1), kind("usage", 60, 1))
    assert causes(coming, CLOUD) == ({CLOUD: ["capacity", "usage"]}, [])
    assert causes(all_but(), CLOUD) == ({}, [CLOUD])


def test_without_new_attempts_no_cause_begins_or_ends() -> None:
    """Whoever looks has just woken up."""
    asleep = all_but(kind("capacity", 700, 690), polled=700)
    assert causes(asleep, since=0)[0] == {}
    assert causes(asleep, "capacity", CLOUD, since=0)[1] == []


@pytest.mark.parametrize("back", [20, 60, 24 * 60])
def test_a_clock_that_was_set_back_changes_nothing(back: float) -> None:
    ahead = all_but(kind("capacity", -back, -back - 1), polled=-back)
    assert causes(ahead, since=0) == ({}, [])
    assert causes(ahead, "volumes", since=0)[1] == []


def test_a_cloud_that_is_slow_is_not_silent() -> None:
    slow = [kind(name, 30, seconds=600) for name in NAMES]
    assert causes(slow) == ({}, [])
    assert causes([kind(name, 46, seconds=600) for name in NAMES])[0].keys() == {CLOUD}


def test_unread_cloud_is_silent_since_the_first_attempt() -> None:
    never = all_but(PollState("volumes", INTERVAL, 0, NOW, "a: Cinder's x: HTTP 500"))
    assert causes(never, since=15) == ({}, [])
    assert causes(never, since=16) == ({"volumes": ["volumes"]}, [])


def test_a_known_cause_is_over_when_its_kind_is_read() -> None:
    assert causes(all_but(), "capacity") == ({}, ["capacity"])
    assert causes(all_but(kind("capacity", 20, 0)), "capacity") == ({"capacity": ["capacity"]}, [])
    # It failed just now, after it was read: wait and see.
    assert causes(all_but(kind("capacity", 2, 0)), "capacity") == ({}, [])
