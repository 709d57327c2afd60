"""Does a sweep: starts trials, watches them, hears how they ended, and marks the best."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from typing import Final

import msgspec

from trackway.base.errors import NotFound, TrackwayError
from trackway.projects.sweeps.board import Board, Trial
from trackway.projects.sweeps.options import SweepPlan, to_space
from trackway.projects.sweeps.records import TAG_BEST, describe_end, describe_trial
from trackway.projects.sweeps.samplers import make_sampler
from trackway.projects.sweeps.space import Scalar
from trackway.projects.sweeps.trials import Attempt, Ending, Starter
from trackway.sdk.client import Client
from trackway.sdk.fluent import log_metric, set_tags

WATCH_S: Final = 0.5
"""How often the curves of running trials are looked at."""
LOOK_S: Final = 0.02
FAILURES: Final = 3
"""A sweep ends when so many trials could not even be started, one after the other."""


class Driver:
    """One sweep that is being done, by the thread whose active run is the sweep's."""

    def __init__(self, plan: SweepPlan, run_id: str, board: Board, starter: Starter) -> None:
        self.trials: dict[int, Trial] = {}
        self.best: Trial | None = None
        self._plan = plan
        self._run_id = run_id
        self._board = board
        self._starter = starter
        self._sampler = make_sampler(plan.options.sampler, to_space(plan), plan.maximize, plan.options.seed)
        self._count = plan.count_trials()
        self._client = Client()
        self._again: deque[Trial] = deque()
        self._active: dict[int, Attempt] = {}
        self._next = 0
        self._unstarted = 0

    def recall(self, ended: list[Trial], cut_off: list[Trial]) -> None:
        """Hear of the trials of an earlier process; those that it could not end are tried again first."""
        for trial in sorted(ended, key=lambda one: one.number):
            if self._plan.options.metric and trial.run_id:
                self._watch(trial.number, trial.run_id)
            self._keep(trial)
        self._again.extend(sorted(cut_off, key=lambda one: one.number))
        self._next = max((one.number for one in (*ended, *cut_off)), default=-1) + 1

    def drive(self) -> None:
        """Do all trials."""
        idle = 0.0
        while True:
            while len(self._active) < self._plan.options.parallel and self._start_next():
                pass
            if not self._active:
                return
            first = next(iter(self._active.values()))
            first.wait(LOOK_S)
            idle += LOOK_S
            for number, attempt in list(self._active.items()):
                ending = attempt.wait(0.0)
                if ending is not None:
                    del self._active[number]
                    self._end(number, attempt.run_id, ending)
            if self._board.prunes and self._starter.watched and idle >= WATCH_S:
                idle = 0.0
                self._prune()

    def close(self) -> None:
        """End what is under way; it is tried again when the sweep goes on."""
        for attempt in self._active.values():
            attempt.cancel()

    def _start_next(self) -> bool:
        """Start a trial; False when there is none to start."""
        earlier = ""
        if self._again:
            trial = self._again.popleft()
            number, params, earlier = trial.number, trial.params, trial.run_id
        elif self._next < self._count:
            number = self._next
            found = self._sampler.ask(number)
            if found is None:
                return False
            params = found
            self._next += 1
        else:
            return False
        try:
            attempt = self._starter.start(number, params, describe_trial(self._run_id, number, params))
        except TrackwayError as error:
            self._unstarted += 1
            self._keep(Trial(number=number, params=params, run_id="", state="failed", reason=str(error)))
            if self._unstarted >= FAILURES:
                raise
            return True
        self._unstarted = 0
        self._active[number] = attempt
        self.trials[number] = Trial(number=number, params=params, run_id=attempt.run_id, state="running")
        if earlier:
            self._client.link_run(attempt.run_id, "retry_of", earlier)
        return True

    def _prune(self) -> None:
        for number, attempt in list(self._active.items()):
            self._watch(number, attempt.run_id)
            if self._board.should_end(number):
                attempt.cancel()
                if attempt.wait(math.inf) is not None and number in self._active:
                    del self._active[number]
                    self._end(number, attempt.run_id, Ending("pruned"))

    def _watch(self, number: int, run_id: str) -> None:
        """Look at the curve of a trial, as far as the store has it."""
        with suppress(NotFound):  # it has none yet
            steps, _, values = self._client.get_history(run_id, self._plan.options.metric)
            self._board.note(number, zip(steps.tolist(), values.tolist(), strict=True))

    def _end(self, number: int, run_id: str, ending: Ending) -> None:
        state, value, reason = ending
        params: dict[str, Scalar] = self.trials[number].params
        if self._plan.options.metric and run_id:
            self._watch(number, run_id)
            if state == "finished" and value is None:
                summary = self._client.get_run(run_id).metrics.get(self._plan.options.metric)
                value = None if summary is None else summary.last_value
        if state == "finished" and (value is None or math.isnan(value)):
            state, value, reason = "failed", None, f"it gave no {self._plan.options.metric or 'value'}"
        trial = Trial(number=number, params=params, run_id=run_id, state=state, value=value, reason=reason)
        if run_id:
            self._client.ingest(run_id, tags=describe_end(trial))
        self._keep(trial)

    def _keep(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        last = self._board.get_curve(trial.number)
        told = trial
        if trial.state == "pruned" and last:  # what it had come to speaks for its parameters, or against them
            told = msgspec.structs.replace(trial, value=last[max(last)])
        self._sampler.tell(told, last)
        if trial.state != "finished" or trial.value is None:
            return
        if self.best is None or self.best.value is None or self._board.is_better(trial.value, self.best.value):
            if self.best is not None and self.best.run_id != trial.run_id:
                self._client.ingest(self.best.run_id, tags={TAG_BEST: "false"})
            self.best = trial
            self._client.ingest(trial.run_id, tags={TAG_BEST: "true"})
            set_tags({TAG_BEST: trial.run_id})
            log_metric(f"best_{self._plan.options.metric or 'value'}", trial.value, step=trial.number)
