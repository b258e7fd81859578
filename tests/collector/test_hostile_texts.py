"""Texts that a cloud gives, wherever they are named: each line of the log is one line of ours."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openstats import conf
from openstats.logs import LogFormatter
from tests.collector.lab import Lab
from tests.double import Size
from tests.edge import Rewrite, Status

KINDS = ("discovery", "instances", "volumes", "capacity", "quotas", "providers", "usage")
SIZE = Size(projects=3, servers=4, volumes=3, snapshots=2, hypervisors=2)
MARK = "zq7"
HOSTILE = f"{MARK}\x1b[2K\r\n2026-11-30 00:00:00.000 1 ERROR forged\u2028\u202e\x9b31m\x00\x85"
LINE = re.compile(r"[\d-]{10} [\d:.]{12} \d+ (INFO|WARNING|ERROR) openstats\.")

VALUES = (
    *("id", "uuid", "name", "domain_id", "parent_id", "tenant_id", "tags"),
    *("host", "zone", "status", "state", "hypervisor_hostname", "created", "created_at", "updated"),
    *("OS-EXT-SRV-ATTR:hypervisor_hostname", "OS-EXT-SRV-ATTR:root_device_name"),
    *("os-vol-tenant-attr:tenant_id", "os-extended-snapshot-attributes:project_id"),
    *("server_id", "device", "root_provider_uuid", "generation", "total_count", "count", "limit"),
    *("in_use", "vcpus", "size", "total", "allocation_ratio", "time", "max_version", "version"),
    *("url", "region", "region_id", "type", "href", "next", "status_code"),
)
"""Keys below which answers hold what is named, or complained of."""

NAMES = ("VCPU", "DISK_GB", "cores", "gigabytes", "servers", "projects", "flavor", "cpu_details")
"""Keys that are names themselves, or that an answer must have."""

CALLS = (
    *("/v3/projects", "/v3/domains", "/auth/tokens", "os-services", "servers/detail", "/servers?"),
    *("volumes/detail", "volumes/summary", "snapshots/detail", "compute.*os-quota-sets"),
    *("volume.*os-quota-sets", "os-hypervisors", "resource_providers", "diagnostics"),
    *("/compute/?$", "/placement/?$", "/volume/?$"),
)


def with_values(key: str) -> Rewrite:
    """Put a hostile text below a key, wherever it is."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: hostile(v) if k == key else changed(v) for k, v in value.items()}
        return [changed(each) for each in value] if isinstance(value, list) else value

    def hostile(value: Any) -> Any:
        return [HOSTILE] if isinstance(value, list) else f"{HOSTILE}{value}"

    return Rewrite(lambda body: json.dumps(changed(json.loads(body))).encode())


def with_name(key: str) -> Rewrite:
    """Put a hostile text in place of a key."""
    name, hostile = f'"{key}":'.encode(), json.dumps(HOSTILE).encode() + b":"
    spaced = f'"{key}": '.encode()
    return Rewrite(lambda body: body.replace(spaced, hostile).replace(name, hostile))


def refusing(status: int) -> Status:
    """Refuse in hostile words, as each of the services does."""
    said = {"message": HOSTILE, "title": HOSTILE, "detail": HOSTILE, "code": status}
    body = {"error": said, "forbidden": said, "badRequest": said, "errors": [said]}
    return Status(status, {"Content-Type": "application/json"}, json.dumps(body).encode())


SPOILT: dict[str, tuple[str, Any]] = {
    **{f"value of {key}": ("GET", with_values(key)) for key in VALUES},
    **{f"name {key}": ("GET", with_name(key)) for key in NAMES},
    **{f"refused {call}": (call, refusing(403)) for call in CALLS},
    **{f"bad {call}": (call, refusing(400)) for call in CALLS},
}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Have a log file written as services write it, and give what is in it since the last time."""
    (tmp_path / "log.conf").touch()
    loaded = conf.load([str(tmp_path / "log.conf")])
    handler = logging.FileHandler(tmp_path / "openstats.log")
    handler.setFormatter(LogFormatter(datefmt="%Y-%m-%d %H:%M:%S", config=loaded))
    root, end = logging.getLogger("openstats"), 0
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)

    def news() -> str:
        nonlocal end
        whole = (tmp_path / "openstats.log").read_text()
        new, end = whole[end:], len(whole)
        return new

    yield news
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()


def test_texts_of_clouds_cannot_forge_log_lines(lab: Lab, log: Callable[[], str]) -> None:
    lab.double(size=SIZE)
    named = set()
    for what, (pattern, action) in SPOILT.items():
        with lab.edge.during(pattern, action):
            errors = lab.cycle(*KINDS, after=4000, full=True)
        lines = log().splitlines()
        assert all(line.isprintable() for line in [*errors, *lines]), what
        assert [line for line in lines if not LINE.match(line)] == [], what
        named |= {what for line in lines if MARK in line}
        assert not any("defect" in line for line in lines), (what, lines)
    assert named
