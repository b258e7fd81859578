"""PostgreSQL: the system's binaries or unpacked ones, one server per cloud.

OPENSTATS_DEVCLOUD_POSTGRES names another directory of binaries; one without any gets unpacked ones.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .plan import DATABASES, HERE, DevcloudError, Plan, cache, library_path

VERSION = "15"
SYSTEM = f"/usr/lib/postgresql/{VERSION}/bin"
NOBODY = "65534"


def unpacked() -> Path:
    return cache() / "postgres"


def system_binaries() -> Path | None:
    """PostgreSQL as the system has it, if it has it."""
    place = Path(os.environ.get("OPENSTATS_DEVCLOUD_POSTGRES") or SYSTEM)
    return place if (place / "postgres").is_file() else None


def _binary(name: str) -> str:
    place = system_binaries() or unpacked() / "root" / SYSTEM.lstrip("/")
    return str(place / name)


def environment() -> dict[str, str]:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "PGTZ": "UTC"}
    if not system_binaries():
        env["LD_LIBRARY_PATH"] = library_path(unpacked() / "root")
    return env


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root.

    The ambient capability lets `nobody` pass through directories that only root may enter,
    as the home of root is: binaries and data may stay in root's own cache. Without the secure
    bit access(2) would not heed it, and PostgreSQL not find its own binaries there.
    """
    if os.geteuid():
        return []
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return [*user, *capability, "--securebits=+no_setuid_fixup"]


def _run(*command: str) -> str:
    done = subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True)
    if done.returncode:
        raise DevcloudError(f"{Path(command[0]).name}: {done.stderr.strip()}")
    return done.stdout


def initialize(plan: Plan) -> None:
    """A new database cluster in the plan's state."""
    plan.postgres.mkdir(mode=0o700, parents=True)
    if not os.geteuid():
        os.chown(plan.postgres, int(NOBODY), int(NOBODY))
    options = ("-U", "openstack", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    initdb = [_binary("initdb"), "-D", str(plan.postgres), "--no-instructions", *options]
    _run(*_unprivileged(), *initdb)
    with open(plan.postgres / "postgresql.conf", "a") as file:
        file.write((HERE / "templates" / "postgresql.conf").read_text())


def follow(plan: Plan, port: int) -> None:
    """A copy of the server on another port, which goes on following it until it is promoted."""
    plan.postgres.mkdir(mode=0o700, parents=True)
    if not os.geteuid():
        os.chown(plan.postgres, int(NOBODY), int(NOBODY))
    primary = ("-h", "127.0.0.1", "-p", str(port), "-U", "openstack")
    options = ("-D", str(plan.postgres), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
    _run(*_unprivileged(), _binary("pg_basebackup"), *primary, *options)


def create_databases(plan: Plan) -> None:
    for name in DATABASES:
        if name != "placement":
            execute(plan, "postgres", f"CREATE DATABASE {name}")


def server(plan: Plan) -> list[str]:
    port = str(plan.ports["postgres"])
    return [*_unprivileged(), _binary("postgres"), "-D", str(plan.postgres), "-p", port]


def _client(plan: Plan, name: str) -> list[str]:
    return [_binary(name), "-h", "127.0.0.1", "-p", str(plan.ports["postgres"]), "-U", "openstack"]


def ready(plan: Plan) -> bool:
    command = [*_client(plan, "pg_isready"), "-q", "-d", "postgres"]
    return not subprocess.run(command, env=environment(), cwd="/").returncode


def execute(plan: Plan, database: str, statement: str) -> str:
    """One statement through psql: what the cloud itself needs asks for no Python driver."""
    options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database)
    return _run(*_client(plan, "psql"), *options, "-c", statement).strip()


def copy(template: Path, target: Path) -> None:
    """A database cluster like the template; owner and permissions as they are."""
    subprocess.run(["cp", "-a", template, target], check=True)
