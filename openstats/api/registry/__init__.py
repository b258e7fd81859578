"""The registry over HTTP: customers, groups, projects, tenants, instances, clouds,
grants and the audit. The views serve the alerts as well."""
