"""Fingerprints of alerts, computed from labels as Prometheus and Alertmanager do."""

from collections.abc import Mapping

OFFSET, PRIME, MASK = 14695981039346656037, 1099511628211, 2**64 - 1
SEPARATOR = b"\xff"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the FNV-1a hash of the sorted labels, as 16 hexadecimal digits."""
    digest = OFFSET
    for name in sorted(labels):
        for byte in b"".join((name.encode(), SEPARATOR, labels[name].encode(), SEPARATOR)):
            digest = ((digest ^ byte) * PRIME) & MASK
    return f"{digest:016x}"


def common_fingerprint(
    labels: Mapping[str, str], alert_fingerprint: str, replicas: frozenset[str]
) -> str:
    """Return a fingerprint that ignores the labels of replicas, so that their alerts share it.

    An alert without such labels keeps ``alert_fingerprint``.
    """
    if replicas.isdisjoint(labels):
        return alert_fingerprint
    return fingerprint({name: value for name, value in labels.items() if name not in replicas})
