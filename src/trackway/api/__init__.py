"""What the system can do for a caller: request and response structs, and one record for each operation."""
