"""The memory of a process: large pieces of it go back to the system as soon as they are free."""

import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD = -3
LARGE = 2**18
"""Bytes from which on a piece of memory is mapped by itself."""


def return_large_pieces() -> None:
    """Have the C library map large pieces of memory by themselves, where it is glibc.

    Left alone, it maps ever larger ones from its heaps once such a piece was freed: each thread
    then keeps the room of the largest answer of a cloud that it ever read, for good.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
