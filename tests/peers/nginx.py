"""Debian's nginx in front of a server, on a free port of loopback.

Observed (1.22): an answer with `Cache-Control: private` or `no-cache` is not kept. Where nginx is
told to ignore that, an answer is kept for each set of headers that its `Vary` names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.peers.server import Server, libraries, programs

CONFIGURATION = """
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/temp;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    proxy_cache_path {home}/cache keys_zone=openstats:1m;
    server {{
        listen 127.0.0.1:{port};
        location /of-nginx {{ return 204; }}
        {locations}
    }}
    {servers}
}}
"""
CACHING = """
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_cache openstats;
            proxy_cache_valid 200 10m;
            proxy_cache_lock on;
            add_header X-Cache $upstream_cache_status always;
            {more}
        }}
"""


class Nginx(Server):
    """An nginx while the context lasts, with locations of its own server, or further servers."""

    def __init__(self, directory: Path, locations: str = "", servers: str = "") -> None:
        super().__init__("nginx", directory)
        self.locations, self.servers = locations, servers

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | libraries("nginx")

    def __enter__(self) -> Self:
        program = programs("nginx").parent / "sbin" / "nginx"
        self.directory.mkdir(exist_ok=True)
        told = self.directory / "nginx.conf"
        values = {"home": self.directory, "port": self.port}
        whole = CONFIGURATION.format(**values, locations=self.locations, servers=self.servers)
        told.write_text(whole)
        errors = self.directory / "error.log"
        self.start([program, "-p", self.directory, "-c", told, "-e", errors], ready="/of-nginx")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def caching(directory: Path, upstream: str, more: str = "") -> Nginx:
    """Make one that caches what is behind a URL; ``more`` are further directives for that."""
    return Nginx(directory, CACHING.format(upstream=upstream, more=more))
