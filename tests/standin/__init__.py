"""Servers of others, played by our own for the tests: only their address is another."""
