"""The kinds of columns and tables that the schema is made of, for both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeEngine

INTEGER: TypeEngine[Any] = BigInteger().with_variant(Integer, "sqlite")
STRING: TypeEngine[Any] = Text().with_variant(Text(collation="C"), "postgresql")  # order as bytes, as SQLite does

metadata = MetaData()


def make_table(
    name: str, *columns: Column[Any] | UniqueConstraint, clustered: bool = False, ids: bool = False
) -> Table:
    """Declare a table; ``clustered`` keeps rows in the primary key's order, ``ids`` never gives a number twice."""
    return Table(name, metadata, *columns, sqlite_with_rowid=not clustered, sqlite_autoincrement=ids)


def pk(name: str, kind: TypeEngine[Any] = INTEGER) -> Column[Any]:
    """Declare a part of the primary key."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def integer(name: str, nullable: bool = False) -> Column[Any]:
    """Declare an integer."""
    return Column(name, INTEGER, nullable=nullable)


def string(name: str, nullable: bool = False) -> Column[Any]:
    """Declare a text, ordered as bytes."""
    return Column(name, STRING, nullable=nullable)


def real(name: str) -> Column[Any]:
    """Declare a number that may be missing."""
    return Column(name, Double(), nullable=True)


def packed(name: str) -> Column[Any]:
    """Declare a column of bytes that are small already, so that PostgreSQL does not try to make them smaller."""
    return Column(name, LargeBinary, nullable=False, info={"packed": True})


def serial() -> Column[Any]:
    """Declare a number that the database gives."""
    return Column("pk", INTEGER, primary_key=True, autoincrement=True)
