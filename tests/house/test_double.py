"""The double, asked by the clients that openstats uses, at the microversions that it asks for."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cinderclient.client
import keystoneclient.v3.client
import novaclient.client
import novaclient.exceptions
import pytest
from keystoneauth1 import adapter, exceptions, loading, session

from tests.double import ADMIN_PROJECT, Double, Flavor, Settings, Size, populate
from tests.double.shape import CALLS, Shape, differences, shape
from tests.double.times import micro, second_z

SMALL = Flavor("m1.small", 1, 2048, 20)
LARGE = Flavor("m1.large", 4, 8192, 80, ephemeral=10, swap=1025)
ALL = {"all_tenants": 1}


class Clock:
    """The time, and as much ahead as a test says."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def double(clock: Clock) -> Iterator[Double]:
    with Double(clock=clock) as double:
        populate(double, Size(projects=4, servers=10, volumes=6, hypervisors=2, snapshots=1))
        yield double


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NOVACLIENT_UUID_CACHE_DIR", str(tmp_path))


def signed_in(double: Double, **changes: str) -> session.Session:
    auth = double.clouds_entry()["auth"] | changes
    return session.Session(loading.get_plugin_loader("password").load_from_options(**auth))


def nova_of(double: Double, version: str = "2.87") -> novaclient.client.Client:
    return novaclient.client.Client(version, session=signed_in(double))


def cinder_of(double: Double, version: str = "3.70") -> cinderclient.client.Client:
    return cinderclient.client.Client(version, session=signed_in(double))


def placement_of(double: Double, version: str = "1.36") -> adapter.Adapter:
    return adapter.Adapter(
        signed_in(double), service_type="placement", default_microversion=version
    )


def tenant_of(double: Double) -> str:
    return next(iter(double.state.servers.values())).tenant_id


def test_keystone_lists_domains_and_projects(double: Double) -> None:
    keystone = keystoneclient.v3.client.Client(session=signed_in(double))
    added = double.create_project("tagged", tags=["openstats:group=a"])
    assert {each.name for each in keystone.domains.list()} == {
        "Default",
        "customer-0000",
        "customer-0001",
    }
    assert len(keystone.projects.list()) == 4 + 2 + 1
    assert keystone.projects.get(added.id).tags == ["openstats:group=a"]
    assert [each.id for each in keystone.projects.list(tags="openstats:group=a")] == [added.id]
    double.delete_project(added.id)
    with pytest.raises(exceptions.NotFound):
        keystone.projects.get(added.id)


def test_wrong_password_is_unauthorized(double: Double) -> None:
    with pytest.raises(exceptions.Unauthorized):
        signed_in(double, password="wrong").get_token()


def test_a_revoked_token_is_renewed_by_the_session(double: Double) -> None:
    keystone = keystoneclient.v3.client.Client(session=signed_in(double))
    nova = novaclient.client.Client("2.87", session=keystone.session)
    before = keystone.session.get_token()
    double.revoke_tokens()
    assert nova.hypervisor_stats.statistics().count == 2
    assert keystone.session.get_token() != before


def test_tokens_expire_by_the_clock(clock: Clock) -> None:
    with Double(clock=clock, settings=Settings(token_lifetime=600)) as double:
        signed = signed_in(double)
        first = signed.get_token()
        clock.ahead = 601
        url = f"{double.auth_url}/projects"
        with pytest.raises(exceptions.Unauthorized):
            session.Session().get(url, headers={"X-Auth-Token": first})
        assert signed.get(url).status_code == 200


@pytest.mark.parametrize(
    ("service", "lowest", "highest"),
    [
        ("compute", (2, 1), (2, 96)),
        ("block-storage", (3, 0), (3, 70)),
        ("placement", (1, 0), (1, 39)),
        ("identity", None, None),
    ],
)
def test_versions_are_discovered(
    double: Double, service: str, lowest: object, highest: object
) -> None:
    data = adapter.Adapter(signed_in(double), service_type=service).get_endpoint_data()
    assert (data.min_microversion, data.max_microversion) == (lowest, highest)


def test_catalog_may_say_volumev3() -> None:
    settings = Settings(volume_catalog=("volumev3",), volume_project_in_url=False)
    with Double(settings=settings) as double:
        assert cinder_of(double).volumes.list(search_opts=ALL) == []
        catalog = signed_in(double).auth.get_access(signed_in(double)).service_catalog
        assert set(catalog.get_endpoints()) == {"identity", "compute", "placement", "volumev3"}


def test_a_microversion_out_of_range_is_not_acceptable(double: Double) -> None:
    for service, version in (("compute", "2.97"), ("block-storage", "3.71"), ("placement", "1.40")):
        asked = adapter.Adapter(signed_in(double), service_type=service)
        path = {"placement": "/resource_providers"}.get(service, "/os-quota-sets/x")
        with pytest.raises(exceptions.NotAcceptable):
            asked.get(path, microversion=version)


def test_servers_come_in_pages_by_marker() -> None:
    with Double(settings=Settings(max_limit=4)) as double:
        populate(double, Size(projects=3, servers=10))
        nova, seen, marker = nova_of(double), [], None
        while page := nova.servers.list(search_opts=ALL, limit=1000, marker=marker):
            assert len(page) <= 4
            seen += [each.id for each in page]
            marker = seen[-1]
            if len(seen) == 4:
                # A marker stays good when its server goes.
                double.delete_server(marker)
        assert len(seen) == len(set(seen)) == 10
        ordered = [double.state.servers.get(each) or double.state.deleted[each] for each in seen]
        assert ordered == sorted(ordered, key=lambda each: -each.created)


def test_the_next_link_is_there_when_the_page_is_full(double: Double) -> None:
    compute = adapter.Adapter(signed_in(double), service_type="compute")
    full = compute.get("/servers/detail?all_tenants=1&limit=10").json()
    assert full["servers_links"][0]["rel"] == "next"
    assert compute.get(full["servers_links"][0]["href"]).json() == {"servers": []}
    assert "servers_links" not in compute.get("/servers/detail?all_tenants=1&limit=11").json()


def test_flavors_are_embedded_from_2_47(double: Double) -> None:
    new, old = nova_of(double), nova_of(double, "2.46")
    server = new.servers.list(search_opts=ALL, limit=1)[0]
    assert server.flavor["vcpus"] == double.state.servers[server.id].flavor.vcpus
    assert set(old.servers.get(server.id).flavor) == {"id", "links"}


def test_changes_since_tells_the_deleted(double: Double, clock: Clock) -> None:
    nova = nova_of(double)
    since = second_z(double.clock() + 1)
    assert nova.servers.list(search_opts={**ALL, "changes-since": since}) == []
    gone, stopped = list(double.state.servers)[:2]
    clock.ahead = 2
    double.delete_server(gone)
    double.set_status(stopped, "SHUTOFF")
    changed = nova.servers.list(search_opts={**ALL, "changes-since": since})
    assert {each.id: each.status for each in changed} == {gone: "DELETED", stopped: "SHUTOFF"}
    assert len(nova.servers.list(search_opts=ALL)) == 9
    with pytest.raises(novaclient.exceptions.NotFound):
        nova.servers.get(gone)


def test_unknown_parameters_and_markers_are_bad_requests(double: Double) -> None:
    nova = nova_of(double)
    for options in (
        {"search_opts": {"changed": "x"}},
        {"marker": "nobody"},
        {"search_opts": {"changes-since": "yesterday"}},
    ):
        with pytest.raises(novaclient.exceptions.BadRequest):
            nova.servers.list(**options)


def test_a_down_cell_shows_minimal_servers_only_without_parameters(double: Double) -> None:
    far = double.add_hypervisor("far", cell="cell2")
    lost = double.boot(tenant_of(double), SMALL, hypervisor=far.id)
    double.set_cell_down("cell2")
    compute = adapter.Adapter(signed_in(double), service_type="compute")
    whole = compute.get("/servers/detail?all_tenants=1", microversion="2.69").json()["servers"]
    unknown = [each for each in whole if each["status"] == "UNKNOWN"]
    assert [each["id"] for each in unknown] == [lost.id]
    assert set(unknown[0]) == {"id", "status", "tenant_id", "created", "links"}
    for query, version in (("all_tenants=1&limit=100", "2.87"), ("all_tenants=1", "2.68")):
        listed = compute.get(f"/servers/detail?{query}", microversion=version).json()
        assert len(listed["servers"]) == 10
    assert nova_of(double).servers.get(lost.id).flavor["original_name"] == "m1.small"
    use = nova_of(double).quotas.get(lost.tenant_id, detail=True).instances["in_use"]
    double.set_cell_down("cell2", down=False)
    assert nova_of(double).quotas.get(lost.tenant_id, detail=True).instances["in_use"] == use + 1


def test_statistics_leave_disabled_services_out(double: Double) -> None:
    nova = nova_of(double)
    both = nova.hypervisor_stats.statistics()
    listed = nova.hypervisors.list(detailed=True)
    for name in ("vcpus", "vcpus_used", "memory_mb_used", "free_ram_mb", "free_disk_gb"):
        assert getattr(both, name) == sum(getattr(each, name) for each in listed)
    double.disable_service(listed[0].hypervisor_hostname, "repair")
    assert nova.hypervisor_stats.statistics().vcpus == listed[1].vcpus
    assert {each.status for each in nova.hypervisors.list(detailed=True)} == {"enabled", "disabled"}
    disabled = [each for each in nova.services.list() if each.status == "disabled"]
    assert [(each.binary, each.disabled_reason) for each in disabled] == [
        ("nova-compute", "repair")
    ]


def test_statistics_end_with_2_88(double: Double) -> None:
    compute = adapter.Adapter(signed_in(double), service_type="compute")
    with pytest.raises(exceptions.NotFound):
        compute.get("/os-hypervisors/statistics", microversion="2.88")
    detail = compute.get("/os-hypervisors/detail", microversion="2.88").json()["hypervisors"][0]
    assert detail["uptime"] is None
    assert "vcpus" not in detail


def test_nova_quota_follows_the_servers(double: Double) -> None:
    nova, tenant = nova_of(double), double.create_project("quota").id
    server = double.boot(tenant, SMALL)
    double.boot(tenant, SMALL)
    double.resize(server.id, LARGE)
    double.set_quota(tenant, cores=-1)
    quota = nova.quotas.get(tenant, detail=True)
    assert quota.cores == {"limit": -1, "in_use": 5, "reserved": 0}
    assert (quota.instances["in_use"], quota.ram["in_use"]) == (2, 10240)
    double.set_status(server.id, "SOFT_DELETED")
    assert nova.quotas.get(tenant, detail=True).cores["in_use"] == 1
    double.delete_server(server.id)
    assert nova.quotas.get(tenant, detail=True).cores["in_use"] == 1
    with pytest.raises(novaclient.exceptions.BadRequest):
        nova.quotas.get("0" * 32, detail=True)


def test_placement_agrees_with_nova(double: Double) -> None:
    nova, placement = nova_of(double), placement_of(double)
    double.boot(tenant_of(double), LARGE, image=None)
    for each in nova.hypervisors.list(detailed=True):
        path = f"/resource_providers/{each.id}"
        held = placement.get(f"{path}/inventories").json()["inventories"]
        used = placement.get(f"{path}/usages").json()["usages"]
        assert (held["VCPU"]["total"], used["VCPU"]) == (each.vcpus, each.vcpus_used)
        assert used["MEMORY_MB"] + held["MEMORY_MB"]["reserved"] == each.memory_mb_used
        assert used["DISK_GB"] == each.local_gb_used
        assert "COMPUTE_NODE" in placement.get(f"{path}/traits").json()["traits"]


def test_a_boot_raises_the_generation_and_a_delete_does_not(double: Double) -> None:
    placement = placement_of(double)

    def generations() -> dict[str, int]:
        listed = placement.get("/resource_providers").json()["resource_providers"]
        return {each["uuid"]: each["generation"] for each in listed}

    before = generations()
    server = double.boot(tenant_of(double), SMALL)
    after = before | {server.hypervisor_id: before[server.hypervisor_id] + 1}
    assert generations() == after
    double.delete_server(server.id)
    assert generations() == after


def test_providers_are_chosen_by_trait_and_tree(double: Double) -> None:
    placement, root = placement_of(double), next(iter(double.state.hypervisors.values()))
    child = double.add_provider("gpu", {}, {"CUSTOM_GPU"}, parent=root.id)
    double.disable_service(root.host)

    def uuids(query: str) -> set[str]:
        listed = placement.get(f"/resource_providers?{query}").json()["resource_providers"]
        return {each["uuid"] for each in listed}

    assert uuids(f"in_tree={root.id}") == {root.id, child.id}
    assert uuids("required=COMPUTE_STATUS_DISABLED") == {root.id}
    assert uuids("required=CUSTOM_GPU,!COMPUTE_NODE") == {child.id}
    assert placement.get(f"/resource_providers/{child.id}").json()["root_provider_uuid"] == root.id
    with pytest.raises(exceptions.BadRequest):
        uuids("required=CUSTOM_NOBODY")


def test_volumes_come_in_pages(double: Double) -> None:
    cinder = cinder_of(double)
    # With limit and no marker cinderclient follows the links itself, as long as they last.
    assert len(cinder.volumes.list(search_opts=ALL)) == 6
    first = cinder.volumes.list(search_opts=ALL, limit=4)
    rest = cinder.volumes.list(search_opts=ALL, limit=4, marker=first[-1].id)
    assert {each.id for each in (*first, *rest)} == double.state.volumes.keys()
    listed = cinder.volumes.list(search_opts=ALL, sort="size:asc")
    assert [each.size for each in listed] == sorted(each.size for each in listed)
    counted = (
        adapter.Adapter(signed_in(double), service_type="block-storage")
        .get("/volumes/detail?all_tenants=1&with_count=true&limit=2", microversion="3.70")
        .json()
    )
    assert (counted["count"], len(counted["volumes"])) == (6, 2)


def test_volumes_by_the_time_of_their_change(double: Double, clock: Clock) -> None:
    cinder = cinder_of(double)
    clock.ahead = 100
    changed = next(iter(double.state.volumes))
    double.extend_volume(changed, 50)
    at = double.state.volumes[changed].updated_at

    def ids(condition: str, version: str = "3.70") -> list[str]:
        block = adapter.Adapter(cinder.client.session, service_type="block-storage")
        query = f"all_tenants=1&updated_at={condition}"
        return [
            each["id"]
            for each in block.get(f"/volumes/detail?{query}", microversion=version).json()[
                "volumes"
            ]
        ]

    assert ids(f"gte:{micro(at)}") == [changed]
    assert ids(f"gt:{micro(at)}") == []
    assert len(ids(f"gt:{micro(at)}", "3.30")) == 6
    assert len(ids(f"gt:{micro(at)}&unknown=1")) == 0
    with pytest.raises(exceptions.BadRequest):
        ids("since:2026-01-01")


def test_cinder_quota_summary_and_pool_follow_the_volumes(double: Double) -> None:
    cinder, tenant = cinder_of(double), double.create_project("quota").id
    volume = double.create_volume(tenant, 5)
    double.create_snapshot(volume.id)
    double.delete_volume(double.create_volume(tenant, 7).id)
    double.set_quota(tenant, gigabytes=-1)
    quota = cinder.quotas.get(tenant, usage=True)
    assert quota.gigabytes == {"limit": -1, "in_use": 10, "reserved": 0}
    assert (quota.volumes["in_use"], quota.snapshots["in_use"]) == (1, 1)
    assert quota.gigabytes_fake["in_use"] == 10
    assert cinder.quotas.get("0" * 32, usage=True).gigabytes["limit"] == 1000
    summary = (
        adapter.Adapter(signed_in(double), service_type="block-storage")
        .get("/volumes/summary?all_tenants=1", microversion="3.12")
        .json()["volume-summary"]
    )
    total = sum(each.size for each in double.state.volumes.values())
    assert summary == {"total_count": 7, "total_size": total}
    pool = cinder.pools.list(detailed=True)[0]
    assert pool.allocated_capacity_gb == total + sum(
        each.size for each in double.state.snapshots.values()
    )
    assert {each.name for each in cinder.volume_types.list()} == {"fake", "__DEFAULT__"}
    assert len(cinder.volume_snapshots.list(search_opts=ALL)) == 2


def test_an_attached_volume_goes_with_its_server_only_by_the_attachment(double: Double) -> None:
    server = next(iter(double.state.servers))
    volume = double.create_volume(ADMIN_PROJECT, 3, server=server)
    nova, cinder = nova_of(double), cinder_of(double)
    shown = getattr(nova.servers.get(server), "os-extended-volumes:volumes_attached")
    assert [each["id"] for each in shown] == [volume.id]
    double.delete_server(server)
    listed = {each.id: each for each in cinder.volumes.list(search_opts=ALL)}
    assert (listed[volume.id].status, listed[volume.id].attachments) == ("available", [])


def test_a_second_region_shares_keystone(double: Double) -> None:
    with Double(settings=Settings(region="RegionTwo"), identity=double) as other:
        other.add_hypervisor("far")
        other.boot(ADMIN_PROJECT, SMALL)
        assert other.auth_url == double.auth_url
        for region, count in (("RegionOne", 2), ("RegionTwo", 1)):
            nova = novaclient.client.Client("2.87", session=signed_in(double), region_name=region)
            assert nova.hypervisor_stats.statistics().count == count


def test_a_stopped_double_refuses_and_comes_back_at_its_port(double: Double) -> None:
    signed, url = signed_in(double), f"{double.auth_url}/projects"
    assert signed.get(url).status_code == 200
    double.stop()
    with pytest.raises(exceptions.ConnectFailure):
        signed.get(url)
    double.start()
    assert signed.get(url).status_code == 200


def test_latency_is_waited_out_side_by_side(double: Double) -> None:
    signed, url = signed_in(double), f"{double.auth_url}/projects"
    signed.get_token()
    double.latency = 0.2
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: signed.get(url).status_code, range(8)))
    assert statuses == [200] * 8
    # One after the other would be 1.6 s.
    assert 0.2 <= time.monotonic() - began < 1.4


def test_the_process_answers_and_is_touched() -> None:
    command = [sys.executable, "-m", "tests.double", "--projects", "3", "--servers", "6"]
    root = Path(__file__).parents[2]
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with subprocess.Popen(
        command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            auth_url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/identity/v3", auth_url)
            assert order(auth_url, "touch", {"tenants": 2, "boot": 2, "create_volumes": 1})
            told = order(auth_url, "state", {})
            assert (told["servers"], told["volumes"]) == (10, 22)
        finally:
            process.terminate()
    assert process.returncode == 0


# As a real cloud answered (nova 34.0.0, cinder 29.0.0, placement 16.0.0).
RECORDED = {
    "statistics": """{"hypervisor_statistics": {"count": 20, "current_workload": 0,
        "disk_available_least": 0, "free_disk_gb": 72950, "free_ram_mb": 4490240,
        "local_gb": 80000, "local_gb_used": 7050, "memory_mb": 5242880, "memory_mb_used": 752640,
        "running_vms": 200, "vcpus": 1280, "vcpus_used": 400}}""",
    "nova quota": """{"quota_set": {"id": "0eafd1fe277743159bdcb05b2f275e50",
        "cores": {"limit": 440, "in_use": 20, "reserved": 0},
        "instances": {"limit": 140, "in_use": 5, "reserved": 0},
        "key_pairs": {"limit": 100, "in_use": 0, "reserved": 0},
        "metadata_items": {"limit": 128, "in_use": 0, "reserved": 0},
        "ram": {"limit": 860160, "in_use": 40960, "reserved": 0},
        "server_group_members": {"limit": 10, "in_use": 0, "reserved": 0},
        "server_groups": {"limit": 10, "in_use": 0, "reserved": 0}}}""",
    "inventories": """{"resource_provider_generation": 13, "inventories": {"VCPU": {"total": 64,
        "reserved": 0, "min_unit": 1, "max_unit": 64, "step_size": 1, "allocation_ratio": 4.0},
        "MEMORY_MB": {"total": 262144, "reserved": 512, "min_unit": 1, "max_unit": 262144,
        "step_size": 1, "allocation_ratio": 1.0}}}""",
    "usages": """{"resource_provider_generation": 13,
        "usages": {"VCPU": 22, "MEMORY_MB": 40448, "DISK_GB": 383}}""",
    "pools": """{"pools": [{"name": "A-vol@fake#fake", "capabilities": {"pool_name": "fake",
        "total_capacity_gb": 20000.0, "free_capacity_gb": 19820.0, "allocated_capacity_gb": 180,
        "provisioned_capacity_gb": 180, "reserved_percentage": 0,
        "max_over_subscription_ratio": "1.0", "thin_provisioning_support": false,
        "thick_provisioning_support": true, "total_volumes": 60, "QoS_support": false,
        "multiattach": true, "location_info": "devcloud:fake", "cacheable": true,
        "volume_backend_name": "fake", "storage_protocol": "iSCSI", "vendor_name": "devcloud",
        "driver_version": "3.0.0", "timestamp": "2026-11-23T13:19:50.209358",
        "filter_function": null, "goodness_function": null}}]}""",
}


def answer_of(double: Double, name: str) -> dict:
    call = CALLS[name]
    asked = adapter.Adapter(signed_in(double), service_type=call.service)
    provider = next(iter(double.state.hypervisors))
    server = next(iter(double.state.servers))
    path = call.path.format(tenant=tenant_of(double), provider=provider, server=server)
    return asked.get(path, microversion=call.version).json()


@pytest.mark.parametrize("name", CALLS)
def test_every_call_has_the_keys_that_are_used(double: Double, name: str) -> None:
    double.delete_server(next(iter(double.state.servers)))
    answered = answer_of(double, name)
    assert differences(answered, answered, CALLS[name].used) == []


@pytest.mark.parametrize("name", RECORDED)
def test_answers_have_the_shape_of_recorded_ones(double: Double, name: str) -> None:
    real = json.loads(RECORDED[name])
    assert differences(real, answer_of(double, name), CALLS[name].used) == []


def test_differences_are_found() -> None:
    real = {"a": [{"id": "x", "at": "2026-01-01T00:00:00Z", "n": None}], "usages": {"VCPU": 1}}
    assert differences(real, {"a": [{"id": None, "n": 5}], "usages": {"PCPU": 2.5}}) == []
    assert differences(real, {"a": [{"id": 7, "more": 1}]}) == [
        "a[].id: number instead of string",
        "a[].more: not in the real answer",
    ]
    assert differences(real, {"a": [{"at": "2026-01-01T00:00:00"}]}) == [
        "a[].at: time instead of time with zone"
    ]
    assert differences(real, {"a": []}, ("a[].id", "usages.*")) == [
        "a[].id: used, but not in the double answer",
        "usages.*: used, but not in the double answer",
    ]


def test_a_lists_shape_is_the_union_of_its_elements() -> None:
    found = shape([{"a": 1}, {"a": None, "b": "x"}]).element
    assert found == Shape({"object"}, {"a": Shape({"number", "null"}), "b": Shape({"string"})})


def order(auth_url: str, path: str, document: dict) -> dict:
    url = auth_url.replace("/identity/v3", f"/double/{path}")
    request = urllib.request.Request(url, json.dumps(document).encode(), method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        return json.load(answer)
