"""Which processes make a cloud, and how each of them is started."""

from __future__ import annotations

import os

from . import config, postgres, rabbitmq
from .plan import Plan, library_path

# They start first and stop last.
BASE = ("epmd", "rabbitmq", "postgres")
APIS = ("keystone", "neutron", "placement", "glance", "nova", "cinder")


def workers(plan: Plan) -> list[str]:
    """The processes that talk by messages."""
    computes = [f"nova-compute-{i}" for i in range(1, plan.settings.computes + 1)]
    return ["nova-conductor", "nova-scheduler", *computes, "cinder-scheduler", "cinder-volume"]


def names(plan: Plan) -> list[str]:
    """All processes of a cloud, in the order of their start."""
    return [*BASE, *APIS, *workers(plan)]


def worker(plan: Plan, binary: str, host: str) -> str:
    """Our name of the process that a row in a table of services stands for."""
    if binary == "nova-compute" and host in plan.compute_hosts:
        return f"nova-compute-{plan.compute_hosts.index(host) + 1}"
    return binary


def environment(plan: Plan, **more: str) -> dict[str, str]:
    """A clean one: what the caller has in OS_* or PYTHON* must not reach the services."""
    env = {
        "HOME": str(plan.state),
        "LANG": "C.UTF-8",
        "PATH": f"{plan.release.venv}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(plan.inside),
        "PYTHONWARNINGS": "ignore",
        "OS_KEYSTONE_CONFIG_DIR": f"{plan.conf}/keystone",
        "OS_PLACEMENT_CONFIG_DIR": f"{plan.conf}/placement",
        "OS_GLANCE_CONFIG_DIR": f"{plan.conf}/glance",
        "OS_NOVA_CONFIG_DIR": f"{plan.conf}/nova",
        # Paste loads the first of them.
        "OS_NOVA_CONFIG_FILES": "api-paste.ini;nova.conf",
    }
    if plan.release.debian:
        env["LD_LIBRARY_PATH"] = library_path(plan.release.root)
    return env | more


def _workers(plan: Plan, name: str) -> tuple[int, int]:
    """Processes and threads of an API."""
    if name == "placement":
        return 1, 1  # one writer at a time: SQLite never answers "database is locked"
    if plan.release.debian and name in ("nova", "cinder", "glance"):
        # Written for eventlet: no threads. One process each, since an API that had two
        # would show two ages of what it caches.
        return 1, 1
    return 1, 6


def _api(plan: Plan, name: str) -> tuple[list[str], dict[str, str]]:
    processes, threads = _workers(plan, name)
    options = {
        "--http-socket": f"127.0.0.1:{plan.ports[name]}",
        "--module": "dc_wsgi:application",
        "--processes": str(processes),
        "--threads": str(threads),
        "--buffer-size": "65535",
        "--listen": "100",
        "--add-header": "Connection: close",
        "--log-format": "%(method) %(uri) %(status) %(msecs)ms",
        "--procname": f"devcloud-{plan.name}-{name}",
    }
    flags = ("--enable-threads", "--need-app", "--die-on-term", "--http-chunked-input")
    command = [plan.release.program("uwsgi"), *flags, "--lazy-apps", "--master", "--no-orphans"]
    command += [word for option in options.items() for word in option]
    if name == "cinder":  # it knows no environment variable for this
        command += ["--pyargv", " ".join(config.arguments(plan, "cinder"))]
    more = {"DEVCLOUD_SERVICE": name}
    if plan.release.debian:
        more["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
    return command, environment(plan, **more)


def command(plan: Plan, name: str) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a process."""
    if name == "postgres":
        return postgres.server(plan), postgres.environment()
    if name == "epmd":
        return rabbitmq.epmd(plan), rabbitmq.environment(plan)
    if name == "rabbitmq":
        return rabbitmq.server(), rabbitmq.environment(plan)
    if name in APIS:
        return _api(plan, name)
    if name.startswith("nova-compute-"):
        number = int(name.rpartition("-")[2])
        files = config.arguments(plan, "nova", f"{plan.compute_hosts[number - 1]}.conf")
        nodes = ",".join(plan.hypervisors(number))
        env = environment(plan, DEVCLOUD_NODES=nodes)
        return [plan.release.program("nova-compute"), *files], env
    files = config.arguments(plan, name.partition("-")[0])
    return [plan.release.program(name), *files], environment(plan)
