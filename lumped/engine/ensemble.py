"""Many parameter sets of one circulation at once, on all cores: the kernels release Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from lumped.engine.marching import STEPS
from lumped.engine.measures import Measure
from lumped.engine.model import Model
from lumped.engine.periodic import periodic

type ParameterSet = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """What an ensemble gives.

    Attributes:
        values: (sets, measures) in SI; NaN in the row of a set that failed.
        failures: Message of each set that failed, by its index.
        beats: Beats' work that was done in all.
    """

    values: FloatArray
    failures: Mapping[int, str]
    beats: float


def run_ensemble(
    model: Model,
    sets: Sequence[ParameterSet],
    measures: Sequence[Measure],
    *,
    steps: int = STEPS,
    threads: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Ensemble:
    """The periodic beat of every parameter set.

    Args:
        model: The circulation.
        sets: What each changes: value [SI] by block and parameter; `("heart", "period")` too.
        measures: What is wanted of each beat.
        steps: Steps a beat.
        threads: How many; the cores that this process may use if not given.
        progress: Called with the number of sets that are done.
    """
    values = np.full((len(sets), len(measures)), np.nan)
    failures: dict[int, str] = {}
    work = np.zeros(len(sets))
    guess = periodic(model, steps=steps).history.unknowns[0]

    def run(index: int) -> int:
        changes = dict(sets[index])
        period = changes.pop(("heart", "period"), model.period)
        try:
            found = periodic(model.with_values(changes).with_period(period), steps=steps, start=guess)
        except HemoplanError as error:
            failures[index] = str(error)
            return index
        work[index] = found.work
        values[index] = [measure.value(found.history) for measure in measures]
        return index

    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        for done, _ in enumerate(pool.map(run, range(len(sets))), start=1):
            progress(done)
    return Ensemble(values=values, failures=dict(sorted(failures.items())), beats=float(work.sum()))
