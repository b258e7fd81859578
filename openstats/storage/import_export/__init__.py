"""The registry as a document: exported, and imported."""
