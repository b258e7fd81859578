"""Usage: the readings of the odometer, and the slots that belong to each owner."""
