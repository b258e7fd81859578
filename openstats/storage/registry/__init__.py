"""The registry: writes clouds, customers, project groups, projects, tenants and grants."""
