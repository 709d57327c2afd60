"""Work that the server does by itself."""
