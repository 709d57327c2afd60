"""What a sweep tries: for each parameter a domain, written as ``log(1e-4, 1e-1)``, ``choice(adam, sgd)`` or a value.

uniform(LOW, HIGH)      numbers, evenly spread              points=N says how many a grid takes, step=S how far apart
log(LOW, HIGH)          numbers, evenly spread by their logarithm; points=N
int(LOW, HIGH)          integers, both ends included; step=N, points=N
logint(LOW, HIGH)       integers, evenly spread by their logarithm; points=N
choice(A, B, ...)       values as they are; in quotes when they hold commas or brackets
anything else           the one value of all trials
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from trackway.base.errors import InvalidInput

Scalar = str | int | float | bool
Kind = Literal["constant", "choice", "float", "int"]
MOST_POINTS: Final = 100_000
"""Most trials of a grid."""
MOST_CHOICES: Final = 10_000
_FORMS: Final[Mapping[str, tuple[Kind, bool]]] = {
    "uniform": ("float", False),
    "log": ("float", True),
    "int": ("int", False),
    "logint": ("int", True),
}
_FORM = re.compile(r"\s*(uniform|log|int|logint|choice)\s*\((.*)\)\s*", re.DOTALL)
_PART = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,"()\[\]]*)\s*(,|$)', re.DOTALL)


class Domain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The values that one parameter may have.

    values: of a choice; the one of a constant
    low, high: both may be taken
    step:   distance of one from the next; None for any
    points: how many a grid takes
    """

    kind: Kind
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    points: int | None = None

    def draw(self, random: Any) -> Scalar:
        """Return a value by chance; ``random`` is a numpy generator."""
        if self.kind in ("constant", "choice"):
            return self._pick(int(random.integers(len(self.values))))
        if self.step is not None:
            return self._cast(self.low + self.step * int(random.integers(self._count_steps())))
        if self.log:
            half = 0.5 if self.kind == "int" else 0.0  # each integer has its share, the ends too
            found = math.exp(random.uniform(math.log(self.low - half), math.log(self.high + half)))
            return self._cast(min(max(found, self.low), self.high))
        if self.kind == "int":
            return int(random.integers(int(self.low), int(self.high) + 1))
        return self._cast(random.uniform(self.low, self.high))

    def list_points(self, name: str) -> list[Scalar]:
        """Return the values that a grid takes, in order.

        raises: InvalidInput when nothing says how many
        """
        if self.kind in ("constant", "choice"):
            return [self._pick(place) for place in range(len(self.values))]
        if self.points is not None:
            count = self.points
            ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
            share = [place / (count - 1) if count > 1 else 0.0 for place in range(count)]
            found = [ends[0] + (ends[1] - ends[0]) * one for one in share]
            numbers = [math.exp(one) if self.log else one for one in found]
            numbers[0] = self.low
            numbers[-1] = self.high if count > 1 else self.low
            return list(dict.fromkeys(map(self._cast, numbers)))
        if self.step is not None or (self.kind == "int" and not self.log):
            step = 1.0 if self.step is None else self.step
            return [self._cast(self.low + step * place) for place in range(self._count_steps())]
        raise InvalidInput(f"A grid needs to know how many values of {name!r} to take", hint="such as points=5")

    def _count_steps(self) -> int:
        step = 1.0 if self.step is None else self.step
        return math.floor((self.high - self.low) / step + 1e-9) + 1

    def _pick(self, place: int) -> Scalar:
        value: Scalar = self.values[place]
        return value

    def _cast(self, number: float) -> Scalar:
        return round(number) if self.kind == "int" else float(number)


Space = dict[str, Domain]
"""The domain of each parameter."""


def read_space(given: Mapping[str, Any]) -> Space:
    """Read a search space: a text in one of the forms above, a list for a choice, or a value.

    raises: InvalidInput naming the parameter, and what is wrong with its domain
    """
    space = {str(name): _read_domain(str(name), value) for name, value in given.items()}
    if all(one.kind == "constant" for one in space.values()):
        raise InvalidInput("There is nothing to try: no parameter has several values", hint="lr=log(1e-4, 1e-1)")
    return space


def list_grid(space: Space, most: int = MOST_POINTS) -> list[dict[str, Scalar]]:
    """Return every combination; the last parameter changes fastest.

    raises: InvalidInput when there are more than ``most``
    """
    columns = [one.list_points(name) for name, one in space.items()]
    count = math.prod(map(len, columns))
    if count > most:
        raise InvalidInput(f"The grid has {count:,} trials; at most {most:,} are allowed", hint="take fewer points")
    return [dict(zip(space, row, strict=True)) for row in itertools.product(*columns)]


def read_scalar(text: str) -> Scalar:
    """Return what a text names as JSON does (a number, a truth, a text in quotes), else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return value if isinstance(value, str) or is_number else text


def write_scalar(value: Scalar) -> str:
    """Return a value as the text that a program gets."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _read_domain(name: str, value: Any) -> Domain:
    if isinstance(value, list | tuple):
        return _make_choice(name, value)
    if isinstance(value, Domain):
        return value
    if isinstance(value, str):
        found = _FORM.fullmatch(value)
        if found is None:
            return Domain(kind="constant", values=(value,))
        parts = _split(name, found[2])
        if found[1] == "choice":
            return _make_choice(name, [read_scalar(part) for part in parts])
        return _make_range(name, found[1], parts)
    if not isinstance(value, int | float):
        raise _refuse(name, f"{value!r:.80} is no domain", "a form such as log(1e-4, 1e-1), a list, or a value")
    return Domain(kind="constant", values=(value,))


def _split(name: str, text: str) -> list[str]:
    parts, place = [], 0
    while place <= len(text):
        match = _PART.match(text, place)
        if match is None:
            raise _refuse(
                name, f"{text[:80]!r} cannot be read", "values divided by commas; quotes around those with any"
            )
        parts.append(match[1].strip())
        place = match.end() + (0 if match[2] else 1)
    return parts


def _make_choice(name: str, values: Sequence[Any]) -> Domain:
    if not values or len(values) > MOST_CHOICES:
        raise _refuse(name, f"a choice of {len(values):,} values", f"1 to {MOST_CHOICES:,}")
    for value in values:
        if not isinstance(value, str | int | float | bool) or value == "":
            raise _refuse(name, f"{value!r:.80} cannot be chosen", "a text, a number, true or false")
    if len({(type(value), value) for value in values}) < len(values):
        raise _refuse(name, "a value is there twice", "give each once")
    return Domain(kind="choice", values=tuple(values))


def _make_range(name: str, form: str, parts: Sequence[str]) -> Domain:
    kind, log = _FORMS[form]
    ends = [part for part in parts if "=" not in part]
    more = dict(part.replace(" ", "").split("=", 1) for part in parts if "=" in part)
    if len(ends) != 2 or not more.keys() <= {"step", "points"} or len(more) + 2 != len(parts):
        raise _refuse(
            name, f"{form}({', '.join(parts)[:80]}) cannot be read", f"{form}(LOW, HIGH), with step= or points="
        )
    low, high = (_read_number(name, text, kind) for text in ends)
    step = _read_number(name, more["step"], kind) if "step" in more else None
    points = _read_number(name, more["points"], "int") if "points" in more else None
    if not low < high:
        raise _refuse(name, f"{low:g} is not below {high:g}", "the lower end comes first")
    if log and low <= 0:
        raise _refuse(name, f"a logarithm of {low:g} cannot be", "both ends must be above 0")
    if step is not None and (log or not 0 < step <= high - low):
        raise _refuse(name, f"a step of {step:g}", f"above 0, up to {high - low:g}" if not log else "points= instead")
    if points is not None and not 1 <= points <= MOST_POINTS:
        raise _refuse(name, f"{points:g} points", f"1 to {MOST_POINTS:,}")
    if step is not None and points is not None:
        raise _refuse(name, "both step and points", "one of the two")
    return Domain(kind=kind, low=low, high=high, log=log, step=step, points=None if points is None else int(points))


def _read_number(name: str, text: str, kind: Kind) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > 2**53 or (kind == "int" and number != int(number)):
        raise _refuse(name, f"{text[:40]!r} is no {'integer' if kind == 'int' else 'finite number'}", "such as 1e-3")
    return number


def _refuse(name: str, problem: str, allowed: str) -> InvalidInput:
    return InvalidInput(f"The domain of {name[:80]!r}: {problem}", hint=allowed)
