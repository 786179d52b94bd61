"""The beat that repeats itself, found by shooting rather than by waiting.

With Phi the map of the unknowns over one beat, the periodic state solves Phi(y) = y. Its derivative M comes from
tangents of a beat with coarse steps, and Newton's method

    (I - M + sum of v v'/|v|²) d = Phi(y) - y

is first run on the coarse beats, which is cheap, then on the beats that count with the same matrix. The sum is over the
invariants v of the map, the blood of each closed part: along it I - M is singular, and d must not change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError
from lumped.engine.build import unknown_block
from lumped.engine.marching import STEPS, History, Runner, driving
from lumped.engine.model import Model
from lumped.engine.tangent import Tangents, tangents_of

TOLERANCE = 1e-8
"""Accepted change of a state over a beat, as a share of its size (1 mL, 10 mL/s), unless said otherwise."""
COARSENING = 4
COARSE_TOLERANCE = 1e-3
MAX_CORRECTIONS = 25
SLOW = 0.3
"""A correction that leaves more than this share of the residual asks for a better derivative."""
SINGULAR = 1e13
"""Condition of the shooting matrix beyond which there is no one periodic state."""
WARM = 0.1
"""A change of the states over a coarse beat, as a share of their size, that asks for no more of them."""
WARMING = 2
"""Coarse beats before the first Newton step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicBeat:
    """The beat that repeats itself.

    Attributes:
        history: One beat.
        residual: Largest change of a state over the beat, as a share of its size.
        work: Steps that were computed, in beats; a step with tangents counts as it costs, see `TANGENT_COST`.
    """

    history: History
    residual: float
    work: float


TANGENT_COST = 2.0
"""A step with the tangents of all states over one without, measured on a newborn of 40 states."""


@dataclass(slots=True)
class _Shooting:
    """The map over one beat of a circulation, and its derivative."""

    runner: Runner
    states: IntArray
    tangents: Tangents
    work: float = 0.0

    @classmethod
    def of(cls, model: Model) -> Self:
        states = states_of(model)
        tangents = tangents_of(model.network, model.parameters.size, start=states.size)
        return cls(runner=Runner.of(model), states=states, tangents=tangents)

    def change(
        self,
        y: FloatArray,
        inputs: FloatArray,
        share: float,
        *,
        tangents: bool,
        history: History | None = None,
    ) -> tuple[FloatArray, float, int]:
        """Change of each state over a beat from y, the largest as a share of its size, and which state it is.

        Args:
            y: (n,) start of the beat.
            inputs: (s + 1, q) over the beat.
            share: What the beat costs, in beats.
            tangents: Whether the derivative of the map is wanted.
            history: The beat is recorded here.

        Raises:
            BoundaryError: A step has no solution.
        """
        self.work += share * (TANGENT_COST if tangents else 1.0)
        if tangents:
            self.tangents.y[:] = 0.0
            self.tangents.y[self.states, np.arange(self.states.size)] = 1.0
        end = self.runner.run(y, inputs, tangents=self.tangents if tangents else None, history=history)
        d = end[self.states] - y[self.states]
        parts = np.abs(d) / self.runner.model.network.unknowns["scale"][self.states]
        return d, float(parts.max()), int(self.states[parts.argmax()])

    def matrix(self) -> FloatArray:
        """I - M + sum of v v'/|v|², from the tangents at the end of the last beat that had them."""
        A = np.eye(self.states.size) - self.tangents.y[self.states]
        for v in self.runner.model.invariants[:, self.states]:
            A += np.outer(v, v) / (v @ v)
        return A


def states_of(model: Model) -> IntArray:
    """Indices of the unknowns that have a rate."""
    return np.flatnonzero(model.network.unknowns["is_rate"] == 1.0)


def periodic(
    model: Model,
    *,
    steps: int = STEPS,
    start: FloatArray | None = None,
    inputs: Mapping[str, FloatArray] | None = None,
    tolerance: float = TOLERANCE,
) -> PeriodicBeat:
    """The beat that repeats itself.

    Args:
        model: The circulation.
        steps: Steps a beat, a multiple of four.
        start: (n,) where to begin the search; the start of the model if not given.
        inputs: (steps + 1,) over the beat, of what drives it from outside; zero if not given.
        tolerance: Accepted change of a state over the beat, as a share of its size.

    Raises:
        BoundaryError: A step has no solution, or no beat repeats itself.
    """
    if steps < 8 or steps % COARSENING:
        raise BoundaryError(
            "a periodic beat needs steps that can be made coarser",
            where=model.circulation.name,
            value=steps,
            expected=f"a multiple of {COARSENING}, at least 8",
        )
    driven = driving(model, steps, inputs)
    y = (model.start if start is None else start).copy()
    shooting = _Shooting.of(model)
    history = History.empty(model, steps, model.period / steps)
    residual = _shoot(shooting, y, driven, history, tolerance)
    return PeriodicBeat(history=history, residual=residual, work=shooting.work)


def _shoot(
    shooting: _Shooting, y: FloatArray, inputs: FloatArray, history: History, tolerance: float
) -> float:
    """Move y to the periodic state, and record its beat; the residual.

    Raises:
        BoundaryError: A step has no solution, or no beat repeats itself.
    """
    states = shooting.states
    coarse = np.ascontiguousarray(inputs[::COARSENING])
    share = (coarse.shape[0] - 1) / (inputs.shape[0] - 1)
    for _ in range(WARMING):
        d, size, _ = shooting.change(y, coarse, share, tangents=False)
        y[states] += d
        if size < WARM:
            break
    _, _, worst = shooting.change(y, coarse, share, tangents=True)
    inverse = _inverse(shooting, worst, np.inf)
    inverse, _ = _correct(shooting, y, coarse, inverse, share, COARSE_TOLERANCE, None)
    return _correct(shooting, y, inputs, inverse, 1.0, tolerance, history)[1]


def _correct(
    shooting: _Shooting,
    y: FloatArray,
    inputs: FloatArray,
    inverse: FloatArray,
    share: float,
    tolerance: float,
    history: History | None,
) -> tuple[FloatArray, float]:
    """Newton's method with Broyden's updates, from y and in place, until no state changes by more than the tolerance.

    Args:
        shooting: The map over a beat.
        y: (n,) start of the beat.
        inputs: (s + 1, q) over the beat.
        inverse: (m, m) of the shooting matrix, or of one like it.
        share: What a beat costs, in beats.
        tolerance: As a share of the states' sizes.
        history: The last beat is recorded here.

    Returns:
        The inverse with what was learnt, and the residual.

    Raises:
        BoundaryError: A step has no solution, or no beat repeats itself.
    """
    states, last = shooting.states, np.inf
    step: FloatArray = np.zeros(states.size)
    before: FloatArray = np.zeros(states.size)
    for correction in range(MAX_CORRECTIONS):
        d, size, worst = shooting.change(y, inputs, share, tangents=False, history=history)
        if size <= tolerance:
            return inverse, size
        if size > SLOW * last:
            # The derivative at hand does not serve here: take that of this beat.
            d, size, worst = shooting.change(y, inputs, share, tangents=True)
            inverse = _inverse(shooting, worst, size)
        elif correction > 0:
            # What the last step has taught (Broyden 1965, DOI 10.1090/S0025-5718-1965-0198670-6).
            learnt = inverse @ (d - before)
            inverse = inverse - np.outer(step + learnt, step @ inverse) / (step @ learnt)
        step, before, last = inverse @ d, d, size
        y[states] += step
    raise not_periodic(shooting.runner.model, worst, size)


def _inverse(shooting: _Shooting, worst: int, size: float) -> FloatArray:
    """Of the shooting matrix.

    Raises:
        BoundaryError: It is singular: there is no one periodic state.
    """
    matrix = shooting.matrix()
    if not np.linalg.cond(matrix) < SINGULAR:
        raise not_periodic(shooting.runner.model, worst, size)
    return np.asarray(np.linalg.inv(matrix))


def not_periodic(model: Model, row: int, residual: float) -> BoundaryError:
    """The error of a circulation with no periodic beat."""
    return BoundaryError(
        "the circulation does not repeat itself from beat to beat",
        where=f"{model.circulation.origin or model.circulation.name}: {unknown_block(model, row)}",
        value=f"it still changes by {residual:.2g} of its size",
        expected="next to nothing",
        remedy="check that blood can leave each part that it enters, and that all waveforms have the heart's period",
    )
