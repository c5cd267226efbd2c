"""Bookings given back after they were confirmed: by ticket, whole, or with their event."""
