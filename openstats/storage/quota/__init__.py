"""Quota: sums of limits and use, and the row of each tenant, which polls write."""
