"""Alerts about silent clouds: one for each cause that keeps polls from succeeding."""

from collections.abc import Callable, Sequence

from openstats.alerts import Cause, RuleResult
from openstats.model import Cloud
from openstats.severities import ERROR
from openstats.statistics.silence import PollState, judge
from openstats.storage import jobs
from openstats.storage.alerts.rule_alerts import open_alerts, settle
from openstats.storage.registry import clouds
from openstats.storage.store import Database

FAMILY = "poll."
IDLE_KINDS = ("quotas", "usage")
"""Kinds of poll that may succeed without calling the cloud, if nothing has changed."""


def report_silence(
    db: Database,
    interval_of: Callable[[str], float],
    *,
    silent_intervals: int,
    now: int,
    since: float,
) -> None:
    """Open an alert for each cause of a cloud's silence, and close alerts whose cause is gone.

    ``interval_of`` returns the seconds between two polls of a kind. A kind is silent if no poll has
    succeeded for ``silent_intervals`` intervals. ``since`` is when this collector began to work.
    """
    states: dict[str, list[PollState]] = {}
    for outcome in jobs.outcomes(db):
        state = _poll_state(outcome, interval_of(outcome.kind))
        states.setdefault(outcome.cloud, []).append(state)
    for cloud in clouds.clouds(db):
        if cloud.name in states:
            _settle(db, cloud, states[cloud.name], silent_intervals, now=now, since=since)


def _poll_state(outcome: jobs.JobOutcome, interval: float) -> PollState:
    return PollState(
        outcome.kind,
        interval,
        polled_at=outcome.polled_at or 0,
        error_at=outcome.error_at or 0,
        error=outcome.error,
        seconds=outcome.seconds or 0.0,
        idle=outcome.kind in IDLE_KINDS,
    )


def _settle(
    db: Database,
    cloud: Cloud,
    states: Sequence[PollState],
    intervals: int,
    *,
    now: int,
    since: float,
) -> None:
    alerts = open_alerts(db, cloud.id, FAMILY)
    names = {cause: cause.alert_type.removeprefix(FAMILY) for cause in alerts}
    verdict = judge(states, names.values(), now=now, since=since, intervals=intervals)
    results = []
    for cause_name, silent_polls in verdict.causes.items():
        cause = Cause("cloud", cloud.id, f"{FAMILY}{cause_name}")
        message = f"{cloud.name}: {_message(silent_polls, now)}"
        results.append(RuleResult(cause, ERROR, message, _reopen_within(silent_polls, intervals)))
    # Alerts whose cause is undecided stay unchanged.
    decided_names = verdict.causes.keys() | verdict.over
    decided = {cause: alerts[cause] for cause, name in names.items() if name in decided_names}
    settle(db, decided, results, now)


def _reopen_within(silent_polls: Sequence[PollState], intervals: int) -> int:
    """Return for how many seconds an alert is reopened: a cloud may answer intermittently."""
    return int(2 * intervals * max(poll.pace() for poll in silent_polls))


def _message(silent_polls: Sequence[PollState], now: int) -> str:
    """Return a sentence such as "volumes was not read for 20 minutes: Cinder's …: HTTP 503"."""
    names = ", ".join(poll.name for poll in silent_polls)
    verb = "were" if len(silent_polls) > 1 else "was"
    last_success = min(poll.polled_at for poll in silent_polls)
    duration = f"for {(now - last_success) // 60} minutes" if last_success else "so far"
    errors = [poll.error for poll in silent_polls if poll.error]
    return f"{names} {verb} not read {duration}: {errors[0] if errors else 'not polled'}"
