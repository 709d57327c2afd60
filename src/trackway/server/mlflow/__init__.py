"""The second front door: the MLflow protocol, decoded to operations and encoded from their responses."""
