"""The inventory: what polls read about servers, volumes, hypervisors and resource providers."""
