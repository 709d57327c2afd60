"""Write the pages of docs/reference that repeat what the code declares; with ``--check``, only say which are stale."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from trackway.api import limits
from trackway.api.operations import OPERATIONS
from trackway.api.structs import Request
from trackway.base.errors import BY_CODE
from trackway.base.settings import SETTINGS, Setting
from trackway.cli.main import EXIT_STATUS, cli
from trackway.sdk.settings import VARIABLES
from trackway.serving.settings import SETTINGS as SCORING_SETTINGS

T = TypeVar("T")
FOLDER = Path(__file__).parent / "reference"
TYPES = "../../ui/src/api/types.ts"


def render_errors() -> str:
    """Render the table of errors from the classes."""
    rows = ((f"`{cls.__name__}`", f"`{code}`", cls.status, cls.__doc__) for code, cls in BY_CODE.items())
    return _page(
        "Errors", "Every error that the SDK raises and the server answers.", "Class|Code|HTTP status|Meaning", rows
    )


def render_limits() -> str:
    """Render the table of limits from the constants and the notes below them."""
    return _page(
        "Limits",
        "A request past one of these is refused, and nothing of it is kept. `trackway limits` asks a server for those"
        " that are in force there, with how much of its callers it answers at once; so does `GET /api/v1/limits`.",
        "Limit|Value|Note",
        _limits(),
    )


def render_operations() -> str:
    """Render the table of operations."""
    rows = (
        (
            f"`{op.name}`",
            f"`{op.method} /api/v1{op.path}`",
            op.access.permission,
            "yes" if op.access.audited else "no",
            "yes" if op.adds else "",
            op.doc,
        )
        for op in OPERATIONS
        if not op.internal
    )
    return _page(
        "Operations",
        "What the native API offers. Those that take a key add something each time they are called, unless a repeat"
        " has the same `Idempotency-Key`: see [Send a request again](../how-to/repeats.md).",
        "Operation|Route|Permission|Audited|Takes a key|Purpose",
        rows,
    )


def render_environment() -> str:
    """Render the table of environment variables that the SDK reads."""
    rows = ((f"`{v.name}`", _code(v.mlflow_name), _code(v.default), v.help) for v in VARIABLES)
    return _page("Environment variables", "What the SDK reads.", "Name|Read also as|Default|Meaning", rows)


def render_settings() -> str:
    """Render the tables of the servers' settings."""
    header = "Option|Variable|Type|Default|Unit|Meaning"
    page = _page("Server settings", "What `trackway server` reads.", header, _list_settings(SETTINGS))
    scoring = _table(header, _list_settings(SCORING_SETTINGS))
    return f"{page}\n## Scoring server\n\nWhat `trackway models serve` reads.\n\n{scoring}"


def render_commands() -> str:
    """Render the commands and what each takes, and the exit statuses."""
    statuses = [(0, "done"), (2, "a command line that cannot be meant"), (130, "interrupted")]
    statuses += [(7, "a run was made again and is different"), (8, "a run cannot be made again: see what is missing")]
    statuses += [(status, meaning) for _, status, meaning in EXIT_STATUS]
    page = _page(
        "Command line",
        "What `trackway` does, and with what status it ends. `--json` prints the objects of the"
        " [operations](operations.md) with all their fields, a list of them where a table has rows; times are"
        " milliseconds since 1970. What removes for good asks before, unless `--yes` is given.",
        "Status|Meaning",
        sorted(statuses),
    )
    return page + "".join(_list_commands(cli, click.Context(cli, info_name="trackway")))


def render_types() -> str:
    """Render the operations and their structs as the web UI's TypeScript.

    Fields of requests may be left out when they have a default; those of answers are always there. Bytes are text in
    JSON and arrays of bytes in msgpack, which is what the UI asks for.
    """
    routed = [op for op in OPERATIONS if not op.internal]
    kinds = sorted({kind for op in routed for kind in (op.request, op.response)}, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(kinds, ref_template="{name}")
    asked = {kind.__name__ for kind in _list_subclasses(Request)}
    labels = {kind.__name__: kind.__struct_fields__ for kind in _list_subclasses(msgspec.Struct)}
    lines = ["// Generated from the table of operations by `make docs`; not to be edited.", ""]
    for name, schema in sorted(components.items()):
        lines += _declare_type(name, schema, labels[name], optional=name in asked)
    lines += ["/** Request and response of each operation. */", "export interface Operations {"]
    lines += [f'  "{op.name}": {{ request: {op.request.__name__}; response: {op.response.__name__} }}' for op in routed]
    lines += ["}", "", "/** Method and path of each operation. */", "export const ROUTES = {"]
    lines += [f'  "{op.name}": ["{op.method}", "{op.path}"],' for op in routed]
    lines += ["} as const satisfies Record<keyof Operations, readonly [string, string]>", ""]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": render_commands,
    "environment.md": render_environment,
    "errors.md": render_errors,
    "limits.md": render_limits,
    "operations.md": render_operations,
    "settings.md": render_settings,
    TYPES: render_types,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; return the exit status."""
    check = arguments == ["--check"]
    stale = []
    for name, render in PAGES.items():
        path, text = FOLDER / name, render()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'stale, run `make docs`' if check else 'written'}: {', '.join(stale)}")
    return 1 if check and stale else 0


def _list_commands(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a section for each command that does something, in the order in which help lists them."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _list_commands(inner, click.Context(inner, info_name=name, parent=context))
        return
    text = " ".join((command.help or "").split())
    yield f"\n## {context.command_path}\n\n{text}\n"
    arguments = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    if arguments:
        yield f"\nArguments: `{' '.join(arguments)}`\n"
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [(_code(names), meaning) for names, meaning in filter(None, records)]
    if rows:
        yield "\n" + _table("Option|Meaning", rows)


def _list_subclasses(kind: type[T]) -> Iterator[type[T]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _list_subclasses(inner)


def _declare_type(name: str, schema: dict[str, Any], labels: tuple[str, ...], optional: bool) -> Iterator[str]:
    if doc := schema.get("description", "").split("\n", 1)[0]:
        yield f"/** {doc} */"
    if "prefixItems" in schema:
        inner = zip(labels, schema["prefixItems"], strict=True)
        yield f"export type {name} = [{', '.join(f'{label}: {_write_type(one)}' for label, one in inner)}]"
    elif "properties" not in schema:
        yield f"export type {name} = {_write_type(schema)}"
    else:
        yield f"export interface {name} {{"
        for field, inner in schema["properties"].items():
            mark = "?" if optional and field not in schema.get("required", ()) else ""
            yield f"  {field}{mark}: {_write_type(inner)}"
        yield "}"
    yield ""


def _write_type(schema: dict[str, Any]) -> str:
    """Write a JSON schema as msgspec makes them as a TypeScript type."""
    if "$ref" in schema:
        return str(schema["$ref"])
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_write_type(inner) for inner in schema["anyOf"]))
    match schema.get("type"):
        case "array":
            inner = _write_type(schema.get("items", {}))
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case "object":
            return f"Record<string, {_write_type(schema.get('additionalProperties', {}))}>"
        case "string":
            return "Uint8Array" if schema.get("contentEncoding") == "base64" else "string"
        case "integer" | "number":
            return "number"
        case "boolean" | "null":
            return str(schema["type"])
    return "unknown"


def _list_settings(settings: Iterable[Setting]) -> Iterator[tuple[object, ...]]:
    for s in settings:
        yield f"`{s.option}`", f"`{s.variable}`", s.type.__name__, _code(str(s.default)), s.unit, s.help


def _limits() -> Iterator[tuple[str, str, str]]:
    """Yield name, value and note of every constant; a note is the string that follows its constant."""
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                yield f"`{name.lower()}`", f"{getattr(limits, name):,}", note
            case ast.AnnAssign(target=ast.Name(id=name)), _:
                yield f"`{name.lower()}`", f"{getattr(limits, name):,}", ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _page(title: str, intro: str, header: str, rows: Iterable[tuple[object, ...]]) -> str:
    return f"# {title}\n\n{intro} Generated from the code by `make docs`.\n\n{_table(header, rows)}"


def _table(header: str, rows: Iterable[tuple[object, ...]]) -> str:
    columns = header.split("|")
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
