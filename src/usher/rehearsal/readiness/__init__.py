"""Whether a deployment is ready for a sale: what was seen of it, and what to do."""
