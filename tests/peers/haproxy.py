"""Debian's HAProxy, on a free port of loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.peers.server import Server, libraries, programs

MONITOR = """
frontend of-haproxy
    bind 127.0.0.1:{port}
    monitor-uri /of-haproxy
"""


class Haproxy(Server):
    """An HAProxy with a configuration while the context lasts."""

    def __init__(self, directory: Path, configuration: str) -> None:
        super().__init__("haproxy", directory)
        self.configuration = configuration

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | libraries("haproxy")

    def __enter__(self) -> Self:
        program = programs("haproxy").parent / "sbin" / "haproxy"
        self.directory.mkdir(exist_ok=True)
        told = self.directory / "haproxy.cfg"
        told.write_text(self.configuration + MONITOR.format(port=self.port))
        self.start([program, "-db", "-f", told], ready="/of-haproxy")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
