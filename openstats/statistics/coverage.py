"""Coverage, where it follows from figures that were read: of usage, and of the clouds of a URL.

What the store can count by itself is in ``openstats.storage.coverage``.
"""

from collections.abc import Collection, Container, Iterable, Mapping

from openstats.model import Coverage
from openstats.readings import Members


def of_usage(
    members: Members,
    read_at: Mapping[int, int | None],
    *,
    all_clouds: bool,
    unobserved: Container[int] = (),
    more_clouds: Iterable[int] = (),
) -> Coverage:
    """Return of how many tenants and clouds a meter was read, and when the last of the clouds was.

    ``read_at`` is when each cloud was read last; ``unobserved`` are clouds of which the readings
    around the interval say nothing. ``all_clouds`` counts every cloud, and not only those in which
    the members are, and ``more_clouds``.
    """
    counting = slice(None) if members.counted is None else members.counted > 0
    tenants, homes = members.tenants[counting].tolist(), members.clouds[counting].tolist()
    cloud_of = dict(zip(tenants, homes, strict=True))
    clouds = set(read_at) if all_clouds else {*cloud_of.values(), *more_clouds}
    times = [at for cloud in clouds if (at := read_at[cloud]) is not None]
    clouds_known = {
        cloud for cloud in clouds if read_at[cloud] is not None and cloud not in unobserved
    }
    tenants_known = sum(cloud in clouds_known for cloud in cloud_of.values())
    oldest = min(times, default=None)
    return Coverage(len(cloud_of), tenants_known, len(clouds), len(clouds_known), oldest)


def of_clouds(
    tenants: Coverage, clouds: Collection[int], read_at: Mapping[int, int], complete: Container[int]
) -> Coverage:
    """Return the coverage of capacity and quotas of clouds (row ids).

    A cloud is known when its capacity was read (``read_at``) and its tenants' quotas were
    (``complete``). ``tenants`` is the coverage of the quotas alone.
    """
    clouds_known = sum(cloud in complete for cloud in read_at)
    times = list(read_at.values())
    if tenants.oldest is not None:
        times.append(tenants.oldest)
    oldest = min(times, default=None)
    return Coverage(tenants.tenants, tenants.tenants_known, len(clouds), clouds_known, oldest)
