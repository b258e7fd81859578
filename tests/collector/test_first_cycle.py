"""The first cycle, on each kind of store: afterwards the store knows what the cloud knows."""

from tests.collector import expected
from tests.collector.lab import LARGE, SMALL, Lab
from tests.double import Size

MANY = Size(projects=5, servers=23, volumes=11, hypervisors=3, snapshots=4)


def test_everything_is_known(either_lab: Lab) -> None:
    double = either_lab.double(size=MANY, max_limit=4)
    for tenant in list(double.state.projects)[2:4]:
        double.set_quota(tenant, cores=-1, gigabytes=-1, ram=0)
    assert either_lab.cycle() == []
    assert expected.known_quotas(either_lab.store) == expected.quotas(double)
    read = {"source": "nova", "at": either_lab.clock.now}
    assert expected.known_capacity(either_lab.store, double) == expected.capacities(double) | read
    assert expected.servers(either_lab.store) == set(double.state.servers)
    assert expected.customers(either_lab.store) == {
        "customer-0000": (3, 0, 14),
        "customer-0001": (2, 0, 9),
    }
    # 23 servers and 11 volumes in pages of four; one more that is empty where the last was full.
    assert either_lab.asked("servers/detail") == 6
    assert either_lab.asked(r"volumes/detail\S*limit=1000") == 3
    assert either_lab.asked(r"snapshots/detail\S*limit=1000") == 2


def test_every_second_cycle_follows_the_cloud(either_lab: Lab) -> None:
    double = either_lab.double()
    either_lab.cycle()
    one, other = list(double.state.projects)[2:4]
    gone = next(key for key, s in double.state.servers.items() if s.tenant_id == one)
    double.delete_server(gone)
    double.boot(other, LARGE)
    double.boot(one, SMALL, image=None)
    double.extend_volume(next(iter(double.state.volumes)), 77)
    double.create_project("late", next(iter(double.state.domains)))
    double.disable_service("compute-0001")
    assert either_lab.cycle(after=600) == []
    assert expected.known_quotas(either_lab.store) == expected.quotas(double)
    assert expected.servers(either_lab.store) == set(double.state.servers)
    known = expected.known_capacity(either_lab.store, double)
    assert known.items() >= expected.capacities(double).items()


def test_page_size_is_what_is_asked_for(lab: Lab) -> None:
    double = lab.double(size=MANY)
    lab.use(page_size=7)
    assert lab.cycle() == []
    assert lab.asked(r"servers/detail\S*limit=7") == 4
    assert expected.servers(lab.store) == set(double.state.servers)


def test_progress_is_shown(lab: Lab) -> None:
    lab.double(size=MANY)
    steps: list[tuple[str, str, int, int | None]] = []
    lab.collector(page_size=10, progress=lambda *step: steps.append(step)).cycle()
    assert [step for step in steps if step[1] == "servers"] == [
        ("alpha", "servers", number, None) for number in (10, 20, 23)
    ]
    assert ("alpha", "projects", 7, 7) in steps
    assert ("alpha", "quotas", 5, 5) in steps
