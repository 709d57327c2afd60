"""Histories in and out: what MLflow kept, and bundles that carry runs from one store to another."""
