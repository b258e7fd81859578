"""Whole processes of openstats under attack, and behind proxies: by clients, stores and clouds.

What a part does by itself is tested where that part is.
"""
