"""A process of ``openstats serve``: when it is ready, and what it answers."""

import json
import urllib.request
from typing import Any

from tests.cli.installation import Process

READY = "openstats is ready: "
WITHOUT_FIGURES = "openstats serves at "


def ready(process: Process, words: str = READY) -> str:
    """Wait until the service says these words, and give its URL."""
    return process.until(words).split(words)[1].split()[0].rstrip("/")


def get(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return json.load(answer)
