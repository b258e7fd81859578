"""Missing rights: which probes are made, and what their replies mean."""

import pytest

from openstats.clouds.missing_rights import find_missing
from openstats.clouds.rights import (
    DELETED_SERVERS,
    FORBIDDEN,
    HOST_ATTRIBUTE,
    INVALID,
    NOT_FOUND,
    OK,
    ONE_SERVER,
    UNKNOWN_FILTER,
    VOLUME_TENANT,
    Reply,
)

GRANTED = Reply(OK, "", {})
REFUSED = Reply(FORBIDDEN, "no", {})


class Service:
    """A service that refuses some paths, and gives other replies to some."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = replies
        self.paths: list[str] = []

    def __call__(self, _service: str, path: str) -> Reply:
        self.paths.append(path)
        return self.replies.get(path, GRANTED)


def missing(kind: str, replies: dict[str, Reply], *, quiet: bool = False) -> list[str]:
    return [right.call for right in find_missing(Service(**replies), kind, quiet=quiet)]


SHOWN = {"servers": [{"id": "1", HOST_ATTRIBUTE: "a"}]}
DIAGNOSTICS = "GET /servers/{id}/diagnostics"


@pytest.mark.parametrize(
    ("kind", "replies", "calls"),
    [
        ("Keystone", {}, []),
        ("Keystone", {"/domains": REFUSED}, ["GET /domains"]),
        ("Keystone", {"/domains": Reply(NOT_FOUND, "", {})}, []),
        ("no such kind", {"/domains": REFUSED}, []),
        (
            "Cinder, volumes",
            {UNKNOWN_FILTER: Reply(INVALID, "", {})},
            ["GET /volumes/detail?all_tenants=1"],
        ),
        (
            "usage, nova",
            {ONE_SERVER: Reply(OK, "", SHOWN), "/servers/1/diagnostics": REFUSED},
            [DIAGNOSTICS],
        ),
        ("usage, nova", {ONE_SERVER: Reply(OK, "", SHOWN)}, []),
        ("usage, nova", {DELETED_SERVERS: REFUSED}, []),
        (
            "usage, nova",
            {DELETED_SERVERS: Reply(FORBIDDEN, "Only administrators may", {})},
            [DIAGNOSTICS],
        ),
    ],
)
def test_a_right_is_missing_where_its_probe_says_so(
    kind: str, replies: dict[str, Reply], calls: list[str]
) -> None:
    assert missing(kind, replies) == calls


def test_a_list_must_show_whose_its_rows_are() -> None:
    path = "/volumes/detail?all_tenants=1&limit=1"
    for row, calls in (({VOLUME_TENANT: "a"}, []), ({}, ["GET /volumes/detail"])):
        assert missing("Cinder, volumes", {path: Reply(OK, "", {"volumes": [row]})}) == calls


def test_quiet_rights_alone_are_probed_where_openstats_own_calls_fail_without_the_others() -> None:
    service = Service()
    assert find_missing(service, "Keystone", quiet=True) == []
    assert len(service.paths) == 1


def test_each_path_is_probed_once() -> None:
    service = Service()
    find_missing(service, "Nova, servers")
    assert len(service.paths) == len(set(service.paths))
