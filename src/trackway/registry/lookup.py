"""Finding what a call names, and checking names."""

from __future__ import annotations

import re
from urllib.parse import unquote

from trackway.api import limits
from trackway.api.calls import Call
from trackway.api.keys import check_key
from trackway.api.query import And, Comparison, Expression, Field, Not, Or, Relation
from trackway.api.registry import STAGES, TAG_PROMPT, ModelVersion, Stage
from trackway.base.errors import InvalidInput, NotFound
from trackway.rules.checks import check_count, check_name, check_text
from trackway.store.base import RegisteredRef, Transaction, VersionRef

LATEST = "latest"
_ALIAS = re.compile(r"[\w-]+")
_NUMBERED = re.compile(r"v[0-9]+", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[/:\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_IS_PROMPT = Comparison(Field("tag", TAG_PROMPT), "=", "true")


def find_model(tx: Transaction, call: Call, name: str) -> RegisteredRef:
    """Say where a registered model is.

    raises: NotFound, or InvalidInput for what no model can be called
    """
    found = tx.registry.ref(call.workspace, name)
    if found is None:
        check_model_name(name)
        raise NotFound(f"Registered Model with name={name[:80]} not found")
    return found


def find_version(tx: Transaction, call: Call, name: str, version: int) -> VersionRef:
    """Say where a version is.

    raises: NotFound, or InvalidInput for what no model can be called
    """
    found = tx.registry.version_ref(call.workspace, name, version) if 0 < version <= limits.INT64_MAX else None
    if found is None:
        check_model_name(name)
        raise NotFound(f"Model Version (name={name[:80]}, version={str(version)[:20]}) not found")
    return found


def find_alias(tx: Transaction, model: RegisteredRef, alias: str) -> ModelVersion:
    """Return the version that an alias stands for; ``latest`` stands for the newest.

    raises: NotFound, with an alias that nobody has given in its details
    """
    check_alias(alias)
    found = tx.registry.find_alias(model.pk, alias)
    if found is None:
        if alias.lower() == LATEST:
            raise NotFound(f"Latest version not found for model {model.name}.")
        raise NotFound(f"Registered model alias {alias} not found.", details={"alias": alias})
    return tx.registry.get_version(found)


def check_model_name(name: str) -> None:
    """Check the name of a registered model: it is part of addresses, and must mean one thing in all of them."""
    check_name("model name", name, limits.MODEL_NAME_CHARS)
    if _FORBIDDEN.search(name) or name in (".", "..") or unquote(name) != name:
        raise InvalidInput(
            f"Invalid model name {name[:80]!r}. Names cannot contain '/' or ':'.",
            hint="no backslash, control character or percent-encoding either, and not '.' or '..'",
        )


def check_alias(alias: str) -> None:
    """Check the form of an alias."""
    if not alias:
        raise InvalidInput("The alias must not be empty")
    if len(alias) > limits.ALIAS_CHARS:
        raise InvalidInput(f"The alias has {len(alias)} characters; at most {limits.ALIAS_CHARS} are allowed")
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"Invalid alias name: {alias[:80]!r}. Names may only contain alphanumerics, underscores (_), and dashes (-)"
        )


def check_new_alias(alias: str) -> None:
    """Check an alias that is to be given: ``latest`` and ``v1`` have a meaning already."""
    check_alias(alias)
    if alias.lower() == LATEST or _NUMBERED.fullmatch(alias):
        raise InvalidInput(f"The alias {alias!r} is reserved", hint="choose another name")


def check_registry_tags(tags: dict[str, str]) -> None:
    """Check keys and lengths of tags of a registered model or version."""
    check_count("tags", len(tags), limits.TAGS_PER_INGEST)
    for key, value in tags.items():
        check_key("tag", key)
        check_text(f"Tag {key[:80]!r}", value, limits.REGISTRY_TAG_VALUE_CHARS)


def read_stage(text: str) -> Stage | None:
    """Return the stage that a text in any case names."""
    return next((stage for stage in STAGES if stage.lower() == text.lower()), None)


def hide_prompts(expression: Expression | None) -> Expression:
    """Leave prompts out of a search, unless it names their tag; an object without the tag is no prompt."""
    if expression is None:
        return Not(_IS_PROMPT)
    if _names_prompts(expression):
        return _read_prompts(expression)
    return And((Not(_IS_PROMPT), *(expression.terms if isinstance(expression, And) else (expression,))))


def _names_prompts(node: Expression) -> bool:
    match node:
        case And(terms) | Or(terms):
            return any(_names_prompts(term) for term in terms)
        case Not(term):
            return _names_prompts(term)
        case Relation():
            return False
    return node.field == _IS_PROMPT.field


def _read_prompts(node: Expression) -> Expression:
    """Replace what is asked of the prompts' tag by being a prompt, or not."""
    match node:
        case And(terms):
            return And(tuple(_read_prompts(term) for term in terms))
        case Or(terms):
            return Or(tuple(_read_prompts(term) for term in terms))
        case Not(term):
            return Not(_read_prompts(term))
        case Comparison(Field("tag", key), "=" | "!=", value) if key == TAG_PROMPT:
            return _IS_PROMPT if (value == "true") == (node.op == "=") else Not(_IS_PROMPT)
    return node
