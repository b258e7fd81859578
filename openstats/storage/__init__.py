"""Storage: the only package that knows the store's tables, on SQLite and on PostgreSQL.

Functions take an open connection and return plain values of ``openstats.model``. They never commit:
their callers (views, commands, the collector) open connections with ``Store.read`` and
``Store.transaction``.
"""
