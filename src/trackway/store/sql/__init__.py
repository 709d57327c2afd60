"""The store on SQLite and PostgreSQL: the only place that knows SQL."""
