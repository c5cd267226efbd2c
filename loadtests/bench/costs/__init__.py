"""The unit costs of `usher plan`: what one of each thing takes, measured on this machine.

    uv run just costs                the shipped sheet, src/usher/capacity/costs.json, anew
    uv run just costs --json FILE    ... into another file, for `usher plan --costs FILE`

Every cost is processor time of the process that bears it, not time that passed: other work on the
machine makes it a little dearer (caches), not many times so. What the same process does anyway in
that time was measured before and is taken off.
"""
