"""The composition root: the only place that names concrete classes and builds everything from settings."""
