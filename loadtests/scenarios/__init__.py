"""Locust files, one a scenario."""
