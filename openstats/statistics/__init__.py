"""The answers: pure functions from plain values to the contract's documents.

No I/O, no clock, and no import but the standard library and the floors below.
"""
