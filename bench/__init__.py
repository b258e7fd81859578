"""What openstats costs: run ``python -m bench``, or ``python -m bench NAME...`` for a part."""
