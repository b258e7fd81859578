"""The double of the fast tests and benchmarks answers as real clouds do, call by call."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.devcloud import Cloud
from tests.double import Double, Size, populate
from tests.double.shape import CALLS, Call, differences

SERVICES = {
    "identity": "keystone",
    "compute": "nova",
    "block-storage": "cinder",
    "placement": "placement",
}


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    with Double() as double:
        populate(double, Size(projects=4, servers=10, volumes=6, hypervisors=2, snapshots=1))
        double.delete_server(next(iter(double.state.servers)))
        yield double


def answer(rest: Any, call: Call) -> Any:
    """Ask a cloud, for a tenant and a provider that it has."""
    servers = rest.call("GET", "nova", "/servers/detail?all_tenants=1&status=ACTIVE", None, "2.87")
    providers = rest.call("GET", "placement", "/resource_providers", None, "1.36")
    path = call.path.format(
        tenant=servers["servers"][0]["tenant_id"],
        server=servers["servers"][0]["id"],
        provider=providers["resource_providers"][0]["uuid"],
    )
    return rest.call("GET", SERVICES[call.service], path, None, call.version)


class DoubleRest:
    """The double, asked in the way of the devcloud's own client."""

    def __init__(self, double: Double) -> None:
        from keystoneauth1 import adapter, loading, session

        entry = double.clouds_entry()["auth"]
        loader = loading.get_plugin_loader("password")
        self.session = session.Session(auth=loader.load_from_options(**entry))
        self.adapter = adapter.Adapter

    def call(self, _method: str, service: str, path: str, _body: Any, version: str | None) -> Any:
        kind = next(kind for kind, name in SERVICES.items() if name == service)
        asked = self.adapter(self.session, service_type=kind)
        return asked.get(path, microversion=version).json()


@pytest.mark.parametrize("cloud", ["current", "zed"])
@pytest.mark.parametrize("name", CALLS)
def test_the_double_answers_as_the_real_cloud(
    clouds: dict[str, Cloud], double: Double, name: str, cloud: str
) -> None:
    call = CALLS[name]
    real = answer(clouds[cloud].rest, call)
    assert differences(real, answer(DoubleRest(double), call), call.used) == []
