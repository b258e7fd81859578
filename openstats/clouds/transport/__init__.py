"""HTTP to a cloud, within bounds."""
