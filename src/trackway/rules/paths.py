"""What a path of the search language names: ``metrics.loss``, ``start_time``."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from trackway.api.query import Field
from trackway.rules.fields import Rule, Schema
from trackway.rules.lexer import refuse, shorten

_NAME_CHARS = 64
"""Names that are longer are not compared with those that there are."""


def split_path(path: str) -> tuple[str, str]:
    """Split at the first dot; the entity of a path that begins with a dot is unknown, not left out."""
    prefix, dot, key = path.partition(".")
    return (prefix or dot, key) if dot else ("", path)


def resolve_field(schema: Schema, path: tuple[str, str], text: str, position: int) -> tuple[Field, Rule]:
    """Return the field of a path, which stands at a character of a text, and how it may be used.

    raises: InvalidInput for what objects of the schema do not have
    """
    prefix, key = path
    entity = schema.prefixes.get(prefix)
    if entity is None:
        hint = _suggest(prefix, (known for known in schema.prefixes if known))
        raise refuse(text, position, f"{schema.subject} have nothing called {shorten(prefix)}", hint)
    if entity in schema.keyed:
        if not key:
            raise refuse(text, position, "the key is empty")
        return Field(entity, key), schema.keyed[entity]
    found = schema.named[entity].get(key)
    if found is None:
        hint = _suggest(key, schema.named[entity])
        raise refuse(text, position, f"{schema.subject} have no {entity} {shorten(key)} to search by", hint)
    return found


def _suggest(name: str, known: Iterable[str]) -> str:
    allowed = list(known)
    near = get_close_matches(name, allowed, 1) if len(name) <= _NAME_CHARS else []
    plain = [one for one in allowed if one.islower() and " " not in one]  # without other spellings of the same
    return (f"did you mean {near[0]}? " if near else "") + f"allowed: {', '.join(plain)}"
