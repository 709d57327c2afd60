"""What every service shares: the shape of a handler, what may be a name or value, page tokens, the search language."""
