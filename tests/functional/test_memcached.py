"""Tokens that several processes share in a real memcached, where nobody else can read them."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.api.door import Door, token
from tests.conftest import Sqlite
from tests.devcloud.process import Processes, wait_for
from tests.double import Double
from tests.peers.server import programs
from tests.postgresql import free_port
from tests.registry import site

# python-memcached leaves its sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"),
]

ENDS = {"version": b"\r\n"}
URL = "/api/stats/quota/"
SECRET = "marker-of-the-secret"


@pytest.fixture
def memcached(tmp_path: Path) -> Iterator[int]:
    port, processes = free_port(), Processes(tmp_path / "pid", tmp_path / "log")
    words = [programs("memcached") / "memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "root"]
    processes.spawn("memcached", [str(word) for word in words], {"LANG": "C.UTF-8"}, cwd=tmp_path)
    try:
        wait_for("memcached", lambda: bool(said(port, "version")))
        yield port
    finally:
        processes.stop_all(last=())


def said(port: int, line: str) -> str:
    """Give what memcached answers to one line."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as there:
        there.sendall(f"{line}\r\n".encode())
        answer = b""
        while not answer.endswith(ENDS.get(line, b"END\r\n")):
            answer += there.recv(1 << 20)
        return answer.decode("latin-1")


def item(port: int) -> str:
    """Give the key of the only thing that is kept, once memcached's crawler has come by."""
    keys: list[str] = []

    def listed() -> bool:
        keys[:] = re.findall(r"^key=(\S+)", said(port, "lru_crawler metadump all"), re.MULTILINE)
        return bool(keys)

    wait_for("the crawler", listed)
    (key,) = keys
    return unquote(key)


@pytest.fixture
def door(sqlite: Sqlite, tmp_path: Path) -> Iterator[Door]:
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            site(db, auth_url=keystone.auth_url).project("shop").discover()
        yield Door(tmp_path, keystone, store)


def test_one_process_asks_for_all(door: Door, memcached: int) -> None:
    options = {
        "memcached_servers": f"127.0.0.1:{memcached}",
        "memcache_security_strategy": "ENCRYPT",
        "memcache_secret_key": SECRET,
    }
    headers = door.hand(token("reader", user="marker-of-the-user"))
    first, second = door.app(options), door.app(options)
    for app in (first, second, first):
        assert app.get(URL, headers=headers).json
    assert door.keystone.site.asked == [headers["X-Auth-Token"]]
    key = item(memcached)
    kept = said(memcached, f"get {key}")
    assert len(kept) > 500
    for told in (headers["X-Auth-Token"], "marker-of-the-user", SECRET):
        assert told not in kept
        assert told not in key


def test_without_it_keystone_is_asked(door: Door) -> None:
    nobody = {"memcached_servers": f"127.0.0.1:{free_port()}"}
    app, headers = door.app(nobody), door.hand(token("reader"))
    for _ in range(2):
        assert app.get(URL, headers=headers).json
    assert len(door.keystone.site.asked) == 2
