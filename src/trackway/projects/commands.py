"""Commands of entry points: a template, and values that are put into it without ever becoming a part of its structure.

A template without signs of a shell is split into words once; each value is then put into its word, so that the program
gets it as it is, whatever is in it. A template that needs a shell is run by `bash -c`, and values are its positional
parameters: where the template says ``{alpha}``, the script says ``"${1}"``. A value in text that a program reads as a
program (behind ``bash -c``, ``python -c``, ``eval``, in arithmetic) would be a part of that: it is refused, but for
numbers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from trackway.base.errors import InvalidInput
from trackway.projects.specification import EntryPoint, get_interpreter

VALUE_BYTES: Final = 100_000
"""Longest value: systems take arguments of about 128 KiB."""
_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_SHELL_SIGNS: Final = frozenset("|&;<>()$`*?[]#~{}!\n")
_SHELL_WORDS: Final = frozenset(
    """. : alias break builtin case cd command continue declare dirs eval exec exit export for function getopts hash if
    let local mapfile popd pushd read readonly return select set shift shopt source time times trap type typeset ulimit
    umask unalias unset until wait while""".split()
)
_PROGRAMS = re.compile(r"(ba|da|z|k|fi)?sh|python[0-9.]*|Rscript|R|perl|ruby|node|lua|php|julia")
"""Programs that take a program's text behind an option."""
_CODE_OPTION = re.compile(r"-[A-Za-z]*[ceE]|--eval|--command|--exec|--print|-p|-r")
_EVALUATING: Final = frozenset(("eval", "let", "[[", "trap"))
_LEADING: Final = frozenset(
    ("if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "builtin", "command")
)
"""Words of a shell that another command follows."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NUMBERS: Final = frozenset(("float", "int"))


class Place(NamedTuple):
    """Where a value goes."""

    name: str


Part = str | Place
Word = tuple[Part, ...]


class Template(NamedTuple):
    """A command before its values are there.

    commands: the simple commands of it, each a list of words
    script:   what bash is to run, as texts and places of values in turn; None when no shell is needed
    """

    commands: tuple[tuple[Word, ...], ...]
    script: tuple[Part, ...] | None


def build_command(entry: EntryPoint, values: Mapping[str, str], extra: Mapping[str, str]) -> list[str]:
    """Return the words of an entry point's command.

    values:  of its parameters, by name
    extra:   appended as ``--name value``
    raises:  InvalidInput for a template that cannot be meant, or a value that cannot be a word or would be a program
    """
    for name in extra:
        if not _KEY.fullmatch(name):
            raise InvalidInput(f"{name[:100]!r} is no name of a parameter", hint="letters, digits, _ . and -")
    for name, value in (*values.items(), *extra.items()):
        _check_value(name, value)
    if entry.script:
        return [get_interpreter(entry.script), entry.script, *_append(extra)]
    numbers = {parameter.name for parameter in entry.parameters if parameter.kind in _NUMBERS}
    try:
        template = parse_template(entry.command, values.keys(), numbers)
    except InvalidInput as error:
        place = f"{entry.place}: " if entry.place else ""
        raise InvalidInput(f"{place}{error.message}", hint=error.hint) from None
    for command in template.commands:
        _check_options(command, values, numbers)
    if template.script is None:
        return [*(_fill(word, values) for word in template.commands[0]), *_append(extra)]
    given: dict[str, int] = {}
    text = "".join(
        part if isinstance(part, str) else f"${{{given.setdefault(part.name, len(given) + 1)}}}"
        for part in template.script
    )
    first = len(given) + 1
    behind = "".join(f' --{name} "${{{number}}}"' for number, name in enumerate(extra, first))
    return ["bash", "-c", text.rstrip() + behind, "bash", *(values[name] for name in given), *extra.values()]


def parse_template(text: str, names: Collection[str], numbers: Collection[str] = ()) -> Template:
    """Return a command's words and, when it needs a shell, its script.

    names:   of the parameters
    numbers: those of them whose values are numbers, which may stand anywhere
    raises:  InvalidInput
    """
    reader = _Reader(list(_find_places(text.strip(), names)), numbers)
    reader.read()
    commands = tuple(tuple(command) for command in reader.commands if command)
    if not commands:
        raise InvalidInput("The command is empty")
    for command in commands:
        _check_code(command, numbers)
    first = commands[0][0]
    if first[:1] and isinstance(first[0], str) and (first[0] in _SHELL_WORDS or _ASSIGNMENT.match(first[0])):
        reader.needs_shell = True
    return Template(commands, tuple(reader.script) if reader.needs_shell else None)


def _find_places(text: str, names: Collection[str]) -> Iterator[Part]:
    """Yield the characters of a template, and the places of values; ``{{`` and ``}}`` stand for braces."""
    start = 0
    for found in _PLACE.finditer(text):
        yield from text[start : found.start()]
        start = found.end()
        if found[1] is None:
            yield found[0][0]
        elif text[: found.start()].endswith("$"):
            if found[1] in names:
                raise InvalidInput(
                    f"${{{found[1]}}} in the command is the name of a parameter behind a $",
                    hint=f"write {{{found[1]}}} for its value",
                )
            yield from found[0]
        elif found[1] in names:
            yield Place(found[1])
        else:
            raise InvalidInput(
                f"The command wants {found[0]}, which is no parameter of the entry point",
                hint=f"the parameters are {', '.join(names) or 'none'}; write {{{found[0]}}} for braces",
            )
    yield from text[start:]


class _Reader:
    """Reads a template as bash would, as far as it takes to know its words and in which quotes a value stands.

    States are kept on a stack, as ``$(`` within double quotes begins anew: ``plain``, ``double``, ``single`` and so on.
    """

    def __init__(self, parts: Sequence[Part], numbers: Collection[str]) -> None:
        self._parts = parts
        self._numbers = numbers
        self._at = 0
        self._states = ["plain"]
        self._word: list[Part] | None = None
        self._heredoc = False
        self.commands: list[list[Word]] = [[]]
        self.script: list[Part] = []
        self.needs_shell = False

    def read(self) -> None:
        steps = {
            "plain": self._read_plain,
            "double": self._read_double,
            "single": self._read_single,
            "ansi": self._read_ansi,
            "variable": self._read_inner,
            "arithmetic": self._read_inner,
            "backtick": self._read_inner,
        }
        while self._at < len(self._parts):
            steps[self._states[-1]]()
        self._end_word()
        if self._states != ["plain"]:
            raise InvalidInput("The command ends within quotes or brackets", hint="close what is open")

    def _next(self) -> str:
        """Return the next character; nothing for a place or the end."""
        following = self._parts[self._at + 1] if self._at + 1 < len(self._parts) else ""
        return following if isinstance(following, str) else ""

    def _take(self, count: int = 1) -> None:
        """Move on, with what is there kept for the script."""
        self.script += self._parts[self._at : self._at + count]
        self._at += count

    def _add(self, *parts: Part) -> None:
        self._word = [*(self._word or ()), *parts]

    def _end_word(self) -> None:
        if self._word is not None:
            self.commands[-1].append(_join(self._word))
        self._word = None

    def _end_command(self) -> None:
        self._end_word()
        self.commands.append([])

    def _read_plain(self) -> None:
        part, following = self._parts[self._at], self._next()
        if isinstance(part, Place):
            self._put(part, '"', '"')
        elif part == "\\":
            self._check_escape(following)
            if following and following != "\n":
                self._add(following)
            self._take(2)
        elif part in "\"'":
            self._add("")
            self._states.append("double" if part == '"' else "single")
            self._take()
        elif part in " \t\r":
            self._end_word()
            self._take()
        elif part not in _SHELL_SIGNS:
            self._add(part)
            self._take()
        else:
            self._read_sign(part, following)

    def _read_sign(self, sign: str, following: str) -> None:
        """Read what only a shell understands."""
        if sign == "!" and (self._word is not None or following not in " "):
            self._add(sign)  # no operator: a program's own sign
            self._take()
            return
        if sign == "#" and self._word is not None:
            self._add(sign)
            self._take()
            return
        self.needs_shell = True
        if sign == "#":
            while self._at < len(self._parts) and self._parts[self._at] != "\n":
                self._at += 1
        elif sign == "$" or sign == "`":
            self._read_dollar(sign, following)
        elif sign == "(" and following == "(":
            self._states.append("arithmetic")
            self._take(2)
        elif sign in "()":
            self._end_command()
            self._read_bracket(sign)
        elif sign in "|&;\n":
            self._end_command()
            self._take()
        elif sign in "<>":
            self._end_word()
            taken = "".join(part for part in self._parts[self._at : self._at + 3] if isinstance(part, str))
            self._heredoc |= taken.startswith("<<") and taken != "<<<"
            self._take(3 if taken == "<<<" else 2 if following == sign else 1)
        else:
            self._add(sign)
            self._take()

    def _read_bracket(self, sign: str) -> None:
        if sign == "(":
            self._states.append("plain")
        elif len(self._states) > 1:  # else it ends a pattern of `case`
            self._states.pop()
        self._take()

    def _read_dollar(self, sign: str, following: str) -> None:
        """Read how an expansion begins, in double quotes or out of them."""
        self.needs_shell = True
        self._add(sign)
        third = self._parts[self._at + 2] if self._at + 2 < len(self._parts) else ""
        if sign == "`":
            self._states.append("backtick")
            self._take()
        elif following == "(" and third == "(":
            self._states.append("arithmetic")
            self._take(3)
        elif following == "(":
            self._states.append("plain")
            self._take(2)
        elif following == "{":
            self._states.append("variable")
            self._take(2)
        elif following == "'" and self._states[-1] == "plain":
            self._states.append("ansi")
            self._take(2)
        else:
            self._take()

    def _read_double(self) -> None:
        part, following = self._parts[self._at], self._next()
        if isinstance(part, Place):
            self._put(part, "", "")
        elif part == '"':
            self._states.pop()
            self._take()
        elif part == "\\":
            self._check_escape(following)
            if following and following in '$`"\\':
                self._add(following)
            elif following != "\n":
                self._add(part, following)
            self._take(2 if following else 1)
        elif part in "$`":
            self._read_dollar(part, following)
        else:
            self._add(part)
            self._take()

    def _read_single(self) -> None:
        part = self._parts[self._at]
        if isinstance(part, Place):
            self._put(part, "'\"", "\"'")
            return
        if part == "'":
            self._states.pop()
        else:
            self._add(part)
        self._take()

    def _read_ansi(self) -> None:
        part = self._parts[self._at]
        self._refuse(part, "$'...'")
        if part == "'":
            self._states.pop()
        self._take(2 if part == "\\" else 1)

    def _read_inner(self) -> None:
        """Read what is within ``${...}``, ``$((...))`` or backticks, where no text may be put."""
        part, following, state = self._parts[self._at], self._next(), self._states[-1]
        self._refuse(part, {"variable": "${...}", "arithmetic": "((...))", "backtick": "backticks"}[state])
        ends = {"variable": "}", "arithmetic": "))", "backtick": "`"}[state]
        if part == "\\":
            self._take(2)
        elif isinstance(part, str) and (part == ends or part + following == ends):
            self._states.pop()
            self._take(len(ends))
        elif isinstance(part, Place):
            self._put(part, "", "")
        else:
            self._take()

    def _check_escape(self, following: str) -> None:
        if not following and self._at + 1 < len(self._parts):
            raise InvalidInput("There is a backslash before a parameter of the command", hint="leave it out")

    def _refuse(self, part: Part, where: str) -> None:
        if isinstance(part, Place) and part.name not in self._numbers:
            raise _refuse_code(part.name, f"within {where}")

    def _put(self, place: Place, before: str, behind: str) -> None:
        """Put a value's place into the word and the script."""
        if self._heredoc:
            self._refuse(place, "or behind <<, a text within the command")
        self._add(place)
        self.script += [before, place, behind]
        self._at += 1


def _join(parts: Sequence[Part]) -> Word:
    """Return a word's parts with neighbouring texts joined."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


def _check_code(command: Sequence[Word], numbers: Collection[str]) -> None:
    """Refuse a value in a word that a program reads as a program."""
    words = list(itertools.dropwhile(_is_leading, command))
    if not words:
        return
    start = _get_text(words[0])
    for word in words[1:] if start in _EVALUATING else _find_code(words):
        for part in word:
            if isinstance(part, Place) and part.name not in numbers:
                raise _refuse_code(part.name, f"in what {start or 'the program'} runs as a program")


def _is_leading(word: Word) -> bool:
    text = _get_text(word)
    return text in _LEADING or _ASSIGNMENT.match(text) is not None


def _find_code(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words that are a program's text: those behind ``-c`` and its like of a program that takes one."""
    options = False
    for word, following in zip(words, [*words[1:], ()], strict=True):
        text = _get_text(word)
        if _is_program(text):
            options = True
        elif options and not text.startswith("-"):
            options = False  # a script; what follows is for that
        elif options and _CODE_OPTION.fullmatch(text) and len(word) == 1:
            yield following
            options = False
        elif options and _CODE_OPTION.match(text):
            yield word


def _check_options(command: Sequence[Word], values: Mapping[str, str], numbers: Collection[str]) -> None:
    """Refuse a value that an interpreter would take for an option of its own, as ``-c`` with a program behind it."""
    options = False
    for word in command:
        text = _get_text(word)
        if _is_program(text):
            options = True
        elif options and _CODE_OPTION.fullmatch(text):
            options = False
        elif options and not text.startswith("-"):
            options = False
            filled = _fill(word, values)
            if filled.startswith("-") and not all(isinstance(part, Place) and part.name in numbers for part in word):
                raise InvalidInput(
                    f"The value {filled[:100]!r} stands where an option of the interpreter would",
                    hint="a script's path does not begin with -",
                )


def _is_program(text: str) -> bool:
    return _PROGRAMS.fullmatch(text.rpartition("/")[2]) is not None


def _get_text(word: Word) -> str:
    """Return how a word begins, up to the first value in it."""
    return word[0] if word and isinstance(word[0], str) else ""


def _refuse_code(name: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"The command puts the value of {name!r} {where}, where it would be a part of the program",
        hint="""hand it over as an argument, as in: bash -c 'echo "$1"' bash {x}; only numbers may stand there""",
    )


def _check_value(name: str, value: str) -> None:
    if "\0" in value:
        raise InvalidInput(f"The value of {name!r} holds a NUL character, which no program can be given")
    if len(value.encode("utf-8", "surrogateescape")) > VALUE_BYTES:
        raise InvalidInput(
            f"The value of {name!r} is longer than {VALUE_BYTES:,} bytes", hint="put it into a file, and give its path"
        )


def _fill(word: Word, values: Mapping[str, str]) -> str:
    return "".join(part if isinstance(part, str) else values[part.name] for part in word)


def _append(extra: Mapping[str, str]) -> list[str]:
    return [part for name, value in extra.items() for part in (f"--{name}", value)]
