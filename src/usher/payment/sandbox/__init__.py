"""The sandbox: a payment provider that plays the bank, with a book and webhooks of its own."""
