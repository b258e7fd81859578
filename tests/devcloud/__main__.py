"""The command line: python -m tests.devcloud [--name A] [--release current|zed] VERB."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from . import install
from .cloud import Cloud
from .plan import RELEASES, DevcloudError, cache
from .rest import RestError

SETTINGS = (
    "release",
    "port_base",
    "region",
    "computes",
    "nodes",
    "nova_max_limit",
    "cinder_max_limit",
    "soft_delete",
)
NUMBERS = ("tenants", "servers", "volumes", "snapshots", "deletions")


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m tests.devcloud",
        description="A real OpenStack on one machine. Settings are kept with a cloud's state.",
        epilog="All of it is below $OPENSTATS_DEVCLOUD, else ~/.cache/openstats/devcloud.",
    )
    main.add_argument("--name", default="A", help="the cloud (default: A)")
    main.add_argument("--release", choices=RELEASES)
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("install", help="install a release (up does it too)")
    up = verbs.add_parser("up", help="bring the cloud up")
    up.add_argument("--port-base", type=int, help="ten ports from here (default: 15000)")
    up.add_argument("--region", help="default: RegionOne")
    up.add_argument("--computes", type=int, help="nova-compute processes (default: 1)")
    up.add_argument("--nodes", type=int, help="hypervisors of each of them (default: 4)")
    up.add_argument("--nova-max-limit", type=int, help="largest page of Nova")
    up.add_argument("--cinder-max-limit", type=int, help="largest page of Cinder")
    up.add_argument("--soft-delete", action="store_true", default=None)
    down = verbs.add_parser("down", help="end its processes")
    down.add_argument("--wipe", action="store_true", help="and remove its state")
    verbs.add_parser("status", help="its processes and their memory")
    verbs.add_parser("env", help="print OS_* exports for the shell")
    verbs.add_parser("clouds-yaml", help="print a clouds.yaml of the clouds that are up")
    seed = verbs.add_parser("seed", help="fill it with tenants, servers and volumes")
    for number in NUMBERS:
        seed.add_argument(f"--{number}", type=int)
    return main


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def show_status(cloud: Cloud) -> None:
    found = cloud.status()
    for name, (pid, memory) in found.items():
        print(f"{name:<18} pid {pid:<8} {memory:7.1f} MiB")
    state = "up" if cloud.is_up else "not up"
    total = sum(memory for _, memory in found.values())
    settings = f"release {cloud.plan.settings.release}, {cloud.auth_url}"
    print(f"cloud {cloud.name} is {state} ({settings}), {total:.0f} MiB")


def show_env(cloud: Cloud) -> None:
    entry = cloud.clouds_entry()
    values = {f"OS_{key.upper()}": value for key, value in entry["auth"].items()}
    values["OS_REGION_NAME"] = entry["region_name"]
    values["OS_IDENTITY_API_VERSION"] = str(entry["identity_api_version"])
    for name, value in values.items():
        print(f"export {name}={value}")


def show_clouds_yaml() -> None:
    """All clouds that are up. JSON is YAML: no library is needed to write it."""
    names = sorted(path.parent.name for path in (cache() / "clouds").glob("*/settings.json"))
    clouds = {name: cloud for name in names if (cloud := Cloud(name)).is_up}
    print("clouds:" if clouds else "clouds: {}")
    for name, cloud in clouds.items():
        print(f"  {name}:")
        for key, value in cloud.clouds_entry().items():
            print(f"    {key}: {json.dumps(value)}")


def run(arguments: argparse.Namespace) -> None:
    if arguments.verb == "clouds-yaml":
        return show_clouds_yaml()
    cloud = Cloud(arguments.name, **_given(arguments, SETTINGS))
    actions = {
        "install": lambda: install.install(cloud.plan.release),
        "up": cloud.up,
        "down": lambda: cloud.down(wipe=arguments.wipe),
        "status": lambda: show_status(cloud),
        "env": lambda: show_env(cloud),
        "seed": lambda: cloud.seed(**_given(arguments, NUMBERS)),
    }
    actions[arguments.verb]()
    return None


def main() -> int:
    try:
        run(parser().parse_args())
    except (DevcloudError, RestError, subprocess.CalledProcessError) as error:
        print(f"devcloud: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
