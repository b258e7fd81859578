"""Memory of a process: large blocks are returned to the system as soon as they are freed."""

import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD = -3
LARGE = 2**18
"""Bytes from which on a block of memory gets a mapping of its own."""


def return_large_pieces() -> None:
    """Make glibc give each large block of memory its own mapping; do nothing for other libraries.

    By default, glibc raises its threshold once such a block is freed, and takes ever larger blocks
    from its heaps. Each thread would then keep the memory of its largest response forever.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
