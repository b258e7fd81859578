"""Processes of a cloud: started in sessions of their own, ended by process id."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .plan import DevcloudError

# Processes outlast us, but Python complains about a forgotten Popen of one that still runs.
_children: list[subprocess.Popen[bytes]] = []


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name; empty when gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def start_time(pid: int) -> str | None:
    """The kernel's start tick of a live process: tells it from one that got its id later."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def session_members(leader: int) -> list[int]:
    """Live processes of a session: workers may outlast the parent that led it."""
    found = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else []
        if fields and int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def memory_kib(pid: int) -> int:
    """The process's share of memory (PSS)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def port_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what: str, ready: Callable[[], Any], timeout: float = 120) -> Any:
    """Ask until the answer is true; the last error goes into the message."""
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            if answer := ready():
                return answer
            last = answer
        except DevcloudError:
            raise
        except Exception as error:  # whatever a service answers while it starts
            last = error
        time.sleep(0.2)
    raise DevcloudError(f"{what}: not within {timeout:.0f} s ({last!r})")


class Processes:
    """The processes of one cloud; what runs is known from the files in `pids`."""

    GRACE = 6.0

    def __init__(self, pids: Path, logs: Path) -> None:
        self.pids = pids
        self.logs = logs

    def spawn(self, name: str, command: list[str], env: dict[str, str], cwd: Path) -> None:
        self.pids.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        with open(self.logs / f"{name}.log", "ab") as log:
            child = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _children.append(child)
        (self.pids / name).write_text(f"{child.pid} {start_time(child.pid)}\n")

    def started(self) -> dict[str, int]:
        """Every process that was started and not stopped by us, alive or not."""
        if not self.pids.is_dir():
            return {}
        return {p.name: int(p.read_text().split()[0]) for p in sorted(self.pids.iterdir())}

    def alive(self) -> dict[str, int]:
        found = {}
        for name, pid in self.started().items():
            if (self.pids / name).read_text().split()[1] == start_time(pid):
                found[name] = pid
        return found

    def check(self) -> None:
        """A wait should end at once when what it waits for has died."""
        if dead := sorted(set(self.started()) - set(self.alive())):
            raise DevcloudError(f"ended unexpectedly: {', '.join(dead)}; see {self.logs}")

    def stop(self, names: Iterable[str]) -> int:
        """SIGTERM, a moment of grace, SIGKILL for what is left of their sessions."""
        alive = self.alive()
        doomed = {name: alive[name] for name in names if name in alive}
        for name, pid in doomed.items():
            # SIGINT is PostgreSQL's "fast shutdown": SIGTERM waits for its clients.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + self.GRACE
        while time.monotonic() < deadline and set(doomed) & set(self.alive()):
            time.sleep(0.05)
        for name, pid in doomed.items():
            for member in session_members(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            (self.pids / name).unlink()
        _children[:] = [child for child in _children if child.poll() is None]
        return len(doomed)

    def stop_all(self, last: Iterable[str]) -> int:
        """Everything; the processes in `last` after those that need them."""
        ended = self.stop(set(self.alive()) - set(last)) + self.stop(last)
        for name in self.started():
            (self.pids / name).unlink()
        return ended
