"""The schema's metadata written out as SQL, so that nothing but a change of the schema needs SQLAlchemy.

``python -m trackway.store.sql.ddl`` writes the newest revision's files; a test holds them to the metadata.
"""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from trackway.store.sql.migrations import HISTORY, History
from trackway.store.sql.schema import metadata

_DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]
_NUMBER = r"""
CREATE OR REPLACE FUNCTION trackway_number(value text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF value !~* '^[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)$' THEN RETURN NULL; END IF;
  RETURN value::double precision;
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN CASE WHEN value ~ 'e-|E-' THEN 0.0 WHEN value LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END::double precision;
END $$"""
"""What ``api.query.read_number`` is, for PostgreSQL; SQLite gets the function itself with each connection."""
_COMPUTE = """
CREATE OR REPLACE FUNCTION trackway_compute(a double precision, op text, b double precision)
RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN NULLIF(
    CASE op WHEN '+' THEN a + b WHEN '-' THEN a - b WHEN '*' THEN a * b ELSE a / NULLIF(b, 0) END, 'NaN');
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN CASE
    WHEN op = '+' OR op = '-' THEN sign(a) * 'Infinity'
    WHEN ln(abs(a)) + CASE op WHEN '*' THEN 1 ELSE -1 END * ln(abs(b)) > 0 THEN sign(a) * sign(b) * 'Infinity'
    ELSE 0 END;
END $$"""
"""What ``api.query.Arithmetic`` means, for PostgreSQL: a result out of range is infinite or 0, as SQLite has it."""
_FUNCTIONS = {"sqlite": [], "postgresql": [_NUMBER, _COMPUTE]}
_NOW_MS = {
    "sqlite": "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)",
}
_ROW_BYTES = 8_160
"""What a row may hold of packed bytes before PostgreSQL keeps them elsewhere: all that fits into a page."""
_ROWS = (
    """
INSERT INTO workspaces (key, name, description, created_by, created_ms) VALUES
  ('default', 'default', '', '', :now_ms)""",
    """
INSERT INTO experiments (pk, workspace, name, artifact_location, created_ms, updated_ms) VALUES
  (0, 'default', 'Default', 'mlflow-artifacts:/0', :now_ms, :now_ms)""",
)
"""What every database starts with."""


def render(dialect: str) -> str:
    """Return the statements that make a new database, what it starts with included, divided by empty lines.

    dialect: ``sqlite`` or ``postgresql``
    """
    statements = list(_FUNCTIONS[dialect])
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=_DIALECTS[dialect])))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=_DIALECTS[dialect])) for index in indexes]
        packed = [column.name for column in table.columns if column.info.get("packed")]
        if packed and dialect == "postgresql":
            storage = ", ".join(f"ALTER COLUMN {name} SET STORAGE EXTERNAL" for name in packed)
            statements.append(f"ALTER TABLE {table.name} {storage}, SET (toast_tuple_target = {_ROW_BYTES})")
    statements += [row.replace(":now_ms", _NOW_MS[dialect]) for row in _ROWS]
    return "-- Written from schema.py by `make schema`.\n" + "\n\n".join(map(_tidy, statements)) + "\n"


def write_files(history: History = HISTORY) -> None:
    """Write the newest revision's statements for both databases."""
    for dialect in _DIALECTS:
        history.find_schema(dialect).write_text(render(dialect), encoding="utf-8")


def _tidy(statement: str) -> str:
    """Drop empty lines and what SQLAlchemy leaves at the ends of lines, and end the statement."""
    lines = (line.replace("\t", "  ").rstrip() for line in statement.splitlines())
    return "\n".join(line for line in lines if line) + ";"


if __name__ == "__main__":
    write_files()
