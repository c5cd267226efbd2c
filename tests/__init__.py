"""Tests by kind, then by room."""
