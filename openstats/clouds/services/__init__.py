"""The services of a cloud, one module each."""
