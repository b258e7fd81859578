"""The registry: clouds, customers, project groups, projects and tenants, as they are written."""
