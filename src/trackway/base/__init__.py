"""What every layer may use and what knows nothing of the product: errors, ids, clock, settings."""
