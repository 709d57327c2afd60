"""Scenarios of operations: what is asked on a prepared stage, and what is to come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from trackway.api import artifacts as a
from trackway.api import experiments as e
from trackway.api import logged_models as m
from trackway.api import operations as ops
from trackway.api import runs as r
from trackway.api import workspaces as w
from trackway.api.calls import Actor, Call
from trackway.api.operations import Operation
from trackway.base.clock import now_ms
from trackway.base.errors import InvalidInput, TrackwayError
from trackway.base.ids import new_id
from trackway.dispatch import Dispatch
from trackway.testing.store.space import make_series

V = TypeVar("V")
Kind = Literal["valid", "missing", "trash", "refused", "limit"]
Ask = Callable[["Stage"], Any]
Check = Callable[["Stage", Any], object]
ANN = Actor(kind="user", name="ann")


def pass_by(time_ms: int) -> int:
    """Wait until a millisecond is over, so that nothing more can bear it, and return the next one."""
    while now_ms() <= time_ms:
        pass
    return time_ms + 1


class Stage:
    """A workspace of one test's own: a live experiment, run and model, one of each in the trash, and a file.

    actor: who made all of that, and calls
    """

    def __init__(self, dispatch: Dispatch, workspace: str = "", actor: Actor = ANN) -> None:
        self.dispatch = dispatch
        self.actor = actor
        self.workspace = workspace or f"w-{new_id()}"
        if not workspace:
            home = dispatch.open_call(actor, "default")
            dispatch.call(ops.CREATE_WORKSPACE, w.CreateWorkspace(name=self.workspace), home)
        self.name = f"prices-{new_id()}"
        self.exp = self.make_experiment(self.name)
        self.other_exp = self.make_experiment()
        self.gone_exp = self.make_experiment()
        self.run = self.make_run(self.exp, external_key=self.name, tags={"t": "1"})
        self.child = self.make_run(self.exp, parent_run_id=self.run)
        self.gone_run = self.make_run(self.exp)
        self.lost_run = self.make_run(self.gone_exp)
        self.call(ops.INGEST, r.Ingest(run_id=self.run, params={"p": "1"}, series=[make_series("m", [(0, 1, 0.5)])]))
        self.model = self.make_model(params={"p": "1"}, tags={"t": "1"})
        self.gone_model = self.make_model()
        self.folder = f"{self.exp}/{self.run}/artifacts"
        self.call(ops.COMMIT_UPLOAD, self.file("a/b.txt"))
        self.call(ops.DELETE_RUN, r.DeleteRun(run_id=self.gone_run))
        self.call(ops.DELETE_LOGGED_MODEL, m.DeleteLoggedModel(model_id=self.gone_model))
        self.call(ops.DELETE_EXPERIMENT, e.DeleteExperiment(experiment_id=self.gone_exp))

    def open(self) -> Call:
        """Begin a call."""
        return self.dispatch.open_call(self.actor, self.workspace)

    def call(self, operation: Operation[Any, Any], request: Any) -> Any:
        """Carry out an operation."""
        return self.dispatch.call(operation, request, self.open())

    def make_experiment(self, name: str = "") -> str:
        made = self.call(ops.CREATE_EXPERIMENT, e.CreateExperiment(name=name or new_id()))
        return str(made.experiment_id)

    def make_run(self, experiment: str, **fields: Any) -> str:
        return str(self.call(ops.CREATE_RUN, r.CreateRun(experiment_id=experiment, **fields)).run_id)

    def make_model(self, **fields: Any) -> str:
        request = m.CreateLoggedModel(experiment_id=self.exp, **fields)
        return str(self.call(ops.CREATE_LOGGED_MODEL, request).model_id)

    def file(self, name: str, data: bytes = b"x") -> a.CommitUpload:
        return a.CommitUpload(path=f"{self.folder}/{name}", size_bytes=len(data), sha256="0" * 64, data=data)

    def get_run(self, run_id: str = "") -> r.Run:
        run: r.Run = self.call(ops.GET_RUN, r.GetRun(run_id=run_id or self.run))
        return run


class Scenario(NamedTuple):
    """One request: ``expected`` is a check of the response, or the error that refuses it."""

    operation: Operation[Any, Any]
    kind: Kind
    title: str
    ask: Ask
    expected: Check | type[TrackwayError]
    workspace: str = ""

    def __str__(self) -> str:
        return f"{self.operation.name}: {self.title}"


def ok(operation: Operation[Any, Any], title: str, ask: Ask, check: Check = lambda _stage, _response: True) -> Scenario:
    """A request that is carried out."""
    return Scenario(operation, "valid", title, ask, check)


def no(operation: Operation[Any, Any], kind: Kind, title: str, ask: Ask, error: type[TrackwayError]) -> Scenario:
    """A request that is refused."""
    return Scenario(operation, kind, title, ask, error)


def each(
    operation: Operation[Any, Any],
    kind: Kind,
    what: str,
    values: Iterable[V],
    ask: Callable[[Stage, V], Any],
    error: type[TrackwayError],
) -> Iterator[Scenario]:
    """A request that is refused with any of some values."""
    for value in values:
        yield no(operation, kind, f"{what} {value!r:.40}", partial(_ask_with, ask, value), error)


def _ask_with(ask: Callable[[Stage, V], Any], value: V, stage: Stage) -> Any:
    return ask(stage, value)


def limited(
    operation: Operation[Any, Any],
    what: str,
    limit: int,
    ask: Callable[[Stage, int], Any],
    beyond: type[TrackwayError] = InvalidInput,
    within: type[TrackwayError] | None = None,
) -> Iterator[Scenario]:
    """A request at a limit, one past it, and ten times it.

    within: what refuses it at the limit for another reason
    """
    for title, size in (("at", limit), ("one past", limit + 1), ("ten times", 10 * limit)):
        expected: Check | type[TrackwayError] = beyond if size > limit else within or (lambda _stage, _response: True)
        yield Scenario(operation, "limit", f"{what} {title} {limit:,}", partial(_ask_with, ask, size), expected)


UNKNOWN_RUN = "f" * 32
UNKNOWN_EXP = "987654321"
UNKNOWN_MODEL = f"m-{'f' * 32}"
BAD_IDS = ("", " ", "../x", "a/b", "*", "' OR 1=1 --", "x" * 10_000, "--1", "1.5", "\x00", "٣", "9" * 30)
"""Texts that are no id of an experiment."""
