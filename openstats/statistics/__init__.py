"""Statistics: pure functions from plain values to the documents of the HTTP API.

No I/O and no clock. Imports nothing but the standard library, numpy and the layers below.
"""
