"""RabbitMQ and Erlang's port mapper, run from unpacked Debian packages."""

from __future__ import annotations

import os
from pathlib import Path
from string import Template

from .plan import HERE, Plan, cache, library_path


def unpacked() -> Path:
    return cache() / "rabbitmq"


def _erlang() -> Path:
    return unpacked() / "root/usr/lib/erlang"


def relocate() -> None:
    """Debian's start scripts have Erlang's root written into them."""
    for name in ("erl", "start"):
        script = _erlang() / "bin" / name
        text = script.read_text()
        script.write_text(text.replace("ROOTDIR=/usr/lib/erlang", f"ROOTDIR={_erlang()}"))


def write_config(plan: Plan) -> None:
    home = plan.state / "rabbitmq"
    home.mkdir(parents=True, exist_ok=True)
    template = Template((HERE / "templates" / "rabbitmq.conf").read_text())
    (home / "rabbitmq.conf").write_text(template.substitute(port=plan.ports["rabbitmq"]))
    (home / "enabled_plugins").write_text("[].\n")
    cookie = home / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text("DEVCLOUD")
        cookie.chmod(0o400)


def environment(plan: Plan) -> dict[str, str]:
    home = plan.state / "rabbitmq"
    library = unpacked() / "root/usr/lib/rabbitmq/lib"
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{_erlang()}/bin:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": library_path(unpacked() / "root"),
        "ERL_EPMD_PORT": str(plan.ports["epmd"]),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_LIBS": str(library),
        "RABBITMQ_HOME": str(next(library.glob("rabbitmq_server-*"))),
        "RABBITMQ_NODENAME": f"devcloud{plan.ports['rabbitmq']}@localhost",
        "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
        "RABBITMQ_LOG_BASE": f"{home}/log",
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq",
        "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/none",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
        "RABBITMQ_DIST_PORT": str(plan.ports["rabbitmq-peers"]),
        # One scheduler that does not spin: the machine is shared with everything else.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}"
        ),
        "RABBITMQ_ALLOW_INPUT": "1",
    }


def epmd(plan: Plan) -> list[str]:
    """Started by us, else Erlang starts one whose process id nobody knows."""
    return [f"{_erlang()}/bin/epmd", "-port", str(plan.ports["epmd"]), "-address", "127.0.0.1"]


def server() -> list[str]:
    return [str(unpacked() / "root/usr/lib/rabbitmq/bin/rabbitmq-server"), "-noinput"]
