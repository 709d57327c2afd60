"""The one place that decides whether a model may run code of its own, and the only one that unpickles.

A pickle is a program. Whether a file is one is decided by its bytes, never by its name: its opcodes are read, and
archives and compressed files are looked into. A model with a pickle anywhere, or one that is loaded by importing code
from its folder, is refused unless the caller says ``trust=True``: "I know who made this, and would run their code".
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import importlib.util
import io
import lzma
import pickle
import pickletools
import re
import sys
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Final

import msgspec

from trackway.base.errors import Corrupt, InvalidInput, NotSupported, PermissionDenied
from trackway.models import python_model
from trackway.models.safetensors import SUFFIX, check_safetensors

MAX_DEPTH: Final = 4
"""Archives within archives are opened so deep."""
MAX_MEMBERS: Final = 100_000
MAX_INFLATED_BYTES: Final = 2**30
"""Most that is read of one member; a file that needs more is refused."""
MAX_OPCODES: Final = 1_000_000

MSGPACK_NAME: Final = "model"

_STAND_INS: Final = {
    "mlflow": "trackway",
    "mlflow.models": "trackway.models",
    "mlflow.pyfunc": "trackway.pyfunc",
    "mlflow.pyfunc.model": "trackway.models.python_model",
}
_HEAD: Final = 70_000
"""More than numpy's header can take."""
_CALLS = {"INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "REDUCE", "BUILD", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
"""Opcodes that import what they are given, or call it."""


def require_trust(trust: bool, what: str) -> None:
    """Refuse to go on without the caller's trust.

    raises: PermissionDenied
    """
    if not trust:
        raise PermissionDenied(
            f"{what}, which can run any code on this machine",
            hint="load with trust=True (a command: --trust) only a model whose maker you trust, or save it again in a"
            " safe format",
        )


def refuse_pickles(folder: Path, paths: Iterable[str], *, trust: bool) -> None:
    """Refuse a model whose files hold a pickle, unless the caller trusts it.

    raises: PermissionDenied; InvalidInput for a file that cannot be looked into to the end
    cost:   the first bytes of each file; of archives, of each member
    """
    if trust:
        return
    for path in paths:
        if found := find_pickle(folder / path):
            require_trust(trust, f"The model's file {path!r} is or holds {found}")


def find_pickle(path: Path) -> str:
    """Return what makes a file one that must not be opened without trust; an empty text when nothing does."""
    if (path.name.endswith(SUFFIX) and _is_whole(path)) or (path.name.endswith(".parquet") and _is_parquet(path)):
        return ""  # of which the first bytes, a length or packed values, may happen to be a pickle's
    with path.open("rb") as file:
        found = _inspect(file, 0)
    return "" if found and path.name == MSGPACK_NAME and _is_msgpack(path) else found


def _is_msgpack(path: Path) -> bool:
    """Return whether a file is one value of MessagePack from its first byte to its last, as spaCy writes weights.

    Some of those are pickles too, by chance; nothing that reads files of this name unpickles them.
    """
    if path.stat().st_size > MAX_INFLATED_BYTES:
        return False
    try:
        msgspec.msgpack.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_parquet(path: Path) -> bool:
    """Return whether a file begins and ends as Parquet does; nothing that reads it unpickles."""
    mark, size_bytes = b"PAR1", path.stat().st_size
    if size_bytes < 12:
        return False
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(-8, io.SEEK_END)
        tail = file.read(8)
    return head == mark and tail[4:] == mark and int.from_bytes(tail[:4], "little") <= size_bytes - 12


def _is_whole(path: Path) -> bool:
    try:
        check_safetensors(path)
    except Corrupt:
        return False
    return True


def load_pickle(path: Path, *, trust: bool) -> Any:
    """Unpickle a file of a model.

    raises: PermissionDenied without trust; InvalidInput when what it needs cannot be imported
    """
    require_trust(trust, f"The model's file {path.name!r} is a pickle")
    with path.open("rb") as file:
        try:
            return _Unpickler(file).load()
        except ModuleNotFoundError as error:
            raise InvalidInput(f"The pickle {path.name!r} needs the module {error.name!r}") from error


def load_torch(torch: Any, path: Path, device: str, *, trust: bool) -> Any:
    """Unpickle a file that ``torch.save`` wrote: a whole module, of classes that must be found here.

    raises: PermissionDenied without trust; InvalidInput when what it needs cannot be imported
    """
    require_trust(trust, f"The model's file {path.name!r} is a pickle")
    try:
        return torch.load(path, map_location=device, weights_only=False)
    except ModuleNotFoundError as error:
        raise InvalidInput(f"The pickle {path.name!r} needs the module {error.name!r}") from error


def load_code(path: Path, code: Path | None, *, trust: bool) -> ModuleType:
    """Run a Python file of a model as a module of its own.

    code:   folder of what it imports, which becomes part of the search path for modules
    raises: PermissionDenied without trust
    """
    require_trust(trust, f"The model runs the code of its file {path.name!r}")
    if code is not None:
        _extend_path(code)
    name = f"trackway_model_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInput(f"The model's file {path.name!r} is no Python source")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _without_bytecode(lambda: _stand_in_for_mlflow(lambda: spec.loader.exec_module(module)))  # type: ignore[union-attr]
    return module


def load_module(name: object, folder: Path | None, *, trust: bool) -> ModuleType:
    """Import the module that a model names as its loader, from its own code or from what is installed.

    raises: PermissionDenied without trust
    """
    require_trust(trust, f"The model is loaded by the module {str(name)[:100]!r}")
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise InvalidInput(f"{str(name)[:100]!r} is no module")
    if folder is not None:
        _extend_path(folder)
    module: ModuleType = _without_bytecode(lambda: importlib.import_module(name))
    return module


def forget_code(folder: Path) -> None:
    """Take a folder of a model's code out of the search path again."""
    if (place := str(folder.resolve())) in sys.path:
        sys.path.remove(place)


def _extend_path(folder: Path) -> None:
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)


def _without_bytecode(act: Callable[[], Any]) -> Any:
    """Import without leaving compiled files in the model's folder, which its manifest does not list."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return act()
    finally:
        sys.dont_write_bytecode = before


def _stand_in_for_mlflow(act: Callable[[], Any]) -> Any:
    """Let code that was written for MLflow find its names here, where MLflow is not installed."""
    if "mlflow" in sys.modules or importlib.util.find_spec("mlflow") is not None:
        return act()
    sys.modules |= {name: importlib.import_module(ours) for name, ours in _STAND_INS.items()}
    try:
        return act()
    finally:
        for name in _STAND_INS:
            del sys.modules[name]


class _Unpickler(pickle.Unpickler):
    """Finds the base class of MLflow's Python models here, where MLflow is not installed.

    What else of MLflow such a pickle names only describes the model, and becomes an object without meaning.
    """

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if module_name.partition(".")[0] == "mlflow" and importlib.util.find_spec("mlflow") is None:
            return getattr(python_model, global_name, _Unknown)
        return super().find_class(module_name, global_name)


class _Unknown:
    """Stands for an object of MLflow's own."""

    def __init__(self, *_arguments: Any, **_named: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


class _Limited:
    """A stream that is read up to a limit."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MAX_INFLATED_BYTES

    def read(self, size: int) -> bytes:
        return self._count(self._stream.read(min(size, self._left + 1)))

    def readline(self) -> bytes:
        return self._count(self._stream.readline(min(2**20, self._left + 1)))

    def tell(self) -> int:
        return MAX_INFLATED_BYTES - self._left

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise InvalidInput(f"A file of the model unpacks to more than {MAX_INFLATED_BYTES} bytes")
        return data


def _inspect(stream: IO[bytes], depth: int) -> str:
    """Return what a seekable stream holds that runs code when it is opened."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"A file of the model holds archives within archives, deeper than {MAX_DEPTH} levels")
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(b"\x93NUMPY"):
        return "a numpy array of Python objects" if _holds_objects(head) else ""
    if zipfile.is_zipfile(stream):
        return _inspect_zip(stream, depth)
    stream.seek(0)
    for magic, opener in _COMPRESSED.items():
        if head.startswith(magic):
            return _inspect_compressed(stream, opener, depth)
    if head[257:262] == b"ustar":
        return _inspect_tar(stream, depth)
    stream.seek(0)
    return "a pickle" if _is_pickle(stream) else ""


def _holds_objects(head: bytes) -> bool:
    """Return whether numpy's header gives the type of Python objects, alone or as a field."""
    return re.search(rb"['|]\|?O\d*['\"]", head) is not None


def _inspect_zip(stream: IO[bytes], depth: int) -> str:
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise InvalidInput(f"An archive of the model has more than {MAX_MEMBERS} members")
        for member in members:
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise InvalidInput("An archive of the model is encrypted")
            if found := _inspect_member(lambda member=member: archive.open(member), depth):  # type: ignore[misc]
                return f"an archive with {found} in {member.filename[:100]!r}"
    return ""


def _inspect_tar(stream: IO[bytes], depth: int) -> str:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for number, member in enumerate(archive):
            if number > MAX_MEMBERS:
                raise InvalidInput(f"An archive of the model has more than {MAX_MEMBERS} members")
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and (found := _inspect(file, depth + 1)):
                return f"an archive with {found} in {member.name[:100]!r}"
    return ""


def _inspect_compressed(stream: IO[bytes], opener: Callable[[IO[bytes]], Any], depth: int) -> str:
    def reopen() -> IO[bytes]:
        stream.seek(0)
        opened: IO[bytes] = opener(stream)
        return opened

    found = _inspect_member(reopen, depth)
    return f"compressed data with {found}" if found else ""


def _inspect_member(reopen: Callable[[], IO[bytes]], depth: int) -> str:
    """Look into a packed file: at its first bytes, and at all of it when it is an archive itself."""
    try:
        with reopen() as member:
            head = member.read(_HEAD)
        nested = head.startswith((b"PK\x03\x04", b"PK\x05\x06", *_COMPRESSED)) or head[257:262] == b"ustar"
        with reopen() as member:
            if nested:
                data = member.read(MAX_INFLATED_BYTES // 8 + 1)
                if len(data) > MAX_INFLATED_BYTES // 8:
                    raise InvalidInput("An archive within an archive of the model is too large to be looked into")
                return _inspect(io.BytesIO(data), depth + 1)
            if head.startswith(b"\x93NUMPY"):
                return "a numpy array of Python objects" if _holds_objects(head) else ""
            return "a pickle" if _is_pickle(member) else ""
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InvalidInput(f"A packed file of the model cannot be looked into: {type(error).__name__}") from None


def _open_zlib(stream: IO[bytes]) -> IO[bytes]:
    packed = zlib.decompressobj()
    unpacked = packed.decompress(stream.read(), MAX_INFLATED_BYTES // 8)
    if packed.unconsumed_tail:
        raise InvalidInput("A packed file of the model is too large to be looked into")
    return io.BytesIO(unpacked)


def _refuse_unknown(_: IO[bytes]) -> IO[bytes]:
    raise NotSupported("A file of the model is packed with LZ4 or Zstandard", hint="save it without compression")


_COMPRESSED: Final[dict[bytes, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
    b"\x78\x01": _open_zlib,
    b"\x78\x5e": _open_zlib,
    b"\x78\x9c": _open_zlib,
    b"\x78\xda": _open_zlib,
    b"\x04\x22\x4d\x18": _refuse_unknown,
    b"\x28\xb5\x2f\xfd": _refuse_unknown,
}


def _is_pickle(stream: IO[bytes]) -> bool:
    """Return whether unpickling a stream would get as far as a call, or as an object.

    Opcodes are read as the unpickler would read them, up to the first that it would not understand or that lacks what
    it needs on the stack; plain text is seldom understood beyond a few characters.
    """
    depth, marks = 0, list[int]()
    try:
        for number, (opcode, _argument, _place) in enumerate(pickletools.genops(_Limited(stream))):  # type: ignore[arg-type]
            needed = len(opcode.stack_before)
            if opcode.name == "MARK":
                marks.append(depth)
                continue
            if opcode.name == "POP" and marks and marks[-1] == depth:
                marks.pop()
                continue
            if pickletools.markobject in opcode.stack_before:
                if not marks:
                    return False
                depth, needed = marks.pop(), opcode.stack_before.index(pickletools.markobject)
            if depth < needed:
                return False
            if opcode.name in _CALLS or opcode.name == "STOP" or number > MAX_OPCODES:
                return True
            depth += len(opcode.stack_after) - needed
    except (ValueError, UnicodeError, IndexError, OverflowError, MemoryError):
        return False
    return False
