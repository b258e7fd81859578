"""The command line. It starts the API and the collector.

Commands import what they need when they run, so that the command line starts fast.
"""
