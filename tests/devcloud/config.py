"""The services' configuration files, from the templates."""

from __future__ import annotations

import base64
import os
import shutil
import uuid
from pathlib import Path
from string import Template

from .plan import DATABASES, HERE, INSIDE, PASSWORD, Plan

DIRECTORIES = (
    "lock",
    "nova/instances",
    "cinder/volumes",
    "cinder/coordination",
    "glance/images",
    "glance/staging",
    "glance/tasks",
)

POLICIES = HERE.parents[1] / "etc" / "policy"


def _fill(template: str, values: dict[str, str]) -> str:
    return Template((HERE / "templates" / template).read_text()).substitute(values)


def _limit(option: str, value: int | None) -> str:
    return f"{option} = {value}\n" if value else ""


def _values(plan: Plan) -> dict[str, str]:
    settings = plan.settings
    values = {f"{name}_database": plan.database_url(name) for name in DATABASES}
    values |= {f"{name}_url": plan.url(name) for name in ("glance", "cinder", "neutron")}
    return values | {
        "name": plan.name,
        "state": str(plan.state),
        "etc": str(plan.release.venv / "etc"),
        "policies": str(plan.conf),
        "region": settings.region,
        "auth_url": plan.auth_url,
        "transport_url": plan.transport_url,
        "nova_max_limit": _limit("max_limit", settings.nova_max_limit),
        "cinder_max_limit": _limit("osapi_max_limit", settings.cinder_max_limit),
        "reclaim_instance_interval": "86400" if settings.soft_delete else "0",
        # Every hypervisor is looked at in turn, half a second each on a busy machine.
        "update_resources_interval": str(max(10, settings.nodes)),
    }


def write(plan: Plan) -> None:
    for directory in DIRECTORIES + tuple(f"nova/{host}" for host in plan.compute_hosts):
        (plan.state / directory).mkdir(parents=True, exist_ok=True)
    values = _values(plan)

    def put(path: str, template: str, service: str, **more: str) -> None:
        login = {"auth_url": plan.auth_url, "service": service, "password": PASSWORD}
        filled = _fill(template, values | more | {"credentials": _fill("credentials.conf", login)})
        (plan.conf / path).parent.mkdir(parents=True, exist_ok=True)
        (plan.conf / path).write_text(filled)

    put("keystone/keystone.conf", "keystone.conf", "keystone")
    put("placement/placement.conf", "placement.conf", "placement")
    put("glance/glance-api.conf", "glance-api.conf", "glance")
    put("cinder/cinder.conf", "cinder.conf", "cinder")
    for file, cell in (("nova.conf", "nova_cell1"), ("nova-cell0.conf", "nova_cell0")):
        put(f"nova/{file}", "nova.conf", "nova", cell_database=plan.database_url(cell))
    for host in plan.compute_hosts:
        put(f"nova/{host}.conf", "nova-compute.conf", "nova", host=host)
        # Without this file nova-compute takes its second start for a lost disk, and refuses it.
        identity = uuid.uuid5(uuid.NAMESPACE_DNS, host)
        (plan.state / "nova" / host / "compute_id").write_text(f"{identity}\n")
    _copy_paste_files(plan)
    if not plan.release.debian:
        _copy_policies(plan)
    # Copies, so that a cloud that is up neither follows the checkout nor writes into it.
    shutil.copytree(INSIDE, plan.inside, dirs_exist_ok=True)


def _copy_paste_files(plan: Plan) -> None:
    """Nova and Glance look for their paste files beside their configuration."""
    for service, file in (("nova", "api-paste.ini"), ("glance", "glance-api-paste.ini")):
        shutil.copy(plan.release.venv / "etc" / service / file, plan.conf / service / file)


def _copy_policies(plan: Plan) -> None:
    """What operators are given: it speaks of a role that nobody has unless a test gives it."""
    for policy in POLICIES.glob("*.yaml"):
        shutil.copy(policy, plan.conf / policy.stem / "policy.yaml")


def write_keys(plan: Plan) -> None:
    """Keystone's key repositories; its own commands for this take five seconds each."""
    for repository in ("fernet", "credential"):
        directory = plan.state / "keystone" / repository
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for key in "01":
            (directory / key).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))


def arguments(plan: Plan, service: str, extra: str | None = None) -> list[str]:
    """The command line options that name a service's configuration files."""
    main = {"glance": "glance-api"}.get(service, service)
    files: list[Path] = [plan.conf / service / f"{main}.conf"]
    if extra:
        files.append(plan.conf / service / extra)
    return [word for file in files for word in ("--config-file", str(file))]
