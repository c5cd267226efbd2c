"""Shadows: copies of events to rehearse a sale on, of which nothing is left afterwards."""
