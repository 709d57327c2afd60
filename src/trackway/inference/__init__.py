"""Predictions for files of any size: read in batches, written as they come, and taken up again where they stopped."""
