"""What ``serve`` says when the first poll is over: ready, or what could not be read, and why."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from openstats.storage.jobs import JobOutcome

SHOWN = 3
"""Clouds whose URL is shown as an example."""


def address(host: str, port: int) -> str:
    """Return the URL of a server; an IPv6 address in it stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announcement(url: str, outcomes: Sequence[JobOutcome], reason: str) -> str:
    """Return the lines that say whether there are figures, or the ``reason`` for having none."""
    lines = list(_failures(outcomes))
    # Of a cloud whose projects are not known, the quotas of none are read soon.
    if any(row.kind == "discovery" and row.polled_at is not None for row in outcomes):
        return "\n".join([*lines, f"openstats is ready: {url}/"]) + "\n"
    why = "the clouds could not be read" if lines else reason
    return "\n".join([*lines, f"openstats serves at {url}/ but has no figures: {why}"]) + "\n"


def _failures(outcomes: Iterable[JobOutcome]) -> Iterable[str]:
    """Return a line for each cloud and reason: a Keystone that is down fails all kinds alike."""
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in outcomes:
        if row.polled_at is None:
            kinds[row.cloud, row.error or "not asked yet"].append(row.kind)
    for (name, error), names in kinds.items():
        yield f"openstats: {name}: cannot read {', '.join(names)}: {' '.join(error.split())}"


def examples(url: str, auth_urls: Iterable[str]) -> str:
    """Return commands to try, for who has a terminal."""
    paths = [f"resource/?auth_url={auth_url}" for auth_url in list(auth_urls)[:SHOWN]]
    paths += ["quota/?each=true", "customer/", "creation-time/?type=project"]
    paths += ["usage/?item=memory", "alert/"]
    return "".join(f"  curl '{url}/api/stats/{path}'\n" for path in paths)
