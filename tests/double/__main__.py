"""`python -m tests.double`: the double as a process of its own, for benchmarks.

Prints its auth_url on a line by itself as soon as it answers; ends with SIGTERM or Ctrl-C.
POST /double/touch (see `Double.control`) changes it while it runs.
"""

import argparse
import signal
import threading
from dataclasses import fields

from tests.double.cloud import Double
from tests.double.populate import Size, populate


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.double", description=__doc__)
    for each in fields(Size):
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per request")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    return parser.parse_args()


def main() -> None:
    """Fill, serve, wait."""
    arguments = _arguments()
    size = Size(**{each.name: getattr(arguments, each.name) for each in fields(Size)})
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    double = Double(latency=arguments.latency, port=arguments.port)
    populate(double, size)
    with double:
        print(double.auth_url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
