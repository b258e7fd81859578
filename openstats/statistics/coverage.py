"""Coverage that is computed from figures: of usage, and of the clouds of an auth_url.

Coverage that SQL can count is in ``openstats.storage.coverage``.
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
    """Return the coverage of a meter; its ``oldest`` is the earliest of the clouds' last readings.

    ``read_at`` is when each cloud was last read. ``unobserved`` are clouds that were not observed
    around the period, which count as unknown. By default the clouds of the members and
    ``more_clouds`` count; with ``all_clouds``, all clouds in ``read_at``.
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

    A cloud is known if its capacity was read (``read_at``), and the quotas of its tenants as well
    (``complete``). ``tenants`` is the coverage of the quotas alone.
    """
    clouds_known = sum(cloud in complete for cloud in read_at)
    times = list(read_at.values())
    if tenants.oldest is not None:
        times.append(tenants.oldest)
    oldest = min(times, default=None)
    return Coverage(tenants.tenants, tenants.tenants_known, len(clouds), clouds_known, oldest)
