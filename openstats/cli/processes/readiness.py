"""Messages of ``serve`` after the first poll: ready, or what could not be read and why."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from openstats.storage.jobs import JobOutcome

SHOWN = 3
"""Maximum number of clouds whose URL is shown as an example."""


def address(host: str, port: int) -> str:
    """Return the URL of a server; an IPv6 address is put in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announcement(url: str, outcomes: Sequence[JobOutcome], reason: str) -> str:
    """Return lines that say whether there are figures; ``reason`` explains why there are none."""
    lines = list(_failures(outcomes))
    # Without a discovery, no quotas will be read soon.
    if any(row.kind == "discovery" and row.polled_at is not None for row in outcomes):
        return "\n".join([*lines, f"openstats is ready: {url}/"]) + "\n"
    why = "the clouds could not be read" if lines else reason
    return "\n".join([*lines, f"openstats serves at {url}/ but has no figures: {why}"]) + "\n"


def _failures(outcomes: Iterable[JobOutcome]) -> Iterable[str]:
    """Yield a line for each cloud and error; a Keystone that is down fails all kinds alike."""
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in outcomes:
        if row.polled_at is None:
            kinds[row.cloud, row.error or "not asked yet"].append(row.kind)
    for (name, error), names in kinds.items():
        yield f"openstats: {name}: cannot read {', '.join(names)}: {' '.join(error.split())}"


def examples(url: str, auth_urls: Iterable[str]) -> str:
    """Return example commands, one per line."""
    paths = [f"resource/?auth_url={auth_url}" for auth_url in list(auth_urls)[:SHOWN]]
    paths += ["quota/?each=true", "customer/", "creation-time/?type=project"]
    paths += ["usage/?item=memory", "alert/"]
    return "".join(f"  curl '{url}/api/stats/{path}'\n" for path in paths)
