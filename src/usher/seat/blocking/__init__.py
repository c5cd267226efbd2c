"""Seats that are not for sale: an organiser blocks them and puts them back."""
