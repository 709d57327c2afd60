"""Values of a project's parameters that would like to be commands: each is one word, or is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trackway.base.errors import InvalidInput
from trackway.projects.commands import build_command
from trackway.projects.specification import EntryPoint, Parameter

CANARY = "canary-was-here"
VALUES = (
    "",
    " ",
    "'",
    '"',
    "''",
    '"" ""',
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY}",
    f"& touch {CANARY} &",
    f"| touch {CANARY}",
    f"|| touch {CANARY}",
    f"\ntouch {CANARY}\n",
    f"\r\ntouch {CANARY}",
    f"'; touch {CANARY}; '",
    f'"; touch {CANARY}; "',
    f"'\"$(touch {CANARY})\"'",
    f"}}; touch {CANARY}; {{",
    f"${{IFS}}touch${{IFS}}{CANARY}",
    f"> {CANARY}",
    f"<(touch {CANARY})",
    f"$((a[$(touch {CANARY})]))",
    f"a[$(touch {CANARY})]",
    f"\\$(touch {CANARY})",
    f"\\\\$(touch {CANARY})",
    "${HOME}",
    "$1",
    "${1}",
    "$@",
    "{x}",
    "{y}",
    "{{x}}",
    "%s%n",
    "*",
    "~",
    "~root",
    "!!",
    "#",
    "\\",
    "\\n",
    "a\\",
    "-x",
    "--",
    "-",
    "--alpha=1 --beta",
    "-oProxyCommand=touch",
    "ü 日本 🙂",
    "\u202eabc",
    "\u2028",
    "a\tb",
    "\x1b[2J",
    "\x7f",
    "-" * 1000,
    "'" * 1001,
    "\udcff",  # a byte of the command line that is no text
)
TEMPLATES = (
    "{program} {x}",
    "{program} --name={x}",
    '{program} "{x}"',
    "{program} '{x}'",
    '{program} "a{x}b" c{x}d',
    "cd . && {program} {x}",
    'cd . && {program} "{x}"',
    "cd . && {program} '{x}'",
    "cd . && {program} --name=\"{x}\"'{x}'{x}",
    "{program} {x} | cat",
    "echo start; {program} $({program} {x} > inner)",
    '{program} "$(cd .; {program} "{x}")"',
    "NAME={x} {program} {x}",
    "{program} {x} <<< {x}",
    "if [ {x} = 1 ]; then {program} {x}; else {program} {x}; fi",
    "for i in {x}; do {program} {x}; done",
    "case {x} in nothing) ;; *) {program} {x};; esac",
    'f() {{ {program} "$@"; }}; f {x}',
    "{program} {x} # {x}",
    "{program} {x} > 'out {x}'.log || {program} {x}",
)
PROGRAM = """printf '%s\\0' "$#" "$@" >> seen
"""


def build(template: str, value: str, extra: dict[str, str] | None = None) -> list[str]:
    text = template.replace("{program}", "sh program")
    return build_command(EntryPoint("main", (Parameter("x"),), text), {"x": value}, extra or {})


def run(folder: Path, words: list[str]) -> list[list[str]]:
    """Run a command, and return the words that the program was given each time that it ran."""
    folder.mkdir()
    (folder / "program").write_text(PROGRAM)
    subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    seen = folder / "seen"
    told = iter(os.fsdecode(seen.read_bytes()).split("\0")[:-1] if seen.exists() else ())
    return [[next(told) for _ in range(int(count))] for count in told]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_value_is_one_word_whatever_is_in_it(tmp_path: Path, template: str) -> None:
    counts = [len(words) for words in run(tmp_path / "plain", build(template, "plain"))]
    assert counts
    for number, value in enumerate(VALUES):
        folder = tmp_path / str(number)
        seen = run(folder, build(template, value))
        assert CANARY not in {path.name for path in folder.iterdir()}, (template, value)
        assert [len(words) for words in seen] == counts, (template, value, seen)
        assert any(value in word for words in seen for word in words), (template, value, seen)


@pytest.mark.parametrize("template", ["{program}", "cd . && {program}"])
def test_what_is_appended_is_two_words_whatever_is_in_it(tmp_path: Path, template: str) -> None:
    for number, value in enumerate(VALUES):
        folder = tmp_path / str(number)
        (words,) = run(folder, build(template, "", {"name": value}))
        assert words == ["--name", value], (template, value)
        assert {path.name for path in folder.iterdir()} == {"program", "seen"}


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_that_would_be_an_interpreters_option_is_refused(value: str) -> None:
    if value.startswith("-"):
        with pytest.raises(InvalidInput):
            build("python3 {x}", value)
    else:
        assert build("python3 {x}", value) == ["python3", value]


def test_a_value_with_nul_is_refused_in_every_place() -> None:
    for template in TEMPLATES:
        with pytest.raises(InvalidInput, match="NUL"):
            build(template, "a\0b")
    with pytest.raises(InvalidInput, match="NUL"):
        build("{program}", "", {"name": "a\0b"})
