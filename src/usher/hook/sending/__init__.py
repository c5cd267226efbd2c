"""Making deliveries: taken from their table, posted, written down."""
