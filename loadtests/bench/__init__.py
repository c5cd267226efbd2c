"""Benchmarks: every figure is a ratio against a baseline measured in the same run.

    uv run just bench            all of them, a table
    uv run just bench --json F   ... and as JSON

Servers are embedded, started for the run and thrown away.
"""
