"""Where the system of record is kept: protocols in ``base``, the SQL store in ``sql``."""
