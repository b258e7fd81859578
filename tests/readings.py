"""Readings as the storage gives them, made of single ones."""

import numpy as np

from openstats.readings import Reading, Readings


def columns(*found: Reading) -> Readings:
    """Put readings together; what shorter ones lack is NaN."""
    vectors = np.full((len(found), 2, max(len(one.totals) for one in found)), np.nan)
    for row, one in zip(vectors, found, strict=True):
        row[:, : len(one.totals)] = one.vectors
    return Readings(np.array([one.at for one in found]), vectors)
