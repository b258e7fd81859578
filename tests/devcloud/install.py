"""Install a release beside the system: packages, migrated databases. Done once per machine."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from . import config, debian, postgres, rabbitmq, services
from .plan import HERE, INSIDE, Plan, Release, Settings, cache
from .process import Processes, lock, wait_for
from .progress import step

PACKAGES = (
    "keystone==30.0.0",
    "nova==34.0.0",
    "cinder==29.0.0",
    "openstack-placement==16.0.0",
    "glance==33.0.0",
)
# What Debian's packages lack, and what serves the APIs of both releases.
EXTRAS = ("pyuwsgi", "psycopg2-binary")
SERVICES = ("keystone", "nova", "cinder", "glance", "placement")
ZED = (*(f"python3-{service}" for service in SERVICES), "python3-psycopg2")
# Programs and configuration; their dependencies would be web servers and the like.
ZED_ALONE = (
    "nova-common",
    "cinder-common",
    "glance-common",
    "keystone",
    "placement-common",
    "nova-api",
    "nova-compute",
    "nova-scheduler",
    "nova-conductor",
    "cinder-scheduler",
    "cinder-volume",
    "cinder-api",
    "glance-api",
)
RABBITMQ = ("erlang", "rabbitmq", "lib")
POSTGRES = (f"postgresql-{postgres.VERSION}", f"postgresql-client-{postgres.VERSION}", "lib")
PYTHON_LIBRARIES = ("python3-", "lib", "alembic", "ieee-data")


def install(release: Release) -> None:
    """Install what is missing or out of date; nothing, and at once, when all is there."""
    with lock(cache() / "install.lock"):
        _ensure(cache() / "uv", "1", "uv", _install_uv)
        _ensure(rabbitmq.unpacked(), "1", "RabbitMQ", _unpack_rabbitmq)
        _install_postgres()
        packages = _fingerprint(_packages(release))
        build = _unpack_zed if release.debian else _install_current
        _ensure(release.packages, packages, f"packages of release {release.name}", build(release))
        _copy_virt_driver(release)
        text = f"databases of release {release.name}"
        _ensure(release.databases, packages, text, lambda place: _migrate(release, place))


def install_postgres() -> None:
    """Install PostgreSQL alone, where the system has none."""
    with lock(cache() / "install.lock"):
        _install_postgres()


def _install_postgres() -> None:
    if not postgres.system_binaries():
        _ensure(postgres.unpacked(), "1", "PostgreSQL", _unpack_postgres)


def install_environment(place: Path, text: str, packages: Iterable[str]) -> None:
    """Install Python packages in `venv` of a directory, under the constraints of a release."""
    wanted = tuple(packages)

    def build(place: Path) -> None:
        _make_environment(place / "venv", *wanted)

    with lock(cache() / "install.lock"):
        _ensure(cache() / "uv", "1", "uv", _install_uv)
        _ensure(place, _fingerprint(wanted), text, build)


def install_alone(place: Path, package: str) -> None:
    """Unpack a Debian package and the libraries that the system lacks in `root` of a directory."""

    def build(place: Path) -> None:
        debian.unpack(
            place / "root", (package,), lambda name: name == package or name.startswith("lib")
        )

    with lock(cache() / "install.lock"):
        _ensure(place, "1", package, build)


def _packages(release: Release) -> tuple[str, ...]:
    return (*(ZED + ZED_ALONE if release.debian else PACKAGES), *EXTRAS)


def _fingerprint(packages: Iterable[str]) -> str:
    """Changes whenever the packages have to be installed anew."""
    recipe = "\n".join(packages) + (HERE / "constraints.txt").read_text()
    return hashlib.sha256(recipe.encode()).hexdigest()


def _ensure(place: Path, fingerprint: str, text: str, build: Callable[[Path], None]) -> None:
    """Build a directory unless it is there; the mark of completeness is written last."""
    complete = place / ".complete"
    if complete.is_file() and complete.read_text() == fingerprint:
        return
    with step(f"install {text}"):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        build(place)
        complete.write_text(fingerprint)


def _install_uv(place: Path) -> None:
    """A fast installer: pip takes minutes for the 175 packages of a release."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run([place / "bin/pip", "install", "-q", "uv"], check=True)


def _uv(*arguments: str | Path) -> None:
    # The certificates that the system trusts, as pip does: both names of one switch.
    trust = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    env = dict(os.environ, UV_CACHE_DIR=str(cache() / "uv-cache"), **trust)
    subprocess.run([cache() / "uv/bin/uv", *arguments], env=env, check=True)


def _pip(venv: Path, *arguments: str) -> None:
    python = venv / "bin" / "python"
    constraints = str(HERE / "constraints.txt")
    _uv("pip", "install", "-q", "--python", python, "-c", constraints, *arguments)


def _unpack_rabbitmq(place: Path) -> None:
    debian.unpack(place / "root", ("rabbitmq-server",), lambda name: name.startswith(RABBITMQ))
    rabbitmq.relocate()


def _unpack_postgres(place: Path) -> None:
    def wanted(name: str) -> bool:
        # LLVM is for the just-in-time compiler, which is off, and larger than all the rest.
        return name.startswith(POSTGRES) and not name.startswith("libllvm")

    debian.unpack(place / "root", POSTGRES[:2], wanted)


def _make_environment(venv: Path, *packages: str) -> None:
    _uv("venv", "-q", "--python", sys.executable, venv)
    _pip(venv, "--compile-bytecode", *packages)


def _install_current(release: Release) -> Callable[[Path], None]:
    return lambda place: _make_environment(release.venv, *_packages(release))


def _unpack_zed(release: Release) -> Callable[[Path], None]:
    def build(place: Path) -> None:
        debian.unpack(
            release.root, ZED, lambda name: name.startswith(PYTHON_LIBRARIES), alone=ZED_ALONE
        )
        _uv("venv", "-q", "--system-site-packages", "--python", "/usr/bin/python3", release.venv)
        site = next(release.venv.glob("lib/python3*/site-packages"))
        (site / "zed.pth").write_text(f"{release.site_packages}\n")
        _pip(release.venv, "--no-deps", *EXTRAS)
        _copy_zed_programs(release)

    return build


def _copy_zed_programs(release: Release) -> None:
    """Debian's scripts, with the Python of our environment; its configuration beside them."""
    for script in (release.root / "usr/bin").iterdir():
        if script.name.partition("-")[0] in SERVICES:
            _, _, text = script.read_text().partition("\n")
            program = Path(release.program(script.name))
            program.write_text(f"#!{release.program('python')}\n{text}")
            program.chmod(0o755)
    for service in SERVICES:
        for source in (f"usr/share/{service}-common", f"etc/{service}"):
            if (release.root / source).is_dir():
                target = release.venv / "etc" / service
                shutil.copytree(release.root / source, target, symlinks=True, dirs_exist_ok=True)


def _copy_virt_driver(release: Release) -> None:
    source = (INSIDE / "nova_virt_devcloud.py").read_bytes()
    target = release.site_packages / "nova/virt/devcloud.py"
    if not target.is_file() or target.read_bytes() != source:
        target.write_bytes(source)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _migrate(release: Release, place: Path) -> None:
    """Empty databases with the release's tables, and Nova's two cells."""
    settings = Settings(release=release.name, port_base=_free_port() - 9)
    plan = Plan("template", settings, state=place)
    processes = Processes(plan.pid, plan.log)
    config.write(plan)
    postgres.initialize(plan)
    processes.spawn("postgres", *services.command(plan, "postgres"), cwd=place)
    try:
        wait_for("PostgreSQL", lambda: postgres.ready(plan))
        postgres.create_databases(plan)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: manage(plan, *job), _migrations(plan)))
        for job in _cells(plan):
            manage(plan, *job)
    finally:
        processes.stop_all(last=())


def _migrations(plan: Plan) -> list[list[str]]:
    cell0 = ["--config-file", str(plan.conf / "nova/nova-cell0.conf")]
    return [
        ["nova-manage", *config.arguments(plan, "nova"), "db", "sync", "--local_cell"],
        ["nova-manage", *cell0, "db", "sync", "--local_cell"],
        ["keystone-manage", *config.arguments(plan, "keystone"), "db_sync"],
        ["cinder-manage", *config.arguments(plan, "cinder"), "db", "sync"],
        ["nova-manage", *config.arguments(plan, "nova"), "api_db", "sync"],
        ["placement-manage", *config.arguments(plan, "placement"), "db", "sync"],
        ["glance-manage", *config.arguments(plan, "glance"), "db_sync"],
    ]


def _cells(plan: Plan) -> list[list[str]]:
    nova = ["nova-manage", *config.arguments(plan, "nova"), "cell_v2"]
    cell1 = ["--database_connection", plan.database_url("nova_cell1")]
    return [
        [*nova, "map_cell0", "--database_connection", plan.database_url("nova_cell0")],
        [*nova, "create_cell", "--name", "cell1", *cell1, "--transport-url", plan.transport_url],
    ]


def manage(plan: Plan, program: str, *arguments: str) -> None:
    """Run one of the services' own management commands; its output goes into the log."""
    plan.log.mkdir(parents=True, exist_ok=True)
    with open(plan.log / "manage.log", "a") as log:
        print("$", program, *arguments, file=log, flush=True)
        subprocess.run(
            [plan.release.program(program), *arguments],
            env=services.environment(plan),
            cwd=plan.state,
            stdout=log,
            stderr=log,
            check=True,
        )
