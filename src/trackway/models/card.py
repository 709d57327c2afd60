"""Model cards: Markdown with the front matter of Hugging Face, written from facts, and completed by people.

What is generated stands between two comments, ``<!-- trackway:metrics -->`` and ``<!-- /trackway:metrics -->``, and is
written anew each time. Everything else in the file is the reader's own and stays, as do keys of the front matter that
are not known here. All texts are escaped: a card shows what a param or label says, and obeys none of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import yaml

from trackway.base.documents import load_yaml
from trackway.base.errors import Corrupt, InvalidInput
from trackway.models.mlmodel import MlModel
from trackway.models.signature import Column, Tensor

NAME: Final = "README.md"
"""A card's name. In a model's folder it is no part of the model: the manifest does not list it."""
MAX_BYTES: Final = 2**20
_MAX_ROWS: Final = 100
_MAX_CHARS: Final = 200

_SECTIONS: Final = (
    ("", "title"),
    ("Intended use", "What the model is for, and who is meant to use it."),
    ("Out of scope", "What it must not be used for."),
    ("How to load it", "usage"),
    ("Inputs and outputs", "signature"),
    ("Data", "data"),
    ("Training", "training"),
    ("Evaluation", "metrics"),
    ("Limits and risks", "Where it is known to be wrong, and what follows from that."),
    ("Ethical considerations", "Whom it concerns, how fairness was looked at, what was decided and why."),
    ("Environment", "environment"),
    ("Lineage", "lineage"),
    ("Contact", "Whom to ask, and how to report a problem."),
)
"""Headings, and the generated block below each, or what a person is to write there."""
_PIPELINES: Final = {"classifier": "tabular-classification", "regressor": "tabular-regression"}
_LIBRARIES: Final = {"python": "python", "keras": "keras", "pytorch": "pytorch"}
_PUNCTUATION: Final = re.compile(r"([\\`*\[\]!|~$]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.)")
_FIRST: Final = re.compile(r"^([-+#=]|\d+(?=[.)](?:\s|$)))")
"""What makes a heading, a list or a rule at the beginning of a line."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class MeasuredMetric(msgspec.Struct, frozen=True):
    """A metric of the model: on which data set, and with which interval where it is known."""

    name: str
    value: float
    dataset: str = ""
    low: float | None = None
    high: float | None = None


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model; what is empty is left out of the card.

    uri:        what the model is loaded by
    task:       classifier, regressor, or another word for what it does
    about:      of the registry: version, stage, owner and the like, by label
    datasets:   (what it was used for, name, digest, rows) of each data set
    training:   run, code and the like, by label
    lineage:    lines such as ``run 1234``
    """

    name: str
    uri: str
    mlmodel: MlModel
    description: str = ""
    task: str = ""
    about: Mapping[str, str] = {}
    datasets: Sequence[tuple[str, str, str, str]] = ()
    training: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    metrics: Sequence[MeasuredMetric] = ()
    python: str = ""
    requirements: Sequence[str] = ()
    lineage: Sequence[str] = ()


def render_card(facts: CardFacts, before: str = "") -> str:
    """Return a card.

    before: an earlier card, of which all that was not generated is kept
    raises: InvalidInput for an earlier card whose front matter or whose marks are broken
    """
    if len(before.encode("utf-8", "replace")) > MAX_BYTES:
        raise InvalidInput(f"The earlier card is larger than {MAX_BYTES} bytes")
    front, body = _split(before)
    blocks = _make_blocks(facts)
    body = _replace_blocks(body, blocks) if body.strip() else _make_body(blocks)
    return f"---\n{_dump_front(facts, front)}---\n\n{body.strip()}\n"


def escape(value: object) -> str:
    """Return a text as one that Markdown and HTML show, in one line."""
    text = _CONTROL.sub(" ", str(value)).strip()
    if len(text) > _MAX_CHARS:
        text = f"{text[: _MAX_CHARS - 3]}..."
    text = _PUNCTUATION.sub(r"\\\1", text)
    text = _FIRST.sub(lambda match: f"{match[1]}\\" if match[1].isdigit() else f"\\{match[1]}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def _make_body(blocks: Mapping[str, str]) -> str:
    parts = []
    for heading, what in _SECTIONS:
        content = _wrap(what, blocks[what]) if what in blocks else f"*{what}*"
        parts.append(f"## {heading}\n\n{content}" if heading else content)
    return "\n\n".join(parts)


def _replace_blocks(body: str, blocks: Mapping[str, str]) -> str:
    """Put new blocks in the places of old ones; those that a person has removed stay away."""
    for name, content in blocks.items():
        begin, end = _mark(name), _mark(f"/{name}")
        counts = body.count(begin), body.count(end)
        if counts == (0, 0):
            continue
        start, stop = body.find(begin), body.find(end)
        if counts != (1, 1) or stop < start:
            raise InvalidInput(
                f"The earlier card has {counts[0]} marks {begin} and {counts[1]} marks {end}",
                hint="there must be one of each, in this order, or none",
            )
        body = f"{body[:start]}{_wrap(name, content)}{body[stop + len(end) :]}"
    return body


def _mark(name: str) -> str:
    return f"<!-- trackway:{name} -->".replace("trackway:/", "/trackway:")


def _wrap(name: str, content: str) -> str:
    return f"{_mark(name)}\n{content.strip()}\n{_mark(f'/{name}')}"


def _make_blocks(facts: CardFacts) -> dict[str, str]:
    title = f"# {escape(facts.name)}\n\n" + (f"{escape(facts.description)}\n\n" if facts.description else "")
    uri = _quote(facts.uri)
    return {
        "title": title + _make_list(facts.about),
        "usage": f"```python\nimport trackway as tw\n\nmodel = tw.load_model({uri})\nmodel.predict(rows)\n```",
        "signature": _make_signature(facts.mlmodel),
        "data": _make_table(("use", "data set", "digest", "rows"), facts.datasets) or "No data set is known.",
        "training": _join(_make_list(facts.training), _make_table(("param", "value"), facts.params.items()))
        or "Nothing of its training is known.",
        "metrics": _make_metrics(facts.metrics) or "No metric is known.",
        "environment": _join(
            f"Python {escape(facts.python)}" if facts.python else "",
            "\n".join(f"- {escape(line)}" for line in facts.requirements[:_MAX_ROWS]),
        )
        or "The environment is not known.",
        "lineage": "\n".join(f"- {escape(line)}" for line in facts.lineage[:_MAX_ROWS]) or "Nothing else is known.",
    }


def _make_metrics(metrics: Sequence[MeasuredMetric]) -> str:
    rows = [
        (one.name, f"{one.value:.6g}", _format_interval(one), one.dataset)
        for one in sorted(metrics, key=lambda one: (one.dataset, one.name))
    ]
    return _make_table(("metric", "value", "interval", "data set"), rows)


def _format_interval(one: MeasuredMetric) -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.6g} to {one.high:.6g}"


def _make_signature(mlmodel: MlModel) -> str:
    signature = mlmodel.signature
    if signature is None:
        return "The model declares no signature: it takes whatever its library does."
    parts = []
    for title, specs in (("Inputs", signature.inputs), ("Outputs", signature.outputs)):
        if specs:
            parts.append(f"{title}:\n\n" + _make_table(("name", "type", "required"), map(_describe_spec, specs)))
    if signature.params:
        rows = [(one.name, one.type, repr(one.default)) for one in signature.params]
        parts.append("Params:\n\n" + _make_table(("name", "type", "default"), rows))
    return "\n\n".join(parts) or "The signature is empty."


def _describe_spec(spec: Column | Tensor) -> tuple[str, str, str]:
    name = "" if spec.name is None else str(spec.name)
    if isinstance(spec, Tensor):
        return name, f"{spec.dtype} {list(spec.shape)}", "yes"
    return name, str(spec.type), "yes" if spec.required else "no"


def _make_list(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {label}: {escape(value)}" for label, value in facts.items() if value)


def _make_table(headers: Sequence[str], rows: Any) -> str:
    given = list(rows)
    shown = [f"| {' | '.join(escape(cell) for cell in row)} |" for row in given[:_MAX_ROWS]]
    if not shown:
        return ""
    more = [f"\nAnd {len(given) - _MAX_ROWS} more."] if len(given) > _MAX_ROWS else []
    return "\n".join([f"| {' | '.join(headers)} |", "|---" * len(headers) + "|", *shown, *more])


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _quote(text: str) -> str:
    """Return a text as a Python literal that cannot end the block of code that it stands in."""
    return repr(_CONTROL.sub(" ", text)).replace("`", "\\x60").replace("<", "\\x3c")


def _split(card: str) -> tuple[dict[str, Any], str]:
    if not card.startswith("---\n"):
        return {}, card
    text, mark, body = card.removeprefix("---\n").partition("\n---\n")
    try:
        front = load_yaml(text.encode()) if mark else None
    except Corrupt:
        front = None
    if not isinstance(front, dict):
        raise InvalidInput("The earlier card's front matter cannot be read", hint="a YAML object between --- lines")
    return front, body


def _dump_front(facts: CardFacts, before: Mapping[str, Any]) -> str:
    flavor = next((name for name in facts.mlmodel.flavors if name != "python_function"), "python")
    front = dict(before)
    front["library_name"] = _LIBRARIES.get(flavor, flavor)
    front["tags"] = list(dict.fromkeys([*_list(before.get("tags")), "trackway"]))
    if facts.task in _PIPELINES:
        front["pipeline_tag"] = _PIPELINES[facts.task]
    if facts.datasets:
        front["datasets"] = list(dict.fromkeys([*_list(before.get("datasets")), *(row[1] for row in facts.datasets)]))
    if facts.metrics:
        front["model-index"] = [{"name": facts.name, "results": _list_results(facts)}]
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True)


def _list_results(facts: CardFacts) -> list[dict[str, Any]]:
    """Return metrics by data set, as the hub reads them."""
    task = _PIPELINES.get(facts.task, facts.task or "other")
    results = []
    for dataset in dict.fromkeys(one.dataset for one in facts.metrics):
        measured = [one for one in facts.metrics if one.dataset == dataset][:_MAX_ROWS]
        label = dataset or "unknown"
        results.append(
            {
                "task": {"type": task},
                "dataset": {"name": label, "type": label},
                "metrics": [{"type": one.name, "name": one.name, "value": one.value} for one in measured],
            }
        )
    return results


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
