"""Organisers' webhooks: facts posted to addresses of theirs, signed, retried, kept in a log."""
