"""Reading clouds.yaml, and assigning projects to customers by the settings in it."""
