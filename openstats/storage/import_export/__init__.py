"""Export of the registry to a document, and import from one."""
