"""Ticks of the odometer: what is allocated, what is burnt, and what nobody saw."""

import random

import pytest

from openstats.meters import USAGE_METERS
from openstats.model import EVERYTHING, Selection
from openstats.readings import Reading
from openstats.statistics import usage as statistic
from openstats.storage.entries.instances import INSTANCES
from openstats.storage.entries.pagination import read_one
from openstats.storage.registry import clouds
from openstats.storage.usage import members
from openstats.storage.usage import readings as reading_rows
from tests.collector.lab import LARGE, SMALL, Lab
from tests.collector.odd import of_item
from tests.collector.times import GRID, aligned, ticks
from tests.double import Double
from tests.double.state import Flavor, Server
from tests.dying import killing
from tests.edge import Refuse, Status

ALLOCATED = ("memory.allocated", "storage.allocated", "vcpu_hours.allocated")
CPU = "cpu.used"
DIAGNOSTICS = r"/servers/[^/]+/diagnostics"


@pytest.fixture
def settled(lab: Lab, alpha: Double) -> Double:
    """Give a cloud in which everything was read for the first time just now."""
    aligned(lab)
    assert lab.cycle() == []
    return alpha


def last(lab: Lab, item: str) -> Reading | None:
    with lab.store.read() as db:
        (cloud,) = clouds.clouds(db)
        return reading_rows.last(db, cloud, item)


def at(lab: Lab, item: str) -> list[int]:
    """Give when a meter was read, in grid steps before now."""
    now = int(lab.clock.now) // GRID * GRID
    rows = lab.sql(f"SELECT at FROM reading WHERE meter = '{item}' ORDER BY at")
    return [(now - row[0]) // GRID for row in rows]


def values(lab: Lab, item: str, steps: int = 1) -> dict[str, float | None]:
    """Give what each tenant used in so many grid steps before now; None where nobody knows."""
    now = int(lab.clock.now) // GRID * GRID
    edges = [now - steps * GRID, now]
    with lab.store.read() as db:
        found = members.read(db, EVERYTHING, Selection("project"))
        readings = reading_rows.around(db, set(found.clouds.tolist()), item, edges)
        names = dict(db.exec_driver_sql("SELECT p.uuid, p.keystone_id FROM project p").all())
    figures, known = statistic.values(USAGE_METERS[item], edges, found, readings)
    listed = zip(found.objects, figures[0].tolist(), known[0].tolist(), strict=True)
    return {names[of.uuid]: value if seen else None for of, value, seen in listed}


def servers_of(double: Double, tenant: str) -> list[Server]:
    return [s for s in double.state.servers.values() if s.tenant_id == tenant]


def emptied(lab: Lab, double: Double) -> str:
    """Delete the servers of a tenant, and return it."""
    tenant = next(iter(values(lab, CPU)))
    for server in servers_of(double, tenant):
        double.delete_server(server.id)
    return tenant


def lived(double: Double, tenant: str, begin: int, end: int) -> dict[str, float]:
    """Give vCPU-hours, and means in MiB, of all servers that a tenant ever had; volumes as now."""
    sums = dict.fromkeys(ALLOCATED, 0.0)
    for server in (*double.state.servers.values(), *double.state.deleted.values()):
        until = end if server.terminated is None else int(server.terminated)
        seconds = max(0, min(end, until) - max(begin, int(server.created)))
        if server.tenant_id == tenant:
            flavor = server.flavor
            local = server.image and not server.on_volume
            disk = (flavor.disk if local else 0) + flavor.ephemeral
            sums["memory.allocated"] += flavor.ram * seconds / (end - begin)
            sums["storage.allocated"] += (1024 * disk + flavor.swap) * seconds / (end - begin)
            sums["vcpu_hours.allocated"] += flavor.vcpus * seconds / 3600
    sizes = [v.size for v in double.state.volumes.values() if v.tenant_id == tenant]
    sums["storage.allocated"] += 1024 * sum(sizes)
    return sums


def check_allocated(lab: Lab, double: Double, steps: int = 1) -> None:
    now = int(lab.clock.now) // GRID * GRID
    for item in ALLOCATED:
        found = values(lab, item, steps)
        assert found
        for tenant, value in found.items():
            wanted = lived(double, tenant, now - steps * GRID, now)[item]
            assert value == pytest.approx(wanted, abs=1e-5)


def test_the_first_tick_begins(lab: Lab, settled: Double) -> None:
    for item in (*ALLOCATED, CPU):
        assert at(lab, item) == [0]
        assert set(values(lab, item).values()) == {None}


def test_allocated_usage_equals_the_inventory(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=GRID) == []
    check_allocated(lab, settled)
    tenants = list(values(lab, ALLOCATED[0]))
    settled.boot(tenants[0], LARGE)
    server = servers_of(settled, tenants[1])[0]
    settled.resize(server.id, LARGE)
    settled.delete_server(servers_of(settled, tenants[2])[0].id)
    settled.create_volume(tenants[3], 7)
    ticks(lab, 3)
    check_allocated(lab, settled)


def amount(lab: Lab, item: str, tenant: str) -> float:
    """Return what a tenant has had of a meter since its first reading, in units times seconds."""
    with lab.store.read() as db:
        (cloud,) = clouds.clouds(db)
        slot = reading_rows.slots(db, cloud, [tenant], 0)[tenant]
    reading = last(lab, item)
    assert reading
    return float(reading.totals[slot])


@pytest.mark.parametrize("then", ["stays", "is deleted", "is resized again", "is updated"])
def test_another_flavor_counts_from_when_the_server_changed(
    lab: Lab, settled: Double, then: str
) -> None:
    tenant = emptied(lab, settled)
    small, large, huge = Flavor("s", 2, 64, 0), Flavor("l", 4, 64, 0), Flavor("h", 16, 64, 0)
    server = settled.boot(tenant, small)
    ticks(lab, 3)
    before = amount(lab, "vcpu_hours.allocated", tenant)
    begin = int(lab.clock.now) // GRID * GRID
    lab.clock.now = begin + 224
    settled.resize(server.id, large)
    lab.clock.now = begin + GRID + 20
    assert lab.cycle("instances", "volumes", "usage") == []
    wanted = 2 * 224 + 4 * (GRID - 224)
    assert amount(lab, "vcpu_hours.allocated", tenant) - before == wanted
    if then == "is updated":
        server.updated = lab.clock.now
    lab.clock.now = begin + GRID + 100
    if then == "is deleted":
        settled.delete_server(server.id)
    if then == "is resized again":
        settled.resize(server.id, huge)
    for _ in range(2):
        aligned(lab)
        assert lab.cycle("instances", "volumes", "usage") == []
    later = {"is deleted": 0, "is resized again": 16}.get(then, 4)
    wanted += 4 * 100 + later * (2 * GRID - 100)
    assert amount(lab, "vcpu_hours.allocated", tenant) - before == wanted


def test_a_server_that_changes_twice_between_two_readings(lab: Lab, settled: Double) -> None:
    tenant = emptied(lab, settled)
    server = settled.boot(tenant, Flavor("s", 2, 64, 0))
    ticks(lab, 3)
    before = amount(lab, "vcpu_hours.allocated", tenant)
    begin = int(lab.clock.now) // GRID * GRID
    for moment, vcpus in ((60, 4), (120, 8), (180, 16)):
        lab.clock.now = begin + moment
        settled.resize(server.id, Flavor("other", vcpus, 64, 0))
        assert lab.cycle("instances", after=10) == []
    lab.clock.now = begin + 240
    settled.delete_server(server.id)
    for _ in range(2):
        aligned(lab)
        assert lab.cycle("instances", "volumes", "usage") == []
    wanted = 60 * (2 + 4 + 8 + 16)
    assert amount(lab, "vcpu_hours.allocated", tenant) - before == wanted


def test_other_volumes_count_from_the_poll_that_saw_them(lab: Lab, settled: Double) -> None:
    giver, taker = [*values(lab, CPU)][:2]
    volume = settled.create_volume(giver, 8)
    ticks(lab, 3)
    before = [amount(lab, "storage.allocated", tenant) for tenant in (giver, taker)]
    rates = [values(lab, "storage.allocated")[tenant] for tenant in (giver, taker)]
    begin = int(lab.clock.now) // GRID * GRID
    settled.delete_volume(volume.id)
    settled.create_volume(taker, 8)
    lab.clock.now = begin + GRID + 40
    for _ in range(2):
        assert lab.cycle("instances", "volumes", "usage") == []
        lab.clock.advance(GRID)
    after = [amount(lab, "storage.allocated", tenant) for tenant in (giver, taker)]
    # What was seen 40 s after a reading counts from then on, neither from it nor from the next.
    moved = 8 * 1024 * (GRID - 40)
    assert after[0] - before[0] == pytest.approx((rates[0] or 0) * 2 * GRID - moved)
    assert after[1] - before[1] == pytest.approx((rates[1] or 0) * 2 * GRID + moved)


@pytest.mark.parametrize("seed", range(4))
def test_allocated_is_the_naive_sum_over_all_that_ever_lived(
    lab: Lab, settled: Double, seed: int
) -> None:
    chance = random.Random(seed)
    tenants = [key for key in values(lab, CPU) if servers_of(settled, key)]
    for _ in range(6):
        for moment in sorted(chance.sample(range(GRID), 5)):
            lab.clock.now = lab.clock.now // GRID * GRID + moment
            tenant = chance.choice(tenants)
            mine = servers_of(settled, tenant)
            if chance.random() < 0.5 or not mine:
                settled.boot(tenant, chance.choice([SMALL, LARGE]))
            else:
                settled.delete_server(chance.choice(mine).id)
        lab.clock.now = lab.clock.now // GRID * GRID + GRID + 10
        assert lab.cycle("instances", "volumes", "usage") == []
        check_allocated(lab, settled)
    check_allocated(lab, settled, steps=6)


def test_a_root_on_a_volume_counts_once_though_there_is_an_image(lab: Lab, settled: Double) -> None:
    tenant = next(iter(values(lab, CPU)))
    booted = settled.boot(tenant, LARGE, on_volume=True)
    data = settled.boot(tenant, LARGE)
    settled.create_volume(tenant, 5, server=data.id)
    iso = settled.boot(tenant, LARGE)
    # Its root is a CD-ROM, /dev/hda; what it has as /dev/vda is data.
    settled.create_volume(tenant, 5, server=iso.id).device = "/dev/vda"
    iso.root_device = "/dev/hda"
    ticks(lab, 3)
    check_allocated(lab, settled)
    with lab.store.read() as db:
        keys = booted.id, data.id, iso.id
        instances = [read_one(db, INSTANCES, EVERYTHING, key) for key in keys]
    disks = {instance.uuid: instance.disk for instance in instances if instance}
    whole = 1024 * (LARGE.disk + LARGE.ephemeral) + LARGE.swap
    assert disks[booted.id] == whole - 1024 * LARGE.disk
    assert disks[data.id] == disks[iso.id] == whole
    settled.delete_server(booted.id)
    assert lab.cycle(after=GRID) == []
    check_allocated(lab, settled)


def test_a_tick_is_of_what_the_inventory_was_read_of(lab: Lab, settled: Double) -> None:
    """What came or went since is not known yet: the reading waits for it."""
    tenant = next(iter(values(lab, CPU)))
    assert lab.cycle("instances", "volumes", "usage", after=GRID - 30) == []
    assert at(lab, ALLOCATED[0])[-1] == 0
    server = settled.boot(tenant, LARGE)
    settled.delete_server(servers_of(settled, tenant)[0].id)
    assert lab.cycle("usage", after=40) == []
    assert at(lab, ALLOCATED[0])[-1] == 1
    lab.clock.advance(200)
    settled.delete_server(server.id)
    assert lab.cycle("instances", "volumes", "usage", after=50) == []
    assert at(lab, ALLOCATED[0])[-1] == 0
    check_allocated(lab, settled)


def test_a_server_that_is_restored_counts_once(lab: Lab, settled: Double) -> None:
    server = next(iter(settled.state.servers.values()))
    settled.set_status(server.id, "SOFT_DELETED")
    assert lab.cycle("instances", after=60) == []
    settled.set_status(server.id, "ACTIVE")
    assert lab.cycle("instances", "volumes", "usage", after=GRID - 60) == []
    check_allocated(lab, settled)


def test_servers_that_ended_are_forgotten_once_they_are_counted(lab: Lab, settled: Double) -> None:
    for key in list(settled.state.servers)[:3]:
        settled.delete_server(key)
    assert lab.cycle(after=GRID) == []
    assert lab.sql("SELECT count(*) FROM ended_instance") == [(3,)]
    ticks(lab, 5)
    assert lab.sql("SELECT count(*) FROM ended_instance") == [(0,)]


def test_a_deleted_server_without_its_flavor_is_gone_all_the_same(
    lab: Lab, settled: Double
) -> None:
    key = next(iter(settled.state.servers))
    settled.delete_server(key)
    with lab.edge.during("servers/detail", of_item("servers", key, flavor=None)):
        assert lab.cycle(after=GRID) == []
    assert lab.sql(f"SELECT count(*) FROM instance WHERE uuid = '{key}'") == [(0,)]


def test_a_stopped_server_keeps_what_it_has_and_burns_nothing(lab: Lab, settled: Double) -> None:
    for key in settled.state.servers:
        settled.set_status(key, "SHUTOFF")
    ticks(lab, 2)
    check_allocated(lab, settled)
    assert lab.asked(DIAGNOSTICS) == 0
    assert set(values(lab, CPU).values()) == {0}


def test_cpu_is_what_is_burnt_of_what_runs(lab: Lab, settled: Double) -> None:
    shares = {}
    for i, tenant in enumerate(values(lab, CPU)):
        for server in servers_of(settled, tenant):
            server.burn = (i + 1) / 10
            shares[tenant] = 100 * server.burn
    # Counters are lifelong: the first tick after a change sees a jump of all their past.
    ticks(lab, 2)
    assert values(lab, CPU) == pytest.approx(shares, abs=1e-3)
    assert lab.asked(DIAGNOSTICS) == len(settled.state.servers)


def test_large_servers_weigh_more(lab: Lab, settled: Double) -> None:
    tenant = emptied(lab, settled)
    settled.boot(tenant, Flavor("c3", 3, 512, 1)).burn = 0.5
    settled.boot(tenant, SMALL).burn = 0.1
    ticks(lab, 2)
    assert values(lab, CPU)[tenant] == pytest.approx(100 * (3 * 0.5 + 0.1) / 4, abs=1e-3)


def test_a_counter_that_began_anew_says_nothing_of_before(lab: Lab, settled: Double) -> None:
    tenant = next(iter(values(lab, CPU)))
    assert lab.cycle(after=GRID) == []
    lab.clock.advance(100)
    for server in servers_of(settled, tenant):
        server.started = lab.clock.now
    assert lab.cycle(after=GRID - 100) == []
    assert values(lab, CPU)[tenant] == 0
    assert lab.cycle(after=GRID) == []
    assert values(lab, CPU)[tenant] == pytest.approx(25, abs=1e-3)


def test_a_counter_that_was_resized_says_nothing(lab: Lab, settled: Double) -> None:
    """It would be 100 %: a server that burns a quarter of 4 vCPUs from its very beginning."""
    tenant = next(iter(values(lab, CPU)))
    resized, *others = servers_of(settled, tenant)
    for server in others:
        settled.delete_server(server.id)
    resized.flavor, resized.burn = SMALL, 0.5
    steady = settled.boot(tenant, SMALL)
    ticks(lab, 2)
    settled.resize(resized.id, LARGE)
    steady.burn = 0.1
    steady.started = lab.clock.now
    ticks(lab, 2)
    assert values(lab, CPU)[tenant] == pytest.approx(100 * (4 * 0.5 + 0.1) / 5, abs=1e-3)
    assert values(lab, CPU, steps=2)[tenant] < 50


@pytest.mark.parametrize("jump", [3600, 86400 * 365])
def test_a_rise_that_is_impossible_is_not_believed(lab: Lab, settled: Double, jump: int) -> None:
    tenant = next(iter(values(lab, CPU)))
    assert lab.cycle(after=GRID) == []
    before = last(lab, CPU)
    servers = servers_of(settled, tenant)
    for server in servers:
        server.started = server.created - 4 * jump
    assert lab.cycle(after=GRID) == []
    after = last(lab, CPU)
    assert before
    assert after
    vcpus = sum(s.flavor.vcpus for s in settled.state.servers.values() if s not in servers)
    gained = after.totals - before.totals[: len(after.totals)]
    assert gained.sum() == pytest.approx(0.25 * vcpus * GRID, rel=1e-6)
    assert (after.weights - before.weights)[1:].sum() == pytest.approx(vcpus * GRID, rel=1e-6)
    assert lab.cycle(after=GRID) == []
    assert values(lab, CPU)[tenant] == pytest.approx(25, abs=1e-3)


def test_one_server_that_does_not_answer_is_caught_up_with(lab: Lab, settled: Double) -> None:
    server = next(iter(settled.state.servers.values()))
    with lab.edge.during(rf"/servers/{server.id}/diagnostics", Status(500)):
        (said,) = lab.cycle(after=GRID)
        assert "diagnostics of 1 of 10 servers" in said
    # Nothing is due in the same step of the grid: that is no success.
    assert lab.cycle("usage", after=60) == [said]
    assert lab.cycle(after=GRID - 60) == []
    total = last(lab, CPU)
    assert total
    vcpus = sum(s.flavor.vcpus for s in settled.state.servers.values())
    assert total.totals.sum() == pytest.approx(vcpus * 0.25 * 2 * GRID, rel=1e-6)
    assert total.weights[1:].sum() == pytest.approx(vcpus * 2 * GRID, rel=1e-6)


def test_a_server_that_was_silent_for_long_says_nothing_of_before(
    lab: Lab, settled: Double
) -> None:
    server = next(iter(settled.state.servers.values()))
    vcpus = sum(s.flavor.vcpus for s in settled.state.servers.values())
    with lab.edge.during(rf"/servers/{server.id}/diagnostics", Status(500)):
        for _ in range(4):
            lab.cycle(after=GRID)
    assert lab.cycle(after=GRID) == []
    total = last(lab, CPU)
    assert total
    lost = server.flavor.vcpus * 5
    assert total.weights[1:].sum() == pytest.approx((vcpus * 5 - lost) * GRID, rel=1e-6)


def test_no_server_answers(lab: Lab, settled: Double) -> None:
    with lab.edge.during(DIAGNOSTICS, Status(503)):
        (said,) = lab.cycle(after=GRID)
    assert "HTTP 503" in said
    assert at(lab, CPU) == [1]
    # What is allocated is known all the same.
    assert at(lab, ALLOCATED[0]) == [1, 0]


def test_a_driver_that_has_no_diagnostics(lab: Lab, settled: Double) -> None:
    with lab.edge.during(DIAGNOSTICS, Status(501)):
        assert lab.cycle(after=GRID) == []
    assert set(values(lab, CPU).values()) == {0}


def known_cpu(lab: Lab) -> dict[str, bool]:
    """Give of which tenants the CPU use in the last step is known."""
    now = int(lab.clock.now) // GRID * GRID
    edges = [now - GRID, now]
    with lab.store.read() as db:
        found = members.read(db, EVERYTHING, Selection("project"))
        read, seen = (reading_rows.around(db, [1], name, edges) for name in (CPU, "cpu.observed"))
        names = dict(db.exec_driver_sql("SELECT p.uuid, p.keystone_id FROM project p").all())
    _, known = statistic.values(USAGE_METERS[CPU], edges, found, read, seen)
    return {names[of.uuid]: seen for of, seen in zip(found.objects, known[0].tolist(), strict=True)}


def test_cpu_of_servers_that_are_not_measured_is_not_known(lab: Lab, settled: Double) -> None:
    tenants = list(values(lab, CPU))
    stopped, unmeasured = tenants[0], tenants[1]
    for server in servers_of(settled, stopped):
        settled.set_status(server.id, "SHUTOFF")
    silent = "|".join(server.id for server in servers_of(settled, unmeasured))
    with lab.edge.during(rf"/servers/({silent})/diagnostics", Status(501)):
        for _ in range(2):
            assert lab.cycle(after=GRID) == []
    assert known_cpu(lab) == dict.fromkeys(tenants, True) | {unmeasured: False}
    ticks(lab, 2)
    assert all(known_cpu(lab).values())


def test_too_many_servers_are_not_asked(lab: Lab, alpha: Double) -> None:
    lab.use(usage__diagnostics_max_instances=9)
    assert lab.cycle() == []
    assert lab.cycle(after=GRID) == []
    assert lab.asked(DIAGNOSTICS) == 0
    assert at(lab, CPU) == []
    assert at(lab, ALLOCATED[0]) == [1, 0]


def test_two_polls_in_one_step_of_the_grid_are_one_tick(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=GRID) == []
    assert lab.cycle(after=60) == []
    assert at(lab, ALLOCATED[0]) == at(lab, CPU) == [1, 0]
    assert lab.asked(DIAGNOSTICS) == 0


def test_ticks_are_on_the_grid_and_shortly_after_it(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=100) == []
    due = lab.job("usage", "next_at")
    assert lab.clock.now < due <= lab.clock.now // GRID * GRID + GRID + 60


def test_recent_inventory_stands_in_while_nova_is_unreachable(lab: Lab, settled: Double) -> None:
    with lab.edge.during("/compute/", Refuse()):
        for _ in range(2):
            lab.cycle(after=GRID)
    assert at(lab, ALLOCATED[0]) == [2, 1, 0]
    check_allocated(lab, settled, steps=2)


def test_a_cloud_that_was_down_for_long_leaves_a_gap(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=GRID) == []
    before = last(lab, ALLOCATED[0])
    with lab.edge.during("/compute/", Refuse()):
        for _ in range(15):
            lab.cycle(after=GRID)
    assert lab.cycle(after=GRID) == []
    after = last(lab, ALLOCATED[0])
    assert before
    assert after
    # Three ticks stood, the rest is nobody's.
    assert at(lab, ALLOCATED[0]) == [17, 16, 15, 14, 13, 0]
    assert after.weights[0] == before.weights[0] + 3 * GRID
    assert set(values(lab, ALLOCATED[0], steps=10).values()) == {None}
    kept = lab.sql("SELECT count(*) FROM reading WHERE kept AND meter = 'memory.allocated'")
    assert kept == [(2,)]
    assert lab.cycle(after=GRID) == []
    check_allocated(lab, settled)


@pytest.mark.parametrize("step", [-3600, -90, 90, 600, 86400])
def test_a_clock_that_is_set_makes_a_gap(lab: Lab, settled: Double, step: int) -> None:
    assert lab.cycle(after=GRID) == []
    weighed = last(lab, ALLOCATED[0])
    assert weighed
    lab.clock.step(step)
    # However far it was put back, there comes the time when it is later than ever.
    for _ in range(14 if step < -90 else 2):
        lab.cycle(after=GRID)
    found = last(lab, ALLOCATED[0])
    assert found
    assert found.at > weighed.at
    assert found.weights[0] - weighed.weights[0] <= GRID * 2


def test_a_tenant_that_left_keeps_its_past(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=GRID) == []
    tenant = next(iter(values(lab, ALLOCATED[0])))
    used = values(lab, ALLOCATED[0])[tenant]
    settled.delete_project(tenant)
    for _ in range(2):
        lab.cycle("discovery", after=60)
    assert lab.sql("SELECT count(*) FROM tenant WHERE deleted_at IS NOT NULL") == [(1,)]
    lab.clock.advance(-120)
    assert values(lab, ALLOCATED[0])[tenant] == used


def test_old_readings_are_thinned(lab: Lab, settled: Double) -> None:
    for _ in range(30):
        lab.cycle("instances", "volumes", "usage", after=GRID)
    before = values(lab, ALLOCATED[0], steps=24)
    lab.clock.advance(3 * 86400)
    lab.cycle("instances", "volumes", "usage")
    assert len(at(lab, ALLOCATED[0])) <= 7
    lab.clock.advance(-3 * 86400)
    assert values(lab, ALLOCATED[0], steps=24) == before


def test_a_tick_that_is_killed_anywhere_counts_nothing_twice_and_loses_nothing(
    lab: Lab, settled: Double
) -> None:
    vcpus = sum(server.flavor.vcpus for server in settled.state.servers.values())
    begun = last(lab, CPU)
    assert begun
    number, killed = 0, True
    given = str(lab.store.url), str(lab.directory)
    with killing("tests.collector.dying", *given) as killed_at:
        while killed:
            number += 1
            lab.cycle("instances", "volumes", after=GRID)
            killed = killed_at(lab.clock.now, number)
            # The lease of the dead runs out, and another takes its work over.
            assert lab.cycle("usage", after=61) == []
            lab.clock.advance(-61)
            for item in (*ALLOCATED, CPU):
                found = last(lab, item)
                assert found
                assert found.weights[0] == number * GRID
            check_allocated(lab, settled, steps=number)
            burnt = last(lab, CPU)
            assert burnt
            # The counter was asked for up to 61 seconds later than the grid says.
            assert abs(burnt.totals.sum() - 0.25 * vcpus * number * GRID) <= 0.25 * vcpus * 61
    assert number > 20
