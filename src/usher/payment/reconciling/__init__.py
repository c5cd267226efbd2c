"""Comparing books: what providers have, and what we have."""
