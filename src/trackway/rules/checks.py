"""What may be a name, a key, a value: each rule once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trackway.api import limits
from trackway.api.keys import check_key
from trackway.api.runs import TAG_NOTE, Series
from trackway.base.errors import InvalidInput
from trackway.base.ids import is_id


def check_params(params: Mapping[str, str]) -> None:
    """Check keys and lengths of params."""
    check_count("params", len(params), limits.PARAMS_PER_INGEST)
    for key, value in params.items():
        check_key("param", key)
        check_text(f"Param {key[:80]!r}", value, limits.PARAM_VALUE_CHARS)


def check_tags(tags: Mapping[str, str]) -> None:
    """Check keys and lengths of tags."""
    check_count("tags", len(tags), limits.TAGS_PER_INGEST)
    for key, value in tags.items():
        check_key("tag", key)
        check_tag_value(key, value)


def check_tag_value(key: str, value: str) -> None:
    """Check a tag's value; a note may be longer."""
    limit = limits.NOTE_CHARS if key == TAG_NOTE else limits.TAG_VALUE_CHARS
    check_text(f"Tag {key[:80]!r}", value, limit)


def check_series(series: Sequence[Series]) -> int:
    """Check keys, that columns are of one length, and the number of points, and return that."""
    check_count("series", len(series), limits.SERIES_PER_INGEST)
    points = 0
    for one in series:
        check_key("metric", one.key)
        size = len(one.values)
        if size == 0 or size % 8 or len(one.steps) != size or len(one.times_ms) != size:
            raise InvalidInput(
                f"The columns of metric {one.key!r} do not match: steps {len(one.steps)}, times {len(one.times_ms)},"
                f" values {size} bytes",
                hint="send 8 bytes a point in each column, and one point or more",
            )
        points += size // 8
    check_count("points", points, limits.POINTS_PER_INGEST)
    if len(series) > 1 and len({one.key for one in series}) < len(series):
        raise InvalidInput("A metric is there twice", hint="put all points of one metric in one series")
    return points


def check_text(what: str, value: str, limit: int) -> None:
    """Check a text's length, and that a database can hold it."""
    if len(value) > limit:
        raise InvalidInput(f"{what} has {len(value)} characters; at most {limit} are allowed")
    if "\x00" in value:
        raise InvalidInput(f"{what} holds the character NUL, which cannot be stored")


def check_name(what: str, name: str, limit: int) -> None:
    """Check a name: some characters, not only blanks."""
    if not name:
        raise InvalidInput(f"The {what} must not be empty")
    if not name.strip():
        raise InvalidInput(f"The {what} must not be blank")
    check_text(f"The {what}", name, limit)


def check_new_id(what: str, text: str) -> None:
    """Check an id that a client chose."""
    if not is_id(text):
        raise InvalidInput(f"Invalid {what} {text[:80]!r}", hint="1 to 64 letters, digits, '_' or '-'")


def check_count(what: str, count: int, limit: int) -> None:
    """Check the number of items in a request."""
    if count > limit:
        raise InvalidInput(f"{count} {what} in one request; at most {limit} are allowed", hint="send several requests")


def check_page(limit: int, most: int) -> None:
    """Check a page's size."""
    if not 1 <= limit <= most:
        raise InvalidInput(f"Invalid page limit {limit}", hint=f"ask for 1 to {most}")


def check_time(what: str, time_ms: int | None) -> None:
    """Check a time stamp."""
    if time_ms is not None and not 0 <= time_ms <= limits.INT64_MAX:
        raise InvalidInput(f"Invalid {what} {time_ms}", hint="give milliseconds since 1970-01-01 UTC, 0 or more")


def check_integer(what: str, number: int) -> None:
    """Check that a number fits the 64 bits that the store has for it."""
    if not limits.INT64_MIN <= number <= limits.INT64_MAX:
        raise InvalidInput(f"Invalid {what} {number}", hint="it must fit 64 bits")


def parse_experiment_id(text: str) -> int:
    """Return an experiment id's number.

    A negative number is one, though no experiment has it.

    raises: InvalidInput unless it is a decimal number that fits 64 bits
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and int(digits) <= limits.INT64_MAX):
        raise InvalidInput(f"Invalid experiment ID {text[:40]!r}", hint="an experiment id is a decimal number as text")
    return int(text)
