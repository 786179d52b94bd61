"""From scores to what the bedside would see: the periodic beat of a parameter set, with derivatives.

Beats are warm-started along the tangent: the periodic state at new scores is first guessed as y + dy/dz (z' - z) from
the last one whose derivatives are known, with the blood that belongs to the new scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError, HemoplanError
from lumped.bedside.factors import GAS, Factor, chain, changed_gas, parameter_values
from lumped.bedside.observables import Beat, Observable, Slopes
from lumped.engine.marching import History
from lumped.engine.model import Model
from lumped.engine.periodic import periodic
from lumped.engine.sensitivity import BLOOD, PERIOD, Sensitivity, sensitivity

STEPS = 100
"""Steps a beat: systolic pressures of a newborn to 0.1 mmHg, a thirtieth of what a cuff is good for."""
DIFFERENCE = 1e-3
"""Step in scores of the difference quotients of reported values: off by about a thousandth, which a search forgives."""


class Reporter(Protocol):
    """Works out from a beat what the beat alone does not say, such as saturations."""

    def __call__(self, history: History) -> Mapping[str, float]:
        """Values [SI] by name, as `lumped.bedside.observables.Reported` asks for them."""


@dataclass(slots=True)
class Forward:
    """The model as a function of scores; remembers the last beat to start the next one from.

    Attributes:
        model: The circulation as it is given.
        factors: What is varied.
        steps: Steps a beat.
        reporter: Works out what the beat alone does not say, if any target needs it.
        evaluations: Periodic beats that were computed.
    """

    model: Model
    factors: tuple[Factor, ...]
    steps: int = STEPS
    reporter: Reporter | None = None
    evaluations: int = 0
    _scores: FloatArray = field(default_factory=lambda: np.empty(0))
    _unknowns: FloatArray = field(default_factory=lambda: np.empty(0))
    _tangent: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def beat(self, scores: FloatArray) -> Beat:
        """The periodic beat at (k,) scores.

        Raises:
            CalibrationError: Parameters contradict each other.
            BoundaryError: There is no periodic beat.
        """
        values = parameter_values(self.model, self.factors, scores)
        model = self._changed(values)
        blood = values.get(BLOOD, self.model.total_volume(self.model.start))
        error: HemoplanError | None = None
        for guess in self._guesses(scores):
            self.evaluations += 1
            try:
                found = periodic(model, steps=self.steps, start=_with_blood(model, guess, blood))
            except HemoplanError as failure:
                error = failure
                continue
            reported = self.reporter(found.history) if self.reporter is not None else {}
            return Beat(history=found.history, reported=reported)
        assert error is not None
        raise error

    def slopes(self, scores: FloatArray, beat: Beat) -> Slopes:
        """Derivatives of the beat at these scores with respect to the scores; the next beats start from here."""
        values = parameter_values(self.model, self.factors, scores)
        matrix = chain(self.factors, values)
        hydraulic = [row for row, (block, _) in enumerate(values) if block != GAS]
        keys = list(values)
        raw = sensitivity(beat.history, [keys[row] for row in hydraulic])
        flowing = matrix[hydraulic]
        tangent = Sensitivity(
            history=beat.history,
            parameters=tuple((each.name, "score") for each in self.factors),
            unknowns=raw.unknowns @ flowing,
            pressures=raw.pressures @ flowing,
            flows=raw.flows @ flowing,
        )
        self._scores = scores.copy()
        self._unknowns = beat.history.unknowns[0].copy()
        self._tangent = tangent.unknowns[0].copy()
        by_parameter = dict(zip(values, matrix, strict=True))
        return Slopes(
            tangent=tangent,
            period=by_parameter.get(PERIOD, np.zeros(len(self.factors))),
            values=by_parameter,
            reported=self._reported_slopes(scores, beat, tangent),
        )

    def values(self, observables: Sequence[Observable], beat: Beat) -> FloatArray:
        """(t,) observables of a beat [SI]."""
        return np.array([each.value(beat) for each in observables])

    def jacobian(self, observables: Sequence[Observable], scores: FloatArray, beat: Beat) -> FloatArray:
        """(t, k) their derivatives with respect to the scores."""
        slopes = self.slopes(scores, beat)
        rows = [each.slopes(beat, slopes) for each in observables]
        return np.array(rows).reshape(len(rows), len(self.factors))

    def _changed(self, values: Mapping[tuple[str, str], float]) -> Model:
        changes = {
            key: value for key, value in values.items() if key not in (PERIOD, BLOOD) and key[0] != GAS
        }
        circulation = replace(self.model.circulation, gas=changed_gas(self.model.circulation.gas, values))
        model = replace(self.model.with_values(changes), circulation=circulation)
        for name in {block for block, _ in changes}:
            block = model.blocks[name]
            message = block.kind.check(block.values)
            if message:
                raise CalibrationError(message, where=f"{self.model.circulation.name}: {name}")
        return model.with_period(values[PERIOD]) if PERIOD in values else model

    def _guesses(self, scores: FloatArray) -> list[FloatArray]:
        """States to start from, the best first."""
        if self._scores.size == 0:
            return [self.model.start]
        return [self._unknowns + self._tangent @ (scores - self._scores), self._unknowns, self.model.start]

    def _reported_slopes(self, scores: FloatArray, beat: Beat, tangent: Sensitivity) -> dict[str, FloatArray]:
        """By differences, since gas has no tangent; the beat nearby is that along its own tangent."""
        if self.reporter is None:
            return {}
        columns = []
        for index in range(scores.size):
            step = np.zeros(scores.size)
            step[index] = DIFFERENCE
            model = self._changed(parameter_values(self.model, self.factors, scores + step))
            near = History(
                model=model,
                times=beat.history.times * (model.period / beat.model.period),
                unknowns=beat.history.unknowns + DIFFERENCE * tangent.unknowns[:, :, index],
                pressures=beat.history.pressures + DIFFERENCE * tangent.pressures[:, :, index],
                flows=beat.history.flows + DIFFERENCE * tangent.flows[:, :, index],
            )
            moved = self.reporter(near)
            columns.append(
                {name: (moved[name] - value) / DIFFERENCE for name, value in beat.reported.items()}
            )
        return {name: np.array([column[name] for column in columns]) for name in beat.reported}


def _with_blood(model: Model, y: FloatArray, blood: float) -> FloatArray:
    """A state with as much blood as there should be: the compartments share the difference as they share the blood."""
    if model.invariants.shape[0] != 1:
        return y
    weights = model.invariants[0]
    return np.asarray(np.where(weights != 0.0, y * (blood / (weights @ y)), y))
