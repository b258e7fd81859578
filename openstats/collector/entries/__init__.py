"""Which entry of clouds.yaml belongs to which registered cloud, and which of several is used.

Entries are parsed in ``clouds.clouds_yaml``.
"""
