"""The frame of autologging: runs integrations around the functions of other libraries without touching what these do.

An integration names targets (functions and methods) and gives each a hook, a generator function: what stands before
its ``yield`` runs before the original, what stands after runs after it. The frame calls the original exactly once, with
the caller's arguments unless the hook has set one, and passes on its result or its error unchanged. Whatever goes wrong
in a hook is counted and warned of once, and the original runs as if there were no hook.

Only the outermost call in a thread is recorded: what an estimator calls to do its work is part of its own fit. That
holds for work that joblib does in other threads, too.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from trackway.api.runs import RunStatus
from trackway.sdk.autolog import imports
from trackway.sdk.autolog.patches import Patch, apply_patch, remove_patch
from trackway.sdk.autolog.recorder import Log, ModelLogging, Recorder, Sections, shield, silenced

TAG_INTEGRATION: Final = "mlflow.autologging"
"""Says which integration started a run."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an integration works.

    log_datasets:         describe training data by digest, schema and size
    log_models:           save the fitted model and log it as one that the run made
    log_model_signatures: tell from some rows what it takes and gives
    log_input_examples:   keep these rows with it
    registered_model_name: register it as the next version of this name
    log_training_metrics: score scikit-learn's estimators on their training data, which costs a prediction
    log_every_n_epoch:    epochs from point to point
    log_every_n_step:     log at training steps instead of epochs (Lightning)
    max_tuning_runs:      child runs for the best candidates of a search; None for all
    extra_tags:           set on every run that is written to
    exclusive:            leave runs alone that the user has started
    silent:               do not warn
    """

    log_datasets: bool = True
    log_models: bool = True
    log_model_signatures: bool = True
    log_input_examples: bool = False
    registered_model_name: str | None = None
    log_training_metrics: bool = True
    log_every_n_epoch: Annotated[int, msgspec.Meta(ge=1)] = 1
    log_every_n_step: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_tuning_runs: Annotated[int, msgspec.Meta(ge=0)] | None = 5
    extra_tags: dict[str, str] = {}
    exclusive: bool = False
    silent: bool = False


Hook = Callable[["Call"], Generator[None, None, None]]
"""Yields once, where the original is to run; one that ends before that does not record the call."""


class Target(NamedTuple):
    """A function or method to run a hook around.

    owner:      the module or class that has it
    starts_run: start a run when none is active, and end it afterwards; else only active runs are written to
    """

    owner: Any
    attribute: str
    hook: Hook
    starts_run: bool = True


class Integration(NamedTuple):
    """One library's integration.

    modules: patterns of the modules it waits for, as in ``imports.watch``
    find:    returns the targets in one of those modules
    """

    name: str
    modules: tuple[str, ...]
    find: Callable[[ModuleType], Iterable[Target]]


class Call:
    """One call of a target, as its hook sees it."""

    def __init__(self, state: State, target: Target, recorder: Recorder, instance: Any) -> None:
        self.instance = instance
        self.options = state.options
        self.result: Any = None
        self._integration = state.integration.name
        self._target = target
        self._recorder = recorder
        self._run_id: str | None = None
        """The run that this call has started."""
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self._parameters: Mapping[str, inspect.Parameter] = {}

    def get(self, name: str) -> Any:
        """Return an argument by name: as given, else the function's default, else None."""
        parameter = self._parameters.get(name)
        place = self._find_place(name)
        if place is not None and place < len(self._args):
            return self._args[place]
        default = None if parameter is None or parameter.default is inspect.Parameter.empty else parameter.default
        return self._kwargs.get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Give the original another argument; the caller's own objects must not be changed."""
        place = self._find_place(name)
        if place is not None and place < len(self._args):
            self._args = (*self._args[:place], value, *self._args[place + 1 :])
        else:
            self._kwargs = {**self._kwargs, name: value}

    def open(self, name: str, params: Mapping[str, Any], owner: object = None) -> tuple[Log, int]:
        """Begin a section of the active run, or of a new one, and log its params.

        name, owner: see ``Sections.claim``
        returns:     where to log, and the step for points that have none of their own
        """
        run_id = self._recorder.active_run()
        if run_id is None:
            run_id = self._run_id = self._recorder.start_run()
            self._recorder.set_tags({TAG_INTEGRATION: self._integration})
        if self.options.extra_tags:
            self._recorder.set_tags(self.options.extra_tags)
        prefix, step = _sections.claim(run_id, name, params, owner)
        log = Log(self._recorder, self._integration, prefix)
        log.params(params)
        return log, step

    def attach(self) -> Log:
        """Return where to log to the active run without a section of its own."""
        return Log(self._recorder, self._integration)

    def active_run(self) -> str | None:
        """Return the active run's id."""
        return self._recorder.active_run()

    def at_end(self, act: Callable[[], None]) -> None:
        """Have something done when the active run ends well."""
        self._recorder.at_end(act)

    def log_model(
        self, log: Log, model: Any, rows: Any = None, step: int = 0, ways: tuple[Mapping[str, Any], ...] = ({},)
    ) -> None:
        """Log a fitted model, as the options say.

        rows: some rows as the model takes them, from ``take_rows``; None when there are none
        ways: see ``ModelLogging``
        """
        options = self.options
        if options.log_models:
            wanted = options.log_model_signatures or options.log_input_examples
            how = ModelLogging(
                rows=rows if wanted else None,
                keep_rows=options.log_input_examples,
                registered_name=options.registered_model_name,
                step=step,
                ways=ways,
            )
            log.model(model, how)

    @contextmanager
    def child(self, name: str) -> Iterator[Log]:
        """Start a run below the active one for the time of the context."""
        self._recorder.start_run(name=name, nested=True)
        try:
            yield Log(self._recorder, self._integration)
        finally:
            self._recorder.end_run()

    def run(self, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the original once, with the hook around it."""
        hook: Generator[None, None, None]
        begun = False
        self._args, self._kwargs = args, kwargs
        with shield(self._integration):
            self._parameters = _get_parameters(getattr(original, "__func__", original), hasattr(original, "__func__"))
            if self._may_record():
                hook = self._target.hook(self)
                begun = next(hook, _DONE) is not _DONE
        if not begun:
            self._args, self._kwargs = args, kwargs
        try:
            self.result = original(*self._args, **self._kwargs)
        except BaseException as error:
            if begun:
                with shield(self._integration):
                    hook.close()
            self._end_run("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        if begun:
            with shield(self._integration):
                next(hook, None)
        self._end_run("FINISHED")
        return self.result

    def _may_record(self) -> bool:
        if self._recorder.active_run() is None:
            return self._target.starts_run
        return not self.options.exclusive

    def _end_run(self, status: RunStatus) -> None:
        with shield(self._integration):
            if self._run_id is not None and self._recorder.active_run() == self._run_id:
                self._recorder.end_run(status)

    def _find_place(self, name: str) -> int | None:
        """Return where an argument stands among those by place, or None when it has to be named."""
        by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [parameter.name for parameter in self._parameters.values() if parameter.kind in by_place]
        return names.index(name) if name in names else None


class State:
    """An integration that is, or was, switched on."""

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self.options = Options()
        self.enabled = False
        self.patches: list[Patch] = []

    def apply(self, module: ModuleType) -> None:
        """Patch the targets of a module that has just been imported."""
        with shield(self.integration.name):
            for target in self.integration.find(module):
                known = {id(patch.original): patch.replacement for patch in self.patches}
                around = functools.partial(_dispatch, self, target)
                patch = apply_patch(target.owner, target.attribute, around, known)
                if patch is not None:
                    self.patches.append(patch)


def set_recorder(recorder: Recorder | None) -> None:
    """Say what integrations write to; without a recorder they do nothing."""
    global _recorder
    _recorder = recorder


def enable(integration: Integration, options: Options) -> None:
    """Patch a library's targets, now or when it is imported; if that is done already, only change the options."""
    with _lock:
        state = _states.setdefault(integration.name, State(integration))
        state.options = options
        (silenced.add if options.silent else silenced.discard)(integration.name)
        if not state.enabled:
            state.integration = integration
            state.enabled = True
            imports.watch(integration.modules, state.apply)


def disable(name: str) -> None:
    """Put the identical originals of an integration back; wrappers that someone has kept only pass calls on."""
    with _lock:
        state = _states.get(name)
        if state is None or not state.enabled:
            return
        state.enabled = False
        imports.unwatch(state.apply)
        while state.patches:
            remove_patch(state.patches.pop())


def list_enabled() -> list[str]:
    """Return the names of the integrations that are switched on."""
    return sorted(name for name, state in _states.items() if state.enabled)


_DONE: Final = object()
_lock = threading.RLock()
_local = threading.local()
_levels: list[int] = []
"""How deep in joblib's workers each call that is being recorded began."""
_sections = Sections()
_states: dict[str, State] = {}
_recorder: Recorder | None = None


def _dispatch(
    state: State,
    target: Target,
    instance: Any,
    original: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    recorder = _recorder
    if recorder is None or not state.enabled or getattr(_local, "busy", False):
        return original(*args, **kwargs)
    level = _get_joblib_level()
    if any(other < level for other in _levels):  # at work for a call that another thread has begun
        return original(*args, **kwargs)
    _local.busy = True
    _levels.append(level)
    try:
        return Call(state, target, recorder, instance).run(original, args, kwargs)
    finally:
        _levels.remove(level)
        _local.busy = False


def _get_joblib_level() -> int:
    """Return how many of joblib's workers the calling thread is inside of."""
    joblib = sys.modules.get("joblib.parallel")
    get_backend = getattr(joblib, "get_active_backend", None)
    return (get_backend()[0].nesting_level or 0) if get_backend is not None else 0


@functools.lru_cache(maxsize=1024)
def _get_parameters(function: Callable[..., Any], bound: bool) -> Mapping[str, inspect.Parameter]:
    """Return a function's parameters by name, without the first one when it is bound to an instance."""
    parameters = dict(inspect.signature(function).parameters)
    if bound:
        del parameters[next(iter(parameters))]
    return parameters
