"""The collector: schedules polls of clouds, and stores what they return.

SQL belongs in ``storage``, calls to OpenStack in ``clouds``.
"""
