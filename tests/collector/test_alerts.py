"""Alerts of our own: raised, changed and closed by what polls bring; and looked after since."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from webtest import TestApp

from openstats.collector import alerts
from openstats.model import EVERYTHING, Selection
from openstats.storage.alerts.counts import count_by_object
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import iso, loaded, sections, webhook
from tests.api.receiving import sent as document
from tests.api.receiving import tell as send
from tests.collector.lab import Lab, running
from tests.collector.raised import Tenant, everything, message, one_tenant, standing
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Hang, Status

HOUR, DAY = 3600, 86_400
OTHER = "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10"


@pytest.fixture
def tenant(lab: Lab) -> Tenant:
    return one_tenant(lab)


def application(lab: Lab, directory: Path) -> TestApp:
    """Give a client of the application with a receiver, on the store and by the clock of a lab."""
    return TestApp(make_app(loaded(directory / "am.conf", sections(am={})), lab.store, lab.clock))


# -- quotas


def test_severity_follows_use_and_falls_with_a_margin(lab: Lab, tenant: Tenant) -> None:
    assert tenant.limited(cores=101) == {}
    steps = [
        (100, "Warning"),
        (103, "Warning"),
        (85, "Warning"),
        (84, "Error"),
        (86, "Error"),
        (87, "Warning"),
        (10, "Error"),
        (103, "Warning"),
    ]
    for limit, severity in steps:
        assert tenant.limited(cores=limit) == {"quota.vcpu": severity}, limit
        assert len(everything(lab)) == 1
    for limit in (104, 101):
        assert tenant.limited(cores=limit) == {}
    # What comes again is another alert.
    assert tenant.limited(cores=100) == {"quota.vcpu": "Warning"}
    assert len(everything(lab)) == 2


def test_own_alert_names_its_subject_and_message(lab: Lab, tenant: Tenant) -> None:
    assert tenant.limited(cores=84) == {"quota.vcpu": "Error"}
    assert message(lab).startswith("vcpu: 80 of 84 ")
    assert message(lab).endswith(" are in use (95 %)")
    of = "SELECT t.tenant_id FROM alert a JOIN tenant t ON t.id = a.tenant_id"
    assert lab.sql(of) == [(tenant.key,)]
    now = int(lab.clock.now)
    with lab.store.read() as db:
        for aggregate in ("customer", "project"):
            found = count_by_object(db, EVERYTHING, Selection(aggregate), (now, now + 1))
            assert [*found.values()] == [{"Error": 1}]


def test_every_resource_has_an_alert_of_its_own(lab: Lab, tenant: Tenant) -> None:
    assert tenant.limited(cores=84, ram=64) == {"quota.vcpu": "Error", "quota.ram": "Error"}
    assert tenant.limited(cores=-1) == {"quota.ram": "Error"}


@pytest.mark.parametrize("limit", [-1, 1])
def test_unlimited_and_trivial_limits_raise_no_alert(lab: Lab, tenant: Tenant, limit: int) -> None:
    assert tenant.limited(instances=limit) == {}
    assert tenant.limited(instances=2) == {}


@pytest.mark.parametrize("limit", [0, 1])
def test_use_above_a_trivial_limit_is_a_warning(lab: Lab, tenant: Tenant, limit: int) -> None:
    assert tenant.limited(cores=limit) == {"figures.vcpu": "Warning"}
    assert tenant.limited(cores=2) == {"quota.vcpu": "Error"}
    assert tenant.limited(cores=limit) == {"figures.vcpu": "Warning"}
    assert tenant.limited(cores=-1) == {}
    assert len(everything(lab)) == 3


def test_a_quota_that_is_raised_closes_its_alert_now(lab: Lab, tenant: Tenant) -> None:
    tenant.limited(cores=80)
    tenant.limited(cores=800)
    assert everything(lab) == [("quota.vcpu", "Error", int(lab.clock.now))]


def test_a_deleted_tenants_alert_is_closed(lab: Lab, tenant: Tenant) -> None:
    tenant.limited(cores=80)
    tenant.double.delete_project(tenant.key)
    for _ in range(2):
        assert lab.cycle("discovery", after=1) == []
    assert everything(lab) == [("quota.vcpu", "Error", int(lab.clock.now))]


def test_a_customer_may_have_thresholds_of_its_own(lab: Lab, tenant: Tenant) -> None:
    ((customer,),) = lab.sql("SELECT c.uuid FROM customer c JOIN project p ON p.customer_id = c.id")
    assert tenant.limited(cores=160) == {}
    lab.use(alerts__quota_of_customers={OTHER: "10/20"})
    assert tenant.limited(cores=160) == {}
    lab.use(alerts__quota_of_customers={customer: "50/60.5", OTHER: "10/20"})
    assert tenant.limited(cores=160) == {"quota.vcpu": "Warning"}
    assert tenant.limited(cores=130) == {"quota.vcpu": "Error"}
    lab.use(alerts__quota_warning=30, alerts__quota_error=99, alerts__margin=0)
    assert tenant.limited(cores=130) == {"quota.vcpu": "Warning"}


@pytest.mark.parametrize("told", ["70", "a/b", "70/90/95", "1.2.3/4", "/"])
def test_malformed_thresholds_are_refused(lab: Lab, told: str) -> None:
    with pytest.raises(ValueError, match="doesn't match regex"):
        lab.collector(alerts__quota_of_customers=f"{OTHER}:{told}")


def test_alerts_of_other_sources_are_left_alone(lab: Lab, tenant: Tenant, tmp_path: Path) -> None:
    app = application(lab, tmp_path)
    ((uuid,),) = lab.sql(f"SELECT uuid FROM tenant WHERE tenant_id = '{tenant.key}'")
    body = {"severity": "Info", "alert_type": "quota.vcpu", "message": ""}
    app.post_json("/api/alerts/", body | {"scope": {"tenant": uuid}})
    send(app, "am", webhook(document(alertname="quota.vcpu", project_id=tenant.key)))
    tenant.limited(cores=80)
    tenant.limited(cores=-1)
    still = lab.sql(f"SELECT source FROM alert WHERE until = {FOREVER} ORDER BY source")
    assert still == [("am",), ("api",)]


def test_closed_alert_is_raised_again_while_its_cause_lasts(
    lab: Lab, tenant: Tenant, tmp_path: Path
) -> None:
    tenant.limited(cores=80)
    app = application(lab, tmp_path)
    (entry,) = app.get("/api/alerts/").json["alerts"]
    assert (entry["source"], entry["alert_type"]) == ("openstats", "quota.vcpu")
    app.post(f"/api/alerts/{entry['uuid']}/close/")
    assert standing(lab) == {}
    assert tenant.limited(cores=80) == {"quota.vcpu": "Error"}


def test_two_collectors_at_once_open_one_alert(either_lab: Lab) -> None:
    lab = either_lab
    tenant = one_tenant(lab)
    tenant.double.set_quota(tenant.key, cores=80, ram=64)
    lab.clock.advance(1)
    collectors, start = [lab.collector() for _ in range(3)], Barrier(3)

    def poll(number: int) -> None:
        # Each has a job that has to do with quotas, or none, and looks at all of them.
        for _ in range(3):
            start.wait(timeout=60)
            collectors[number].cycle(("quotas", "discovery"), full=True)

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(poll, number) for number in range(3)]:
            done.result(timeout=120)
    assert standing(lab) == {"quota.vcpu": "Error", "quota.ram": "Error"}
    assert len(everything(lab)) == 2


# -- clouds that are silent


def test_a_cloud_that_fails_for_three_intervals_and_is_back(lab: Lab, alpha: Double) -> None:
    lab.double("beta")
    assert lab.cycle() == []
    with lab.edge.during("statistics", Status(503)):
        for _ in range(3):
            assert lab.cycle(after=300)
            assert everything(lab) == []
        assert lab.cycle(after=1)
    found = lab.sql("SELECT c.name, a.kind FROM alert a JOIN cloud c ON c.id = a.cloud_id")
    assert sorted(found) == [("alpha", "cloud"), ("beta", "cloud")]
    assert {told[:2] for told in everything(lab)} == {("poll.capacity", "Error")}
    said = lab.sql("SELECT message FROM alert ORDER BY message")
    assert said[0][0].startswith("alpha: capacity was not read for 15 minutes: ")
    assert lab.cycle(after=60) == []
    assert everything(lab) == [("poll.capacity", "Error", int(lab.clock.now))] * 2


def test_a_cloud_that_is_down_and_one_that_is_slow_make_one_alert(lab: Lab, alpha: Double) -> None:
    beta = lab.double("beta")
    assert lab.cycle() == []
    beta.stop()
    alpha_is_slow = "statistics"
    for number in range(24):
        # Every fifth poll of one kind succeeds, as a cloud that is overloaded answers.
        with ExitStack() as stack:
            if number % 5:
                stack.enter_context(lab.edge.during(alpha_is_slow, Status(503)))
            lab.cycle(after=300)
    found = lab.sql(
        "SELECT c.name, a.alert_type, a.until - a.created_at FROM alert a"
        " JOIN cloud c ON c.id = a.cloud_id ORDER BY c.name"
    )
    assert [(name, kind) for name, kind, _ in found] == [
        ("alpha", "poll.capacity"),
        ("beta", "poll.cloud"),
    ]
    assert min(length for *_, length in found) > 0


def test_a_collector_that_wakes_past_its_lease_leaves_alerts_alone(lab: Lab, alpha: Double) -> None:
    assert lab.cycle() == []
    hang = Hang()
    with lab.edge.during("statistics", hang), running(lab.collector(lease=30)) as _:
        lab.sql("UPDATE job SET next_at = 0 WHERE kind = 'capacity'")
        assert hang.reached.wait(20)
        # Another one takes the job over, and finds that the cloud does not answer.
        lab.sql("UPDATE job SET lease_token = 'others', error = 'a', error_at = polled_at + 901")
        lab.clock.advance(1200)
        assert looked_after(lab, running=1200).keys() == {"poll.cloud"}
        before = everything(lab)
        hang.release()
        wait_for("the poll to end", lambda: lab.edge.count(lambda _: True), timeout=20)
    assert everything(lab) == before


def test_a_kind_of_poll_that_never_succeeded_is_silent(lab: Lab, alpha: Double) -> None:
    with lab.edge.during("/volume/", Status(500)):
        for _ in range(3):
            lab.cycle(after=300)
        assert "poll.volumes" not in standing(lab)
        lab.cycle(after=301)
    assert standing(lab)["poll.volumes"] == "Error"


def looked_after(lab: Lab, running: float, after: float = 0, **options: Any) -> dict[str, str]:
    """Look after alerts as a collector does that runs since some time; give what stands."""
    lab.clock.advance(after)
    made, now = lab.collector(**options), int(lab.clock.now)
    alerts.do_housekeeping(made.context, now=now, since=now - running)
    return standing(lab)


def test_after_a_long_pause_there_is_no_false_alarm(lab: Lab, alpha: Double) -> None:
    assert lab.cycle() == []
    assert looked_after(lab, running=0, after=7 * DAY) == {}
    assert looked_after(lab, running=900) == {}
    lab.use()
    assert lab.cycle() == []
    assert everything(lab) == []


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_raises_and_closes_nothing(
    lab: Lab, alpha: Double, step: float
) -> None:
    with running(lab.collector()):
        lab.sql("UPDATE job SET next_at = 0")
        wait_for("all polls to succeed", lab.idle, timeout=20)
        lab.clock.step(step)
        lab.sql("UPDATE job SET next_at = 0 WHERE kind = 'capacity'")
        read = f"SELECT count(*) FROM job WHERE kind = 'capacity' AND polled_at = {lab.clock.now}"
        wait_for("a poll by the new clock", lambda: lab.sql(read) == [(1,)], timeout=20)
    assert everything(lab) == []


def test_a_cloud_that_is_not_polled_is_silent(lab: Lab, alpha: Double) -> None:
    assert lab.cycle() == []
    assert looked_after(lab, running=901, after=1200) == {"poll.cloud": "Error"}
    names = "capacity, instances, providers, quotas, usage, volumes"
    assert message(lab) == f"alpha: {names} were not read for 20 minutes: not polled"
    # Discovery is rarer, and is late now.
    assert looked_after(lab, running=4 * HOUR, after=4 * HOUR) == {"poll.cloud": "Error"}
    assert "discovery" in message(lab)
    assert looked_after(lab, running=901, alerts__silent_intervals=100).keys() == set()


def test_housekeeping_does_not_depend_on_the_kind_of_poll(
    lab: Lab, alpha: Double, tmp_path: Path
) -> None:
    app = application(lab, tmp_path)
    send(app, "am", webhook(document() | {"startsAt": iso(lab.clock.now)}))
    lab.clock.advance(DAY + 1)
    closed = f"SELECT count(*) FROM alert WHERE until < {FOREVER}"
    with running(lab.collector()):
        wait_for("the alert to be closed", lambda: lab.sql(closed) == [(1,)], timeout=20)


def test_a_defect_in_alerts_ends_no_collector(
    lab: Lab, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    with lab.edge.during("statistics", Status(503)):
        for _ in range(4):
            lab.cycle(after=300)
    # No code of ours writes this.
    lab.sql("UPDATE alert SET severity = 99")
    lab.sql("UPDATE job SET next_at = 0")
    with running(lab.collector()):
        wait_for("all polls to succeed", lab.idle, timeout=20)
    assert "a defect of openstats in alerts\n" in caplog.text
    assert "a defect of openstats in alerts of alpha" in caplog.text


# -- what went stale, and what is old


def received(lab: Lab, app: TestApp, name: str, *, over: bool = False) -> None:
    """Tell of an alert that fires since the clock of the lab was made, or that is over now."""
    ends = {"status": "resolved", "endsAt": iso(lab.clock.now)} if over else {}
    send(app, "am", webhook(document(name) | {"startsAt": iso(lab.clock.now - HOUR)} | ends))


def ends(lab: Lab) -> list[int | None]:
    rows = lab.sql("SELECT until FROM alert ORDER BY id")
    return [None if until == FOREVER else until for (until,) in rows]


def test_stale_alert_is_closed_at_its_last_notification(
    lab: Lab, alpha: Double, tmp_path: Path
) -> None:
    app, start = application(lab, tmp_path), int(lab.clock.now)
    received(lab, app, "a")
    looked_after(lab, 0, after=DAY)
    assert ends(lab) == [None]
    again = document("a") | {"startsAt": iso(start - HOUR)}
    send(app, "am", webhook(again))
    looked_after(lab, 0, after=DAY)
    assert ends(lab) == [None]
    looked_after(lab, 0, after=1)
    assert ends(lab) == [start + DAY]
    # It fires after all.
    send(app, "am", webhook(again))
    assert ends(lab) == [None]
    looked_after(lab, 0, after=HOUR, alerts__stale_after=HOUR - 1)
    assert ends(lab) == [start + 2 * DAY + 1]


def test_only_receivers_alerts_go_stale(lab: Lab, tenant: Tenant, tmp_path: Path) -> None:
    app = application(lab, tmp_path)
    app.post_json("/api/alerts/", {"severity": "Info", "alert_type": "t", "message": ""})
    tenant.limited(cores=80)
    looked_after(lab, 0, after=30 * DAY)
    assert ends(lab) == [None, None]


@pytest.mark.parametrize(("keep", "left"), [(10, 1), (0, 2), (400, 2)])
def test_closed_alerts_are_kept_for_a_while(
    lab: Lab, alpha: Double, tmp_path: Path, keep: int, left: int
) -> None:
    app = application(lab, tmp_path)
    received(lab, app, "over", over=True)
    app.post_json("/api/alerts/", {"severity": "Info", "alert_type": "t", "message": ""})
    looked_after(lab, 0, after=10 * DAY, alerts__keep_days=keep)
    assert len(ends(lab)) == 2
    looked_after(lab, 0, after=1, alerts__keep_days=keep)
    assert len(ends(lab)) == left
    assert lab.sql("SELECT count(*) FROM alert_episode") == [(left - 1,)]


def test_collectors_may_do_housekeeping_at_once(
    store: Store, either_lab: Lab, tmp_path: Path
) -> None:
    lab, start = either_lab, Barrier(3)
    lab.double()
    app = application(lab, tmp_path)
    for name in "abc":
        received(lab, app, name)
    lab.clock.advance(DAY + 1)
    made, now = lab.collector(), int(lab.clock.now)

    def look(_: int) -> None:
        start.wait(timeout=60)
        alerts.do_housekeeping(made.context, now=now, since=now)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(look, range(3)))
    assert ends(lab) == [now - DAY - 1] * 3
