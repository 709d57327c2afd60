"""Contract suites of stores, blob stores, transports and flavors, for use by third parties too (needs pytest)."""
