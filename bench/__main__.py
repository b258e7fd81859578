"""Run the benchmarks: measure, print a table, write bench/results.json."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import alerts, auth, polling, process, serving, usage
from bench.result import Result

Measure = Callable[[Callable[[str], bool]], Iterator[Result]]
MEASURES: tuple[Measure, ...] = (
    serving.throughput,
    process.help_seconds,
    process.serving,
    process.embedded,
    polling.calls,
    polling.wall,
    usage.queries,
    usage.tick,
    alerts.measure,
    auth.cost,
)
RESULTS = Path(__file__).parent / "results.json"


def chosen(names: list[str]) -> Callable[[str], bool]:
    """Say which figures are wanted: those whose name begins with one that was given, or all."""
    return lambda name: (
        not names or any(name.startswith(given) or given.startswith(f"{name}.") for given in names)
    )


def show(result: Result) -> None:
    """Print a row."""
    sign = {"higher": "≥", "lower": "≤"}[result.better]
    spread = f"{result.spread[0]:g} … {result.spread[1]:g}"
    bound = "" if result.bound is None else f"{sign} {result.bound:g}"
    state = "" if result.bound is None else "met" if result.met else "NOT MET"
    print(f"{result.name:41} {result.value:>9g} {result.unit:6} {bound:>8}  {spread:20} {state}")


def main(names: list[str], measures: Sequence[Measure] = MEASURES) -> int:
    """Measure what was named, or everything; the exit status is 0 if every bound is met."""
    results = []
    print(f"{'figure':41} {'value':>9} {'unit':6} {'bound':>8}  {'spread':20}")
    for measure in measures:
        for result in measure(chosen(names)):
            show(result)
            results.append(result)
    RESULTS.write_text(json.dumps([result.document() for result in results], indent=1) + "\n")
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
