"""Samples of some instances, and what has to come of them, summed up as naively as can be.

Nothing of it is shared with what is tested. Every instance is polled every 300 s, its memory every
minute, and never on the edge of a granule.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from uuid import UUID

from tests.peers import Instance, Sample

STEP, HOUR = 300, 3600
BEGIN = 1767225600
LENGTH = 20 * HOUR
END = BEGIN + LENGTH
SHOP, BLOG, LAB, STRANGER = ("0a" * 16, "1b" * 16, "2c" * 16, "3d" * 16)
NAMES = {SHOP: "shop", BLOG: "blog", LAB: "lab", STRANGER: "stranger"}
CPU, VCPUS, MEMORY, DISK = "cpu", "vcpus", "memory.usage", "disk.root.size"
GAUGES = {"memory.used": (MEMORY, 1), "storage.used": (DISK, 1024)}


def times(phase: float, *spans: tuple[float, float], step: int = STEP) -> list[float]:
    """Give moments in stretches of hours."""
    return [
        BEGIN + first * HOUR + phase + step * number
        for first, last in spans
        for number in range(round((last - first) * HOUR / step))
    ]


def instance(
    number: int,
    project: str,
    vcpus: int,
    phase: float,
    *spans: tuple[float, float],
    busy: float = 0.5,
    restart: float | None = None,
) -> Instance:
    """One that is polled while it exists, whose work and memory go up and down."""
    polls = times(phase, *spans)
    minutes = times(phase % 60, *spans, step=60)
    memory = [(t, 512.25 + 100 * number + k % 7) for k, t in enumerate(minutes)]
    burnt, cpu = 5e9 * number, []
    for k, time in enumerate(polls):
        burnt += 1e9 * vcpus * STEP * busy * (1 + k % 5) / 5
        if restart and time >= BEGIN + restart * HOUR:
            burnt, restart = 2e9, None
        cpu.append((time, burnt))
    sizes = {VCPUS: [(t, vcpus) for t in polls], DISK: [(t, 20 * vcpus) for t in polls]}
    return Instance(str(UUID(int=number)), project, {MEMORY: memory, CPU: cpu, **sizes})


FLEET = [
    instance(1, SHOP, 1, 17.25, (0, 20)),
    instance(2, SHOP, 4, 250.5, (3, 9), busy=0.9),  # comes and goes
    instance(3, SHOP, 2, 299.0, (6, 7)),  # does not live long
    instance(4, BLOG, 2, 120.0, (0, 20), restart=12.5),  # its counter begins again
    instance(5, BLOG, 1, 60.125, (0, 20), busy=0.1),
    instance(6, LAB, 8, 33.0, (0, 11), (12, 20)),  # says nothing for an hour, and is alone
    instance(7, STRANGER, 2, 5.0, (4, 20)),  # of a project that nobody registered
]


def granule(time: float) -> int:
    return int(time // STEP * STEP)


def means(samples: Sequence[Sample]) -> dict[int, float]:
    found = defaultdict(list)
    for time, value in samples:
        found[granule(time)].append(value)
    return {start: fmean(values) for start, values in found.items()}


def burnt(samples: Sequence[Sample]) -> dict[int, float]:
    """Give vCPU-seconds between polls, in the granule of the later one."""
    return {
        granule(later): (high - low) / 1e9
        for (earlier, low), (later, high) in pairwise(samples)
        if high >= low and granule(later) - granule(earlier) == STEP
    }


def summed(project: str, of: Callable[[Instance], dict[int, float]]) -> dict[int, float]:
    sums: defaultdict[int, float] = defaultdict(float)
    for one in FLEET:
        if one.project_id == project:
            for start, value in of(one).items():
                sums[start] += value
    return sums


def observed(project: str, start: int) -> bool:
    """Whether something is known of a project: it is all the time, but for the hole in LAB."""
    return project != LAB or not BEGIN + 11 * HOUR <= start < BEGIN + 12 * HOUR


def gauge(meter: str, project: str, begin: int, end: int) -> float:
    """Give the mean over the time observed of the sum over instances; whoever is gone has 0."""
    metric, factor = GAUGES[meter]
    sums = summed(project, lambda one: means(one.metrics[metric]))
    starts = [s for s in range(begin, end, STEP) if observed(project, s)]
    return factor * fmean(sums.get(start, 0.0) for start in starts) if starts else 0.0


def cpu(project: str, begin: int, end: int) -> float:
    """Give what was burnt of what ran, in per cent, granule by granule."""
    work = summed(project, lambda one: burnt(one.metrics[CPU]))
    ran = summed(project, lambda one: means(one.metrics[VCPUS]))
    starts = [s for s in range(begin, end, STEP) if s in work]
    weight = STEP * sum(ran[start] for start in starts)
    return 100 * sum(work[start] for start in starts) / weight if weight else 0.0


def linear(samples: Sequence[Sample], moment: float) -> float:
    """Give a counter between its samples."""
    for (earlier, low), (later, high) in pairwise(samples):
        if earlier <= moment <= later:
            return low + (high - low) * (moment - earlier) / (later - earlier)
    return samples[0][1] if moment < samples[0][0] else samples[-1][1]


def right(meter: str, project: str, begin: int, end: int) -> float:
    """Give the value of a datapoint."""
    if meter == "cpu.used":
        return cpu(project, begin, end)
    return gauge(meter, project, begin, end)


def continuous(project: str, begin: int, end: int) -> tuple[float, float]:
    """Give CPU in per cent without granules, and by how much granules may be off.

    Counters are linear from sample to sample. What an instance burns before its first sample is
    not known, and where a piece begins or ends one sample may count for its neighbour.
    """
    work = ran = unsure = 0.0
    for one in FLEET:
        if one.project_id == project:
            samples, vcpus = one.metrics[CPU], one.metrics[VCPUS][0][1]
            work += (linear(samples, end) - linear(samples, begin)) / 1e9
            lives = min(end, samples[-1][0]) - max(begin, samples[0][0])
            ran += vcpus * max(0.0, lives)
            unsure += vcpus * STEP * (lives > 0) * (1 + (begin <= samples[0][0]))
    return 100 * work / ran, 100 * unsure / ran
