"""A closed circulation tuned to what is wanted of it, with the resistance of the 3D domain in the loop.

Stars in the place of the 3D domain (`lumped.stand_in`), fitted to its last beat, say how each aim depends on each knob.
What they miss of that beat is a bias that they will have again, so that the aims are met where the stars' own values
are the wanted ones less the bias. With x_j the logarithm of the factor of knob j and v_i the aims of the periodic beat,

    sum over j of dv_i/dx_j d_j = v_i(wanted) - bias_i - v_i,

solved in the sense of least squares and repeated, with exact derivatives of the beat (`lumped.engine.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError
from lumped.circulation.graph import Circulation
from lumped.circulation.surgery import assign, parameter_unit
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.marching import History, march
from lumped.engine.measures import Measure
from lumped.engine.model import Model
from lumped.engine.sensitivity import Sensitivity, sensitivity
from lumped.stand_in import StandInBeat, stand_in_beat, started
from lumped.surrogate import Surrogate

TOLERANCE = 1e-4
"""Miss of an aim in 0D, as a share of it, that is none."""
MAX_STEPS = 15
LARGEST_STEP = 0.7
"""Largest change of a knob's logarithm in one step: a factor of two."""

type Knobs = Mapping[str, Sequence[tuple[str, str]]]
"""What may be changed: by name, the (block, parameter) that are multiplied by one factor together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A number that the periodic beat should have.

    Attributes:
        of: What is measured [SI].
        over: What it is divided by, as in Qp/Qs; nothing if not given.
        wanted: Its value, not zero.
    """

    of: Measure
    wanted: float
    over: Measure | None = None

    def value(self, history: History) -> float:
        """Of one beat."""
        value = self.of.value(history)
        return value if self.over is None else value / self.over.value(history)

    def slopes(self, beat: Sensitivity) -> FloatArray:
        """(c,) derivatives of the value."""
        slopes = beat.of(self.of)
        if self.over is None:
            return slopes
        below = self.over.value(beat.history)
        return np.asarray((slopes - self.value(beat.history) * beat.of(self.over)) / below)


def beat_of(boundary: CirculationBoundary, state: FloatArray, flows: FloatArray) -> History:
    """What a circulation did in a 3D beat, from the flows that the 3D domain gave it.

    Args:
        boundary: The circulation; all its ports are driven by flow.
        state: (n + q,) at the start of the beat.
        flows: (s, q) out of the domain at the end of each step of the beat [m³/s], in the order of the ports.

    Raises:
        BoundaryError: A step has no solution.
    """
    n = len(boundary.model.unknowns)
    driven = np.vstack([state[n : n + flows.shape[1]], flows])
    inputs = {port: driven[:, k] for k, port in enumerate(boundary.ports)}
    return march(boundary.model, steps=len(flows), start=state[:n], inputs=inputs)


def tune_circulation(
    boundary: CirculationBoundary,
    stand_ins: Sequence[Surrogate],
    aims: Sequence[Aim],
    knobs: Knobs,
    *,
    reached: Sequence[float] | None = None,
) -> CirculationBoundary:
    """The circulation with which the aims are met, starting from its periodic beat.

    Args:
        boundary: The circulation behind the openings.
        stand_ins: A star for each lumen of the 3D domain, from its centrelines or fitted to a 3D beat.
        aims: What is wanted.
        knobs: What may be changed; as many as there are aims, or as few.
        reached: Values of the aims in the last, nearly periodic, 3D beat with this circulation; none before the first.

    Raises:
        CalibrationError: The aims cannot be met; says which is off, and by how much.
        VariantError: A knob is unknown, or leaves its range.
        BoundaryError: What an aim measures is unknown, or no beat repeats itself.
    """
    for block, parameter in (part for group in knobs.values() for part in group):
        parameter_unit(boundary.model.circulation, block, parameter)
    beat = stand_in_beat(boundary, stand_ins)
    here = _values(aims, beat)
    bias = np.zeros(len(aims)) if reached is None else np.array(reached) - here
    wanted = np.array([aim.wanted for aim in aims])
    for _ in range(MAX_STEPS):
        misses = (_values(aims, beat) + bias - wanted) / wanted
        if np.abs(misses).max() <= TOLERANCE:
            return started(beat)
        slopes = _slopes(aims, knobs, beat) / wanted[:, None]
        step = -np.linalg.lstsq(slopes, misses)[0]
        step *= min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        circulation = _turned(beat.boundary.model, knobs, np.exp(step))
        moved = replace(started(beat), model=build(circulation))
        beat = stand_in_beat(moved, stand_ins)
    worst = int(np.abs(misses).argmax())
    raise CalibrationError(
        "what is wanted of the circulation is not met",
        where=f"{boundary.model.circulation.name}: {aims[worst].of.of}",
        value=f"{wanted[worst] * (1.0 + misses[worst]):.4g}, with {', '.join(knobs)} changed",
        expected=f"{wanted[worst]:.4g} (SI)",
        remedy="change the aim, or let other parameters change that act on it",
    )


def _values(aims: Sequence[Aim], beat: StandInBeat) -> FloatArray:
    return np.array([aim.value(beat.history) for aim in aims])


def _slopes(aims: Sequence[Aim], knobs: Knobs, beat: StandInBeat) -> FloatArray:
    """(aims, knobs) derivatives with respect to the logarithms of the knobs' factors."""
    parts = [part for group in knobs.values() for part in group]
    values = [beat.history.model.blocks[block].values[parameter] for block, parameter in parts]
    found = sensitivity(beat.history, parts)
    table = np.array([aim.slopes(found) * values for aim in aims])
    ends = np.cumsum([0, *(len(group) for group in knobs.values())])
    return np.column_stack(
        [table[:, first:last].sum(axis=1) for first, last in zip(ends[:-1], ends[1:], strict=True)]
    )


def _turned(model: Model, knobs: Knobs, factors: FloatArray) -> Circulation:
    """The circulation with the parameters of each knob multiplied by its factor."""
    circulation = model.circulation
    for group, factor in zip(knobs.values(), factors, strict=True):
        for block, parameter in group:
            value = model.blocks[block].values[parameter]
            circulation = assign(circulation, block, parameter, float(factor) * value)
    return circulation
