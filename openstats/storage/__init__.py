"""SQL: the only room that knows the store's tables, on SQLite and PostgreSQL alike.

Functions take an open connection and answer plain values of ``openstats.model``. They never
commit: ``Store.read`` and ``Store.transaction`` belong to the doors and the collector.
"""
