"""Query strings: models of their parameters, and error messages for callers."""
