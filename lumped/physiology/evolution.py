"""A circulation through time, beat by beat, with its reflexes, its gas, its breathing, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError
from hemoplan.spelling import hint
from lumped.circulation.graph import Circulation
from lumped.circulation.operations import apply
from lumped.circulation.restart import carry_over, compliance
from lumped.engine.build import build
from lumped.engine.marching import STEPS, History, march
from lumped.engine.model import Model
from lumped.gas.transport import GasBeat, GasState, next_gas_beat
from lumped.physiology.equilibrium import steady
from lumped.physiology.outputs import Output, outputs_of
from lumped.physiology.ventilation import Breathing, Ventilation, breathe
from lumped.regulation.control import Control, controls_of, followed, regulated, targets_of
from lumped.regulation.sensing import lungs_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that is done at the start of the first beat at or after a time.

    Attributes:
        time: [s].
        operation: As `lumped.circulation.operations` reads it ("ligate duct"), or a function of the circulation.
        ventilation: New settings of the ventilator.
        blood: Given to the veins, or taken if negative [m³].
    """

    time: float
    operation: str | Callable[[Circulation], Circulation] | None = None
    ventilation: Ventilation | None = None
    blood: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """Outputs of every beat.

    Attributes:
        times: (k,) start of each beat [s].
        values: (k,) by the name of the output, in SI; NaN in beats that did not have it.
        units: In which each is shown.
        circulation: At the end.
        history: The last beat.
        gas: The last beat's, if followed.
    """

    times: FloatArray
    values: Mapping[str, FloatArray]
    units: Mapping[str, str]
    circulation: Circulation
    history: History
    gas: GasBeat | None

    def __getitem__(self, name: str) -> FloatArray:
        """(k,) an output in SI.

        Raises:
            CaseError: There is none of this name.
        """
        if name not in self.values:
            raise CaseError(
                f"there is no output '{name}'; {hint(name, self.values)}",
                where=self.circulation.origin or self.circulation.name,
            )
        return self.values[name]

    def shown(self, name: str) -> FloatArray:
        """(k,) an output in its clinical unit; errors as above."""
        one = Output(1.0, self.units.get(name, "1")).shown
        return self[name] * one


def evolve(
    circulation: Circulation,
    seconds: float,
    events: Sequence[Event] = (),
    *,
    ventilation: Ventilation | None = None,
    steps: int = STEPS,
) -> Evolution:
    """Follow a circulation from its steady state.

    Regulations go to what each beat calls for with their time constants. A pleural pressure that is declared as driven
    follows the breath; else it stays at the breath's mean. Blood stays what it is but for events, and takes its gas
    along wherever surgery moves it.

    Args:
        circulation: What to begin with.
        seconds: How long.
        events: What is done, in any order.
        ventilation: At the start.
        steps: Steps a beat.

    Raises:
        CaseError: A time makes no sense, or an operation cannot be read.
        HemoplanError: As `steady`, or an operation cannot be made.
    """
    waiting = sorted(events, key=lambda each: each.time)
    if not seconds > 0.0 or any(not 0.0 <= each.time <= seconds for each in waiting):
        raise CaseError(
            "the time of an event, or the length of the run, makes no sense",
            where=circulation.origin or circulation.name,
            value=f"{seconds:g} s, events at {', '.join(f'{each.time:g}' for each in waiting) or 'no time'}",
            expected="a length above zero, and events within it",
        )
    child = _Child.at_rest(circulation, ventilation, steps)
    times: list[float] = []
    tables: list[dict[str, Output]] = []
    t = 0.0
    while t < seconds:
        while waiting and waiting[0].time <= t:
            child.undergo(waiting.pop(0))
        times.append(t)
        tables.append(child.beat(t, steps))
        t += child.history.model.period
    names = dict.fromkeys(name for table in tables for name in table)
    values = {
        name: np.array([table[name].value if name in table else np.nan for table in tables]) for name in names
    }
    units = {name: output.unit for table in tables for name, output in table.items()}
    return Evolution(
        times=np.array(times),
        values=values,
        units=units,
        circulation=child.circulation,
        history=child.history,
        gas=child.gas,
    )


@dataclass(slots=True, kw_only=True)
class _Child:
    """A circulation at a moment in time.

    Attributes:
        circulation, ventilation: As they are now.
        model: Without the regulations' factors.
        breathing: What the circulation meets of the breath.
        controls, factors: What the regulations set, and to what.
        y: (n,) unknowns.
        state: Of the gas.
        history, gas: The last beat.
    """

    circulation: Circulation
    ventilation: Ventilation | None
    model: Model
    breathing: Breathing
    controls: tuple[Control, ...]
    factors: FloatArray
    y: FloatArray
    state: GasState | None
    history: History
    gas: GasBeat | None

    @classmethod
    def at_rest(cls, circulation: Circulation, ventilation: Ventilation | None, steps: int) -> Self:
        """In the steady state."""
        rest = steady(circulation, ventilation, steps=steps)
        breathing = breathe(circulation, ventilation)
        return cls(
            circulation=circulation,
            ventilation=ventilation,
            model=build(breathing.circulation),
            breathing=breathing,
            controls=controls_of(circulation),
            factors=np.array(list(rest.factors.values())),
            y=rest.beat.history.unknowns[0],
            state=None if rest.gas is None else rest.gas.start,
            history=rest.beat.history,
            gas=rest.gas,
        )

    def beat(self, t: float, steps: int) -> dict[str, Output]:
        """One beat that starts at a time [s]; its outputs."""
        model = regulated(self.model, self.controls, self.factors)
        times = t + np.linspace(0.0, model.period, steps + 1)
        inputs = self.breathing.inputs(times)
        self.history = march(model, steps=steps, start=self.y, inputs=inputs)
        self.y = self.history.unknowns[-1]
        if self.state is not None:
            self.gas = next_gas_beat(self.history, self.state, lung_volume=self.breathing.lung_volume)
            self.state = self.gas.end
        named = {each.name: float(factor) for each, factor in zip(self.controls, self.factors, strict=True)}
        wanted = targets_of(self.controls, self.history, lungs_of(self.gas, self.breathing.inflation))
        self.factors = followed(self.controls, self.factors, wanted, model.period)
        return outputs_of(self.history, self.gas, self.breathing.breath, named)

    def undergo(self, event: Event) -> None:
        """Let an event happen."""
        if event.ventilation is not None:
            self.ventilation = event.ventilation
        changed = self.circulation
        if isinstance(event.operation, str):
            changed = apply(changed, event.operation)
        elif event.operation is not None:
            changed = event.operation(changed)
        volumes = carry_over(self.circulation, changed, _volumes(self.model, self.y))
        if event.blood:
            volumes = _given(changed, volumes, event.blood)
        before = dict(zip([(each.block, each.quantity) for each in self.model.unknowns], self.y, strict=True))
        names = [each.name for each in self.controls]
        factors = dict(zip(names, self.factors, strict=True))
        self.circulation = changed
        self.breathing = breathe(changed, self.ventilation)
        self.model = build(self.breathing.circulation)
        self.controls = controls_of(changed)
        self.factors = np.array([factors.get(each.name, 1.0) for each in self.controls])
        self.y = self.model.start.copy()
        for index, each in enumerate(self.model.unknowns):
            self.y[index] = before.get((each.block, each.quantity), self.y[index])
            if each.quantity == "volume":
                self.y[index] = volumes[each.block]


def _volumes(model: Model, y: FloatArray) -> dict[str, float]:
    """Blood of each compartment [m³]."""
    return {
        each.block: float(volume)
        for each, volume in zip(model.unknowns, y, strict=True)
        if each.quantity == "volume"
    }


def _given(circulation: Circulation, volumes: Mapping[str, float], blood: float) -> dict[str, float]:
    """The volumes with blood given or taken [m³], shared by the vessels in proportion to their compliance.

    Raises:
        CaseError: More is taken than a vessel holds.
    """
    shares = {
        each.name: compliance(each)
        for each in circulation.compartments
        if each.name in volumes and each.kind in ("vessel", "stiffening_vessel")
    }
    total = sum(shares.values())
    new = dict(volumes)
    for name, share in shares.items():
        new[name] += blood * share / total
        if new[name] <= 0.0:
            raise CaseError(
                "more blood is taken than there is",
                where=f"{circulation.origin or circulation.name}: {name}",
                value=f"{-1e6 * blood:.4g} mL",
            )
    return new
