"""Let oslo.db see that a PostgreSQL database cannot be reached.

It knows libpq's words of before version 14 only. With MySQL, which most clouds have, a cell whose
database is gone is "down" for nova-api; without this, it would answer every list with 500.
"""

from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import exc

UNREACHABLE = r".*connection to server at .* failed"


def teach():
    known = exc_filters.filters("postgresql", exc.OperationalError, UNREACHABLE)
    known(exc_filters._is_db_connection_error)
