"""What can be searched and how, as data: one schema for each kind of object and dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from trackway.api.query import (
    EXPERIMENT_ATTRIBUTES,
    LOGGED_MODEL_ATTRIBUTES,
    MODEL_VERSION_ATTRIBUTES,
    REGISTERED_MODEL_ATTRIBUTES,
    RUN_ATTRIBUTES,
    RUN_LINK_ENDS,
    Aggregate,
    Entity,
    Field,
    Kind,
)
from trackway.api.runs import TAG_ENTRY_POINT, TAG_GIT_BRANCH, TAG_GIT_COMMIT, TAG_SOURCE_NAME, TAG_SOURCE_TYPE
from trackway.api.structs import Grammar

Literals = Literal["text", "loose text", "number", "integer", "time", "metric", "param", "id", "version"]
"""What a field is compared with. ``text``: quoted; ``loose text``: a number also, taken as its text; ``number``,
``integer``, ``metric`` (a float): unquoted; ``time``: a number of ms, an ISO date, or ``now()``; ``param``: quoted
text, or a number; ``id``: a quoted integer; ``version``: an integer, quoted or not."""

EQUALITY = ("=", "!=")
ORDERING = ("<", "<=", ">", ">=")
LIKES = ("like", "ilike")
LISTS = ("in", "not in")
NULLS = ("is null", "is not null")
_SIX = EQUALITY + ORDERING
_NATIVE_TEXT = (*EQUALITY, *LIKES, "not like", "not ilike", *LISTS, *NULLS)
_NATIVE_NUMBER = (*_SIX, *LISTS, "between", "not between", *NULLS)


class Rule(msgspec.Struct, frozen=True):
    """How a field may be used: ``names`` replaces a text by what is stored; ``aggregate`` is the one in filters."""

    literals: Literals
    operators: tuple[str, ...]
    orderable: bool = True
    aggregate: Aggregate = "last"
    names: dict[str, str] = {}


class Schema(msgspec.Struct, frozen=True):
    """The searchable fields of one kind of object in one dialect.

    prefixes:     what may stand before the first dot (nothing: ``""``) and the entity that it means
    keyed:        entities with any key
    named:        entities with fixed keys, by every spelling
    parent:       ``parent.`` may stand before a field
    upper_case:   LIKE, ILIKE and IN are keywords in upper case only
    repeat_order: a field that is ordered by twice is left out the second time, not refused
    """

    subject: str
    dialect: Grammar
    prefixes: dict[str, Entity]
    keyed: dict[Entity, Rule]
    named: dict[Entity, dict[str, tuple[Field, Rule]]]
    parent: bool = False
    upper_case: bool = False
    repeat_order: bool = False

    @property
    def computes(self) -> bool:
        """Whether numbers are computed from metrics: where each has one value, and in the native dialect."""
        metric = self.keyed.get("metric")
        return self.dialect == "trackway" and metric is not None and metric.aggregate == "last"


_NATIVE: dict[Kind, Rule] = {
    "text": Rule("text", _NATIVE_TEXT),
    "number": Rule("number", _NATIVE_NUMBER),
    "time": Rule("time", _NATIVE_NUMBER),
}
_METRIC = Rule("metric", (*_NATIVE_NUMBER, "is nan", "is not nan", "is inf", "is not inf"))
COMPUTED = Rule("metric", (*_SIX, "between", "not between", *NULLS))
"""How the result of a formula may be used; a plain number has the first six operators."""
_PARAM = Rule("param", (*_NATIVE_TEXT, *ORDERING, "between", "not between"))
_TAG = Rule("text", _NATIVE_TEXT)
_ONE_OF_MANY = Rule("text", _NATIVE_TEXT, orderable=False)
"""What an object may have many of, at least one of which is to satisfy a comparison."""

_MLFLOW_TEXT = Rule("text", (*EQUALITY, *LIKES))
_MLFLOW_TEXT_LISTS = Rule("text", (*EQUALITY, *LIKES, *LISTS))
_MLFLOW_TEXT_NULLS = Rule("text", (*EQUALITY, *LIKES, *NULLS))
_MLFLOW_NUMBER = Rule("number", _SIX)
_MLFLOW_INTEGER = Rule("integer", _SIX)
_MLFLOW_METRIC = Rule("metric", _SIX)

_SPELLINGS: dict[Entity, tuple[str, ...]] = {
    "attribute": ("", "attribute", "attributes", "attr", "run"),
    "metric": ("metric", "metrics"),
    "param": ("param", "params", "parameter", "parameters"),
    "tag": ("tag", "tags"),
    "dataset": ("dataset", "datasets"),
    "link": ("link", "links"),
}


def _spell(*entities: Entity) -> dict[str, Entity]:
    return {prefix: entity for entity in entities for prefix in _SPELLINGS[entity]}


def _name(
    entity: Entity, rules: Mapping[str, Rule], spellings: Mapping[str, Iterable[str]] = {}
) -> dict[str, tuple[Field, Rule]]:
    """Make the table of an entity's fixed keys, each under its own name and its other spellings."""
    return {
        spelling: (Field(entity, key), rule)
        for key, rule in rules.items()
        for spelling in (key, *spellings.get(key, ()))
    }


def _by_kind(kinds: Mapping[str, Kind]) -> dict[str, Rule]:
    return {key: _NATIVE[kind] for key, kind in kinds.items()}


_RUN_SPELLINGS = {"run_name": ("run name", "Run name", "Run Name"), "start_time": ("created", "Created")}
_MODEL_SPELLINGS = {
    "creation_timestamp": ("creation_time", "creation_timestamp_ms"),
    "last_updated_timestamp": ("last_updated_time", "last_updated_timestamp_ms"),
}
_MODEL_STATUS = {"0": "UNSPECIFIED", "1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}
_DATASET_KEYS = ("name", "digest", "context")

# Kept by a run as tags, and searched under the shorter names also.
_RUN_TAGS: dict[str, tuple[Field, Rule]] = {
    "source_name": (Field("tag", TAG_SOURCE_NAME), _TAG),
    "source_type": (Field("tag", TAG_SOURCE_TYPE), _TAG),
    "entry_point": (Field("tag", TAG_ENTRY_POINT), _TAG),
    "git_commit": (Field("tag", TAG_GIT_COMMIT), _TAG),
    "git_branch": (Field("tag", TAG_GIT_BRANCH), _TAG),
}

RUNS = Schema(
    subject="runs",
    dialect="trackway",
    prefixes=_spell("attribute", "metric", "param", "tag", "dataset", "link"),
    keyed={"metric": _METRIC, "param": _PARAM, "tag": _TAG},
    named={
        "attribute": _RUN_TAGS
        | _name("attribute", _by_kind(RUN_ATTRIBUTES), _RUN_SPELLINGS | {"lifecycle": ("lifecycle_stage",)}),
        "dataset": _name("dataset", dict.fromkeys(_DATASET_KEYS, _ONE_OF_MANY)),
        "link": _name("link", dict.fromkeys(RUN_LINK_ENDS, _ONE_OF_MANY)),
    },
    parent=True,
)

MLFLOW_RUNS = Schema(
    subject="runs",
    dialect="mlflow",
    prefixes=_spell("attribute", "metric", "param", "tag", "dataset"),
    keyed={"metric": _MLFLOW_METRIC, "param": _MLFLOW_TEXT_NULLS, "tag": _MLFLOW_TEXT_NULLS},
    named={
        "attribute": _name(
            "attribute",
            {
                "run_id": _MLFLOW_TEXT_LISTS,
                "run_name": _MLFLOW_TEXT,
                "status": _MLFLOW_TEXT,
                "user_id": _MLFLOW_TEXT,
                "artifact_uri": _MLFLOW_TEXT,
                "start_time": _MLFLOW_NUMBER,
                "end_time": _MLFLOW_NUMBER,
            },
            _RUN_SPELLINGS,
        ),
        "dataset": _name(
            "dataset", dict.fromkeys(_DATASET_KEYS, Rule("text", _MLFLOW_TEXT_LISTS.operators, orderable=False))
        ),
    },
)

EXPERIMENTS = Schema(
    subject="experiments",
    dialect="trackway",
    prefixes=_spell("attribute", "tag"),
    keyed={"tag": _TAG},
    named={
        "attribute": _name(
            "attribute",
            _by_kind(EXPERIMENT_ATTRIBUTES),
            {
                "lifecycle": ("lifecycle_stage",),
                "creation_time": ("created", "Created"),
                "last_update_time": ("updated",),
            },
        )
    },
)

MLFLOW_EXPERIMENTS = Schema(
    subject="experiments",
    dialect="mlflow",
    prefixes={"": "attribute", "attribute": "attribute", "tag": "tag", "tags": "tag"},
    keyed={"tag": Rule("text", _MLFLOW_TEXT_NULLS.operators, orderable=False)},
    named={
        "attribute": _name(
            "attribute",
            {
                "name": _MLFLOW_TEXT,
                "experiment_id": Rule("id", (*EQUALITY, *LISTS)),
                "creation_time": _MLFLOW_INTEGER,
                "last_update_time": _MLFLOW_INTEGER,
            },
        )
    },
    upper_case=True,
    repeat_order=True,
)

LOGGED_MODELS = Schema(
    subject="logged models",
    dialect="trackway",
    prefixes=_spell("attribute", "metric", "param", "tag"),
    keyed={
        "metric": Rule("metric", _SIX, aggregate="any"),
        "param": Rule("param", _PARAM.operators, orderable=False),
        "tag": Rule("text", _NATIVE_TEXT, orderable=False),
    },
    named={"attribute": _name("attribute", _by_kind(LOGGED_MODEL_ATTRIBUTES), _MODEL_SPELLINGS)},
)

_MODEL_TEXT = Rule("loose text", _MLFLOW_TEXT_LISTS.operators)
_MODEL_KEYED = Rule("loose text", _MLFLOW_TEXT_LISTS.operators, orderable=False)

MLFLOW_LOGGED_MODELS = Schema(
    subject="logged models",
    dialect="mlflow",
    prefixes={
        "": "attribute",
        "attributes": "attribute",
        "metrics": "metric",
        "params": "param",
        "tags": "tag",
    },
    keyed={"metric": Rule("metric", _SIX, aggregate="any"), "param": _MODEL_KEYED, "tag": _MODEL_KEYED},
    named={
        "attribute": _name(
            "attribute",
            {key: _MODEL_TEXT if kind == "text" else _MLFLOW_NUMBER for key, kind in LOGGED_MODEL_ATTRIBUTES.items()}
            | {"status": Rule("loose text", _MODEL_TEXT.operators, names=_MODEL_STATUS)},
            _MODEL_SPELLINGS,
        )
    },
)

REGISTERED_MODELS = Schema(
    subject="registered models",
    dialect="trackway",
    prefixes=_spell("attribute", "tag"),
    keyed={"tag": _TAG},
    named={"attribute": _name("attribute", _by_kind(REGISTERED_MODEL_ATTRIBUTES), _MODEL_SPELLINGS)},
)

MODEL_VERSIONS = Schema(
    subject="model versions",
    dialect="trackway",
    prefixes=_spell("attribute", "tag"),
    keyed={"tag": _TAG},
    named={
        "attribute": _name(
            "attribute",
            _by_kind(MODEL_VERSION_ATTRIBUTES),
            _MODEL_SPELLINGS
            | {"version_number": ("version",), "stage": ("current_stage",), "source_path": ("source",)},
        )
    },
)

_REGISTRY_PREFIXES: dict[str, Entity] = {"": "attribute", "attribute": "attribute", "tag": "tag", "tags": "tag"}
_REGISTRY_TAG = Rule("text", _MLFLOW_TEXT.operators, orderable=False)
_ORDER_ONLY = Rule("number", ())

MLFLOW_REGISTERED_MODELS = Schema(
    subject="registered models",
    dialect="mlflow",
    prefixes=_REGISTRY_PREFIXES,
    keyed={"tag": _REGISTRY_TAG},
    named={
        "attribute": _name(
            "attribute",
            {"name": _MLFLOW_TEXT_LISTS, "last_updated_timestamp": _ORDER_ONLY},
            {"last_updated_timestamp": ("timestamp",)},
        )
    },
)

MLFLOW_MODEL_VERSIONS = Schema(
    subject="model versions",
    dialect="mlflow",
    prefixes=_REGISTRY_PREFIXES,
    keyed={"tag": _REGISTRY_TAG},
    named={
        "attribute": _name(
            "attribute",
            {
                "name": _MLFLOW_TEXT_LISTS,
                "run_id": Rule("text", _MLFLOW_TEXT_LISTS.operators, orderable=False),
                "source_path": Rule("text", _MLFLOW_TEXT.operators, orderable=False),
                "version_number": Rule("version", _SIX),
                "creation_timestamp": _ORDER_ONLY,
                "last_updated_timestamp": _ORDER_ONLY,
            },
        )
    },
)
