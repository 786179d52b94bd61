"""The state in which beat, reflexes, gas and ventilator agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, DivergenceError
from hemoplan.spelling import hint
from lumped.circulation.graph import Circulation
from lumped.engine.build import build
from lumped.engine.marching import STEPS
from lumped.engine.model import Model
from lumped.engine.periodic import PeriodicBeat, periodic
from lumped.gas.transport import START_ALVEOLAR, GasBeat, periodic_gas
from lumped.lungs.breath import Breath
from lumped.physiology.fixed_point import fixed_point
from lumped.physiology.outputs import Output, outputs_of
from lumped.physiology.ventilation import Breathing, Ventilation, breathe
from lumped.regulation.control import Control, controls_of, regulated, targets_of
from lumped.regulation.sensing import lungs_of

TOLERANCE = 1e-7
"""Accepted relative change of a regulation's factor."""
MOST_BEATS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Physiology:
    """The whole child in a steady state.

    Attributes:
        circulation: What was asked for.
        beat: The periodic beat, of a model with the regulations' factors.
        gas: What it carries; None if the circulation does not say.
        breath: Of the ventilator; None without one.
        factors: Of the regulations, by name.
        outputs: By name; see `lumped.physiology.outputs`.
        beats: Periodic beats that were solved.
        residual: Largest relative change that a factor would still make.
    """

    circulation: Circulation
    beat: PeriodicBeat
    gas: GasBeat | None
    breath: Breath | None
    factors: Mapping[str, float]
    outputs: Mapping[str, Output]
    beats: int
    residual: float

    def __getitem__(self, name: str) -> float:
        """An output in SI.

        Raises:
            CaseError: There is none of this name.
        """
        if name not in self.outputs:
            raise CaseError(
                f"there is no output '{name}'; {hint(name, self.outputs)}",
                where=self.circulation.origin or self.circulation.name,
            )
        return self.outputs[name].value

    def shown(self, name: str) -> float:
        """An output in its clinical unit; errors as above."""
        self[name]
        return self.outputs[name].shown

    def saturations(self) -> dict[str, float]:
        """Oxygen saturation of each compartment, in the order of the circulation; empty if no gas is followed."""
        names = ((each.name, f"saturation.{each.name}") for each in self.circulation.compartments)
        return {name: self.outputs[key].value for name, key in names if key in self.outputs}


def steady(
    circulation: Circulation,
    ventilation: Ventilation | None = None,
    *,
    steps: int = STEPS,
    start: FloatArray | None = None,
    most_beats: int = MOST_BEATS,
) -> Physiology:
    """The steady state of a circulation with its regulations, its gas and a ventilator.

    The logarithms of the regulations' factors are iterated to a fixed point; each evaluation solves the periodic beat
    and, where a regulation feels oxygen, the periodic gas.

    Args:
        circulation: With regulations and gas, if they are wanted.
        ventilation: Of the lungs; pleural pressure and alveolar ventilation of the circulation hold without it.
        steps: Steps a beat.
        start: (n,) unknowns to begin the search from.
        most_beats: Periodic beats to solve at most.

    Raises:
        BoundaryError: The circulation or a regulation makes no sense, or there is no periodic beat.
        CaseError: The gas exchange makes no sense.
        DivergenceError: Regulations, gas or breath do not settle.
    """
    breathing = breathe(circulation, ventilation)
    model = build(breathing.circulation)
    controls = controls_of(circulation)
    search = _Search(
        model=model,
        controls=controls,
        breathing=breathing,
        steps=steps,
        y=model.start if start is None else start,
        feels_gas=model.circulation.gas is not None and any(each.needs_gas for each in controls),
    )
    x, residual, beats = fixed_point(
        search.image, np.zeros(len(controls)), tolerance=TOLERANCE, iterations=most_beats
    )
    if residual > TOLERANCE:
        raise _not_settled(circulation, controls, search.image(x) - x, beats)
    beat = search.beat(x)
    gas = search.gas(beat) if model.circulation.gas is not None else None
    factors = {each.name: float(factor) for each, factor in zip(controls, np.exp(x), strict=True)}
    return Physiology(
        circulation=circulation,
        beat=beat,
        gas=gas,
        breath=breathing.breath,
        factors=factors,
        outputs=outputs_of(beat.history, gas, breathing.breath, factors),
        beats=beats + 1,
        residual=residual,
    )


@dataclass(slots=True, kw_only=True)
class _Search:
    """The map whose fixed point is wanted, and where its last evaluation ended, to begin the next one from.

    Attributes:
        model: Without the regulations' factors.
        controls: What the regulations set.
        breathing: What the circulation meets of the breath.
        steps: Steps a beat.
        y: (n,) unknowns at the start of the beat.
        feels_gas: Whether a regulation does.
        alveolar: Partial pressures [Pa].
    """

    model: Model
    controls: tuple[Control, ...]
    breathing: Breathing
    steps: int
    y: FloatArray
    feels_gas: bool
    alveolar: tuple[float, float] = START_ALVEOLAR

    def image(self, x: FloatArray) -> FloatArray:
        """(k,) logarithms of the factors that the beat with the factors exp(x) calls for."""
        beat = self.beat(x)
        gas = self.gas(beat) if self.feels_gas else None
        lungs = lungs_of(gas, self.breathing.inflation)
        return np.asarray(np.log(targets_of(self.controls, beat.history, lungs)))

    def beat(self, x: FloatArray) -> PeriodicBeat:
        """The periodic beat with the factors exp(x)."""
        model = regulated(self.model, self.controls, np.exp(x))
        inputs = self.breathing.inputs(np.zeros(self.steps + 1), mean=True)
        found = periodic(model, steps=self.steps, start=self.y, inputs=inputs)
        self.y = found.history.unknowns[0]
        return found

    def gas(self, beat: PeriodicBeat) -> GasBeat:
        """The gases that it brings back."""
        found = periodic_gas(beat.history, guess=self.alveolar)
        self.alveolar = float(found.alveolar[0]), float(found.alveolar[1])
        return found


def _not_settled(
    circulation: Circulation, controls: tuple[Control, ...], change: FloatArray, beats: int
) -> DivergenceError:
    """The error of regulations that go on changing each other."""
    worst = int(np.abs(change).argmax())
    return DivergenceError(
        "the regulations of the circulation do not settle",
        where=f"{circulation.origin or circulation.name}: {controls[worst].name}",
        value=f"its factor still changes by {100.0 * abs(change[worst]):.2g} % after {beats} beats",
        expected=f"at most {100.0 * TOLERANCE:.1g} %",
        remedy="lower its gain, or check that it acts on what lowers what it senses",
    )
