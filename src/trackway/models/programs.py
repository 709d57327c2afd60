"""Exported programs of PyTorch (``.pt2``), read as the data that they are meant to be, and made anew from it.

The library's own reader trusts such a file: it unpickles parts of it, opens compiled code, looks up whatever callable a
node of the graph names (``torch.os.system`` is one), and hands texts to ``eval`` and ``exec``. So a file is never given
to it. It is read here, member by member, against tables of what a graph of tensors needs; what passed is written into a
new archive in memory, without sample inputs, guards and stack traces, and that is what the library gets.

The layout is that of PyTorch 2.9 and later: ``torch/export/pt2_archive`` and ``torch/_export/serde/schema.py``.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from trackway.base.errors import Corrupt
from trackway.models.trust import require_trust

MAX_GRAPH_BYTES: Final = 2**28
MAX_MEMBERS: Final = 100_000
MAX_DEPTH: Final = 200
MAX_EXPRESSION: Final = 2_000

_GRAPH: Final = "models/model.json"
_SAMPLES: Final = "data/sample_inputs/model.pt"
_CONFIGS: Final = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_MEMBER = re.compile(
    r"models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt"
    r"|archive_format|archive_version|byteorder|\.data/(version|serialization_id)|\.format_version|\.storage_alignment"
)
_TENSOR = re.compile(r"(weight|tensor)_\d+")

_OPERATOR = re.compile(r"torch\.ops\.(aten|prims|quantized_decomposed)\.(?!from_file\b)\w+\.\w+")
"""Operators on tensors. ``aten.from_file`` maps any file of the machine."""
_CALLABLES: Final = frozenset(
    """
    _operator.add _operator.and_ _operator.eq _operator.floordiv _operator.ge _operator.getitem _operator.gt
    _operator.le _operator.lt _operator.mod _operator.mul _operator.ne _operator.neg _operator.or_ _operator.pos
    _operator.pow _operator.sub _operator.truediv
    math.ceil math.floor math.sqrt math.trunc
    torch.sym_float torch.sym_int torch.sym_ite torch.sym_max torch.sym_min torch.sym_not torch.sym_sqrt torch.sym_sum
    torch._sym_sqrt torch._C._set_grad_enabled
    torch.ops.higher_order.cond torch.ops.higher_order.while_loop torch.ops.higher_order.wrap_with_autocast
    torch.ops.higher_order.wrap_with_set_grad_enabled torch.ops.higher_order.map_impl torch.ops.higher_order.scan
    torch.ops.higher_order.associative_scan
    """.split()
)
"""Other callables that a node of a graph may name: arithmetic of sizes, and control flow over graphs."""
_TREES: Final = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", None)
"""Containers of inputs and outputs. Others name modules, which are imported."""
_NAMES: Final = frozenset(
    """
    Abs Add And CeilDiv CeilToInt CleanDiv Eq FloatPow FloatTrueDiv FloorDiv FloorToInt Ge Gt Identity Integer
    IntTrueDiv Le Lt Max Min Mod ModularIndexing Mul Ne Not Or Piecewise Pow PowByNatural PythonMod
    RoundDecimal RoundToInt ToFloat TruncToFloat TruncToInt Where False True int_oo oo nan zoo
    """.split()
)
_NAME = re.compile(r"[\w.:+\-/\[\] ]{0,1000}")
_FREE: Final = ("as_string", "as_strings", "expr_str", "in_spec", "out_spec")
"""Keys whose texts are checked in another way, or written into code as ``repr`` has them."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_SYMBOL = re.compile(r"z?[suf]\d+|zuf\d+")
_EXPRESSION = re.compile(r"[\w\s+\-*/%(),<>=!&|~.]*")
_WRITTEN = re.compile(r"Symbol\('(\w+)'(?:, \w+=(?:True|False))*\)")
"""How a symbol is written in full."""
_POWER = re.compile(r"(?:Pow|PowByNatural|FloatPow)\(|\*\*")
_SMALL_POWER = re.compile(
    r"(?:Pow|PowByNatural|FloatPow)\([suf]\d+, (?:Integer\(\d\d?\)|\d\d?)\)|[suf]\d+\s*\*\*\s*\d\d?(?![\d.]|\s*\*)"
)
"""Other powers, those of numbers and towers of them, are small to write and larger than any machine."""


def read_program(path: Path, *, trust: bool) -> IO[bytes]:
    """Return an exported program as the library may read it.

    raises: Corrupt for what is no such program; PermissionDenied, without trust, for one that holds more than a graph
            of known operators and its tensors
    cost:   without trust a copy of the file in memory; with it nothing, the file itself is returned
    """
    if trust:
        return path.open("rb")
    try:
        with zipfile.ZipFile(path) as archive:
            return _rebuild(archive)
    except (zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError, RecursionError, NotImplementedError) as error:
        raise Corrupt(f"{path.name!r} is no exported program of PyTorch: {type(error).__name__}") from None


def strip_program(path: Path) -> None:
    """Take out of an exported program what only its making needed: sample inputs (a pickle) and stack traces."""
    with zipfile.ZipFile(path) as archive:
        clean = _rebuild(archive)
    path.write_bytes(clean.getbuffer())


def _rebuild(archive: zipfile.ZipFile) -> io.BytesIO:
    """Check an archive, and return it anew, so that what was checked and what is read cannot differ."""
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    if len(names) > MAX_MEMBERS or len({*names}) != len(names):
        raise Corrupt("The exported program has a member twice, or too many")
    roots = {name.partition("/")[0] for name in names}
    if len(roots) != 1:
        raise Corrupt("The exported program's members are not all in one folder")
    root = f"{roots.pop()}/"
    parts = {name.removeprefix(root) for name in names}
    if strange := sorted(part for part in parts if not _MEMBER.fullmatch(part)):
        require_trust(False, f"The exported program holds {strange[0][:100]!r}")
    if missing := {_GRAPH, *_CONFIGS} - parts:
        raise Corrupt(f"The exported program lacks {min(missing)!r}")
    clean = io.BytesIO()
    with zipfile.ZipFile(clean, "w", zipfile.ZIP_STORED) as copy:
        for part in sorted(parts):
            copy.writestr(_date(f"model/{part}"), _check_member(archive, root, part))
    clean.seek(0)
    return clean


def _date(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name)  # of 1980, so that equal programs are equal files


def _check_member(archive: zipfile.ZipFile, root: str, part: str) -> bytes:
    if part == _SAMPLES:
        return b""
    if part.endswith(".json") and archive.getinfo(root + part).file_size > MAX_GRAPH_BYTES:
        raise Corrupt(f"The exported program's graph is larger than {MAX_GRAPH_BYTES} bytes")
    data = archive.read(root + part)
    if part == _GRAPH:
        graph = json.loads(data)
        check_graph(graph)
        return json.dumps(graph, separators=(",", ":")).encode()
    if part in _CONFIGS:
        _check_tensors(json.loads(data))
    return data


def _check_tensors(config: Any) -> None:
    tensors = config.get("config") if isinstance(config, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(one, dict) for one in tensors.values()):
        raise Corrupt("The exported program has no list of its tensors")
    for name, one in tensors.items():
        if one.get("use_pickle") is not False or not _TENSOR.fullmatch(str(one.get("path_name"))):
            require_trust(False, f"The exported program keeps {name[:100]!r} as a pickle")
        _check_values(one)


def check_graph(graph: Any) -> None:
    """Refuse a graph that names anything but known operators, and drop from it what its nodes do not need to run.

    raises: Corrupt, PermissionDenied
    """
    if not isinstance(graph, dict) or not isinstance(graph.get("graph_module"), dict):
        raise Corrupt("The exported program has no graph")
    if graph["graph_module"].get("treespec_namedtuple_fields"):
        _refuse("a container of its own")
    graph["guards_code"] = []
    graph["graph_module"]["metadata"] = {}
    _check_values(graph)


def _check_values(value: Any) -> None:
    """Look at each value of a graph by the key that it stands under."""
    for key, one, owner in _walk(value):
        if key == "metadata" and "target" in owner:
            owner["metadata"] = one = {}
        _check_texts(key, one)
        if key == "target" and isinstance(one, str) and not is_known_target(one):
            _refuse(f"the callable {one[:100]!r}")
        elif key in ("as_operator", "as_custom_obj", "custom_obj", "custom_obj_values") and one:
            if key != "as_operator" or not is_known_target(str(one)):
                _refuse(f"an object {str(one)[:100]!r}")
        elif key == "expr_str" and not is_plain_expression(one):
            _refuse(f"the expression {str(one)[:100]!r}")
        elif key in ("in_spec", "out_spec") and one is not None:
            _check_tree(one)


def _check_texts(key: str, value: Any) -> None:
    """Refuse names that are more than names: the library writes them into source code, between quotes or without."""
    texts = [key] if key in _FREE else [key, *(value if isinstance(value, list) else [value])]
    if strange := next((text for text in texts if isinstance(text, str) and not _NAME.fullmatch(text)), None):
        _refuse(f"something {strange[:100]!r}")


def is_known_target(target: str) -> bool:
    """Return whether a node may name a callable: an operator on tensors, or one of a table."""
    return target in _CALLABLES or _OPERATOR.fullmatch(target) is not None


def is_plain_expression(text: Any) -> bool:
    """Return whether a text is arithmetic of sizes: symbols such as ``s0``, numbers, and known functions."""
    if not isinstance(text, str) or len(text) > MAX_EXPRESSION:
        return False
    plain = _WRITTEN.sub(r"\1", text)
    if not _EXPRESSION.fullmatch(plain) or re.search(r"\.\s*[A-Za-z_]|[A-Za-z_]\w*\s*\.", plain):
        return False
    if len(_POWER.findall(plain)) != len(_SMALL_POWER.findall(plain)):
        return False
    return all(word in _NAMES or _SYMBOL.fullmatch(word) for word in _WORD.findall(plain))


def _check_tree(text: Any) -> None:
    """Check the description of a container of inputs or outputs, a JSON text."""
    spec = json.loads(text) if isinstance(text, str) else None
    if not isinstance(spec, list):
        raise Corrupt("The exported program does not say what it takes and gives")
    for key, one, _owner in _walk(spec):
        if key == "type" and one not in _TREES:
            _refuse(f"a container of the type {str(one)[:100]!r}")
        if key == "context" and one is not None:
            context = json.loads(one) if isinstance(one, str) else one
            if context is not None and not (
                isinstance(context, list) and all(_NAME.fullmatch(str(name)) for name in context)
            ):
                _refuse(f"a container with {str(one)[:100]!r}")


def _walk(value: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield each value of nested mappings with its key and its mapping."""
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        one, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise Corrupt(f"The exported program is nested deeper than {MAX_DEPTH} levels")
        if isinstance(one, Mapping):
            for key, inner in list(one.items()):
                yield key, inner, one  # type: ignore[misc] # JSON's mappings are dicts with texts as keys
            pending.extend((inner, depth + 1) for inner in one.values())
        elif isinstance(one, list):
            pending.extend((inner, depth + 1) for inner in one)


def _refuse(what: str) -> None:
    require_trust(False, f"The exported program names {what}")
