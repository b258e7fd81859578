"""Debian's wrk: a load of pipelined requests, and what came of it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.peers.server import libraries, programs

PATIENCE = 30
"""Seconds that an answer may take."""

SCRIPT = """
init = function()
    local requests = {}
    for number = 1, 8 do requests[number] = wrk.format("GET") end
    pipelined = table.concat(requests)
end
request = function() return pipelined end
done = function(summary)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print("of " .. summary.requests .. " requests " .. failed .. " failed")
end
"""


def load(directory: Path, url: str, seconds: int) -> tuple[int, int]:
    """Ask for a URL on many connections; return how many requests were made, and how many failed.

    A status of 400 or above is a failure, and so is a connection that breaks.
    """
    script = directory / "pipelined.lua"
    script.write_text(SCRIPT)
    words = ["-t", "1", "-c", "16", "-d", f"{seconds}s", "--timeout", f"{PATIENCE}s"]
    done = subprocess.run(
        [programs("wrk") / "wrk", *words, "-s", str(script), url],
        env=os.environ | libraries("wrk"),
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"of (\d+) requests (\d+) failed", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1]), int(found[2])
