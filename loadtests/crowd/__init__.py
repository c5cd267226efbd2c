"""Fans, bots and watchers, and how Locust lets them loose."""
