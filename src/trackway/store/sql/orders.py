"""Orders as SQL, and the condition that goes on behind a row: keyset paging, at the cost of the first page.

A term of an order sorts in three zones, in both directions: rows with a value, rows whose metric is NaN, rows without
the field. A row's key is the zone and value of each term, then the tie-breakers; a page token holds the last row's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from trackway.base.errors import InvalidInput
from trackway.store.sql.filters import Sql

VALUE, NAN, MISSING = 0, 1, 2
Zone = int


class Term(NamedTuple):
    """One term: ``value`` is SQL that is NULL outside of the first zone, ``there`` SQL that the field is there.

    ``there`` None: the field is there exactly when the value is not NULL, and no value is NaN.
    ``join`` is what they need behind the FROM clause: it leaves every row once.
    """

    value: Sql
    there: Sql | None
    descending: bool
    kind: Literal["text", "number"]
    join: Sql = Sql("")

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Zones that rows of this term can be in."""
        return (VALUE, MISSING) if self.there is None else (VALUE, NAN, MISSING)

    def in_zone(self, zone: Zone) -> Sql:
        """Return the condition that a row is in a zone of this term."""
        if zone == VALUE:
            return Sql(f"{self.value.text} IS NOT NULL", self.value.params)
        if self.there is None:
            return Sql(f"{self.value.text} IS NULL", self.value.params)
        if zone == MISSING:
            return Sql(f"NOT {self.there.text}", self.there.params)
        return Sql(f"({self.value.text} IS NULL AND {self.there.text})", (*self.value.params, *self.there.params))

    def zone(self) -> Sql:
        """Return the SQL of a row's zone as a number."""
        if self.there is None:
            return Sql(f"CASE WHEN {self.value.text} IS NULL THEN {MISSING} ELSE {VALUE} END", self.value.params)
        return Sql(
            f"CASE WHEN {self.value.text} IS NOT NULL THEN {VALUE} WHEN {self.there.text} THEN {NAN}"
            f" ELSE {MISSING} END",
            (*self.value.params, *self.there.params),
        )


class Key(NamedTuple):
    """One column of a row's key and its direction."""

    sql: Sql
    descending: bool
    kind: Literal["zone", "text", "number"]


class Order:
    """An order of rows: ``terms`` and then ``ties``, whose values are never NULL and together are unique.

    The first term is served a zone at a time, so that each zone can be a walk of its index; within one, rows are
    ordered by ``keys``. ``joins`` are those of the terms.
    """

    def __init__(self, terms: Sequence[Term], ties: Sequence[Term]) -> None:
        self.first = terms[0] if terms else None
        self.joins = [term.join for term in terms]
        self._rest: list[Key] = []
        for term in terms[1:]:
            self._rest.append(Key(term.zone(), False, "zone"))
            self._rest.append(Key(term.value, term.descending, term.kind))
        self._rest += [Key(tie.value, tie.descending, tie.kind) for tie in ties]

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Zones of the first term, in order; one when there is no term."""
        return self.first.zones if self.first else (VALUE,)

    def keys(self, zone: Zone) -> list[Key]:
        """Return the columns that order the rows of a zone."""
        if self.first is None or zone != VALUE:
            return self._rest
        return [Key(self.first.value, self.first.descending, self.first.kind), *self._rest]

    def split(self, after: Sequence[Any] | None) -> tuple[Zone, list[Any] | None]:
        """Return the zone to go on in, and the values of its keys at the last row seen.

        raises: InvalidInput when ``after`` is no key of this order
        """
        if after is None:
            return self.zones[0], None
        zone, values = (after[0], list(after[1:])) if after else (None, [])
        if zone not in self.zones or isinstance(zone, bool | float):
            raise _invalid_token()
        keys = self.keys(zone)
        if len(values) != len(keys) or not all(_fits(k, v) for k, v in zip(keys, values, strict=True)):
            raise _invalid_token()
        return zone, values


def behind(keys: Sequence[Key], values: Sequence[Any]) -> Sql:
    """Return the condition that a row comes behind the one with these key values.

    A first conjunct on the first key alone lets the database seek in its index; NULL values only stand behind a zone
    that says so, and compare as equal.
    """
    condition = Sql("")
    for key, value in reversed(list(zip(keys, values, strict=True))):
        sign = "<" if key.descending else ">"
        if value is None:
            continue
        later = Sql(f"{key.sql.text} {sign} ?", (*key.sql.params, value))
        if not condition.text:
            condition = later
        else:
            condition = Sql(
                f"({later.text} OR ({key.sql.text} = ? AND {condition.text}))",
                (*later.params, *key.sql.params, value, *condition.params),
            )
    first, value = keys[0], values[0]
    if value is None or len(keys) == 1:
        return condition
    sign = "<=" if first.descending else ">="
    return Sql(f"({first.sql.text} {sign} ? AND {condition.text})", (*first.sql.params, value, *condition.params))


def _fits(key: Key, value: object) -> bool:
    if key.kind == "zone":
        return value in (VALUE, NAN, MISSING) and not isinstance(value, bool | float)
    if value is None:
        return True
    if isinstance(value, bool):
        return False
    return isinstance(value, str) if key.kind == "text" else isinstance(value, int | float)


def _invalid_token() -> InvalidInput:
    return InvalidInput("Invalid page token", hint="send next_page_token as it was received")
