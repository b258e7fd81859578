"""Services that need storage and statistics together. They know no HTTP.

They are the reports of the statistics, the intake of alerts, and openstats' own alert rules.
"""
