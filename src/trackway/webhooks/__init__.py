"""Webhooks: who is told of what happens, and how that is delivered."""
