"""The file clouds.yaml, and the customers of its projects."""
