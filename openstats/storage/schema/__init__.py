"""The tables, as migrations leave them."""
