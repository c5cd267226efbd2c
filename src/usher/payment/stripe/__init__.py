"""Stripe: a Checkout Session on Stripe's own page, authorised there, captured from here."""
