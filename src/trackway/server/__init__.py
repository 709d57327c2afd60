"""The HTTP server: two front doors on one dispatch."""
