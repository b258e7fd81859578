"""A caching proxy in front: what one caller was told, no other one is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.functional.guarded import guarded
from tests.peers.nginx import caching

PATHS = [
    "/api/stats/quota/",
    "/api/stats/quota/?aggregate=project&each=true",
    "/api/stats/customer/",
    "/api/stats/usage/?item=memory&aggregate=project&from=1000&to=2000",
    "/api/projects/",
    "/api/tenants/",
]
STRICT, EAGER = "", "proxy_ignore_headers Cache-Control Expires;"
"""A cache as it should be, and one that keeps what it was told not to, for each set of headers."""


class Reply(NamedTuple):
    status: int
    etag: str | None
    cached: str | None
    body: bytes


@dataclass(frozen=True)
class House:
    """A service, its proxy, and callers of different projects by name."""

    service: str
    proxy: str
    tokens: dict[str, str]

    def ask(self, who: str, path: str, method: str = "GET", **headers: str) -> Reply:
        """Ask through the proxy."""
        return self._ask(self.proxy, who, path, method, headers)

    def own(self, who: str, path: str) -> Reply:
        """Ask the service itself."""
        return self._ask(self.service, who, path, "GET", {})

    def _ask(self, url: str, who: str, path: str, method: str, headers: dict[str, str]) -> Reply:
        token = {"X-Auth-Token": self.tokens[who]} if who in self.tokens else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request(method, path, headers=token | named)
            answer = connection.getresponse()
            told = answer.headers
            return Reply(answer.status, told["ETag"], told["X-Cache"], answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module", params=[STRICT, EAGER], ids=["strict", "eager"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    home: Path = tmp_path_factory.mktemp("cached")
    with guarded(home) as system:
        system.say("collect", "--once")
        projects = [each for each in system.cloud.state.projects.values() if each.name != "admin"]
        names = {"ann": projects[-1].id, "bob": projects[-2].id}
        tokens = {who: system.hand("reader", project=project) for who, project in names.items()}
        tokens["eve"] = system.hand("member", project=projects[-1].id)
        tokens["forged"] = f"{tokens['ann']}x"
        with system.serving() as api, caching(home / "nginx", api.url, request.param) as nginx:
            yield House(api.url, nginx.url, tokens)


@pytest.mark.parametrize("path", PATHS)
def test_each_caller_gets_their_own(house: House, path: str) -> None:
    own = {who: house.own(who, path) for who in ("ann", "bob", "eve")}
    assert len({reply.body for reply in own.values()}) == 3
    for order in (("ann", "bob", "eve"), ("eve", "bob", "ann"), ("bob", "ann", "eve")):
        for who in order:
            found = house.ask(who, path)
            assert (found.status, found.etag, found.body) == (200, own[who].etag, own[who].body)
            for nobody in ("anonymous", "forged"):
                refused = house.ask(nobody, path)
                assert refused.status == 401
                assert refused.etag is None


@pytest.mark.parametrize("path", PATHS)
def test_etag_of_another_caller_is_not_believed(house: House, path: str) -> None:
    ann, bob = house.own("ann", path), house.own("bob", path)
    for method in ("HEAD", "GET"):
        for who, own in (("ann", ann), ("bob", bob)):
            assert house.ask(who, path, "HEAD").etag == own.etag
            found = house.ask(who, path, method, If_None_Match=own.etag or "")
            # A proxy with a cache keeps the question to itself, and may answer with the whole.
            assert found.status == 304 or (found.status, found.etag) == (200, own.etag)
            assert found.body in (b"", own.body)
        # What another one has is not what this one would get.
        found = house.ask("bob", path, method, If_None_Match=ann.etag or "")
        assert (found.status, found.etag) == (200, bob.etag)
        assert found.body == (bob.body if method == "GET" else b"")
        for nobody in ("anonymous", "forged"):
            for tag in (ann.etag or "", "*"):
                assert house.ask(nobody, path, method, If_None_Match=tag).status == 401


def test_so_it_is_when_all_ask_at_once(house: House) -> None:
    path = "/api/stats/quota/?aggregate=project&each=true&unlimited=skip"
    callers = ["ann", "bob", "eve", "anonymous"] * 25
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda who: (who, house.ask(who, path).body), callers))
    own = {who: house.own(who, path).body for who in ("ann", "bob", "eve")}
    assert {(who, body) for who, body in found if who in own} == set(own.items())


def test_the_cache_works(house: House, request: pytest.FixtureRequest) -> None:
    """Otherwise the others would say nothing: the eager one answers from what it kept."""
    path = "/api/stats/quota/?aggregate=project"
    cached = [house.ask("ann", path).cached for _ in range(3)]
    eager = "eager" in request.node.name
    assert cached == (["MISS", "HIT", "HIT"] if eager else ["MISS"] * 3)
