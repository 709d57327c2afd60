"""Histories made by other products' own clients, and what becomes of them here."""
