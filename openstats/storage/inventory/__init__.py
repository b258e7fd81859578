"""The inventory: what polls read of servers, volumes, hypervisors and providers."""
