"""Debian packages, downloaded and unpacked into a directory: nothing is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from .plan import DevcloudError, cache

SYSTEM_LISTS = Path("/var/lib/apt/lists")


def _apt(*arguments: str, cwd: Path | None = None) -> str:
    """apt-get, with package lists of our own when ours were fetched."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    apt = cache() / "apt"
    if (apt / "lists").is_dir():
        command += ["-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache"]
    # The simulation is read by machine, so it has to be in English.
    env = dict(os.environ, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive")
    done = subprocess.run([*command, *arguments], cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise DevcloudError(f"apt-get {arguments[0]}: {done.stderr.strip()[-800:]}")
    return done.stdout


def _update() -> None:
    """Fetch package lists into the cache: no root needed, the system stays as it is."""
    for part in ("lists/partial", "cache/archives/partial"):
        (cache() / "apt" / part).mkdir(parents=True, exist_ok=True)
    _apt("update")


def _missing(packages: Iterable[str], wanted: Callable[[str], bool]) -> list[str]:
    """The packages and whatever of their dependencies this system does not have."""
    plan = _apt("install", "--simulate", "--no-install-recommends", "--reinstall", *packages)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return [name for name in names if wanted(name)]


def unpack(
    root: Path,
    packages: Iterable[str],
    wanted: Callable[[str], bool],
    alone: Iterable[str] = (),
) -> None:
    """Unpack `packages` with the dependencies that are `wanted`, and `alone` without any."""
    if not any(SYSTEM_LISTS.glob("*Packages*")) and not (cache() / "apt").exists():
        _update()
    try:
        _download(root, packages, wanted, alone)
    except DevcloudError:  # lists that are out of date name files that are gone
        _update()
        _download(root, packages, wanted, alone)


def _download(
    root: Path, packages: Iterable[str], wanted: Callable[[str], bool], alone: Iterable[str]
) -> None:
    archives = root.parent / "archives"
    archives.mkdir(exist_ok=True)
    root.mkdir(exist_ok=True)
    _apt("download", *_missing(packages, wanted), *alone, cwd=archives)
    for archive in archives.iterdir():
        subprocess.run(["dpkg", "-x", archive, root], check=True)
        archive.unlink()
    archives.rmdir()
