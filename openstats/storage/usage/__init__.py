"""Usage: the readings of the odometer, and whose slots they hold."""
