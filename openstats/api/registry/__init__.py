"""The registry over HTTP: customers, groups, projects, tenants and clouds."""
