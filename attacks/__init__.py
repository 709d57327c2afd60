"""Hostile inputs and the answers expected: shapes that broke servers of this kind, as permanent tests."""
