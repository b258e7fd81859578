"""Fingerprints of alerts, as Prometheus and Alertmanager make them of labels."""

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
