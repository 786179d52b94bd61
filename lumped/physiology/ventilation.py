"""What a ventilator, or the child's own breathing, does to the circulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.circulation.graph import Circulation
from lumped.gas.transport import LUNG_VOLUME
from lumped.lungs.breath import Breath, solve_breath
from lumped.lungs.mechanics import RespiratorySystem
from lumped.lungs.modes import HighFrequencyOscillation, Mode
from lumped.lungs.tube import NO_TUBE, RohrerTube

PLEURA = "pleura"
"""Name of the surrounding on which breathing acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ventilation:
    """How the lungs are ventilated.

    Attributes:
        mode: Settings of the ventilator, or the child's own breathing.
        system: Lungs and chest wall.
        tube: The endotracheal tube, if any.
    """

    mode: Mode
    system: RespiratorySystem
    tube: RohrerTube = NO_TUBE


@dataclass(frozen=True, slots=True, kw_only=True)
class Breathing:
    """What the circulation meets of a breath.

    Attributes:
        circulation: With the mean pleural pressure, the ventilation and the inspired oxygen of the breath.
        breath: The periodic breath; None where the circulation's own values hold.
        lung_volume: Mean gas in the lungs [m³].
        inflation: The same over the functional residual capacity.
    """

    circulation: Circulation
    breath: Breath | None
    lung_volume: float
    inflation: float

    def inputs(self, times: FloatArray, *, mean: bool = False) -> dict[str, FloatArray]:
        """What drives the surroundings from outside [Pa] at some times: the breath, or the pressure at rest."""
        inputs = {}
        for each in self.circulation.surroundings:
            if each.driven and each.name == PLEURA and self.breath is not None and not mean:
                since = np.mod(times, self.breath.period)
                inputs[each.name] = np.interp(since, self.breath.times, self.breath.pleural_pressure)
            elif each.driven:
                inputs[each.name] = np.full(times.size, each.pressure)
        return inputs


def breathe(circulation: Circulation, ventilation: Ventilation | None) -> Breathing:
    """The breath that a circulation meets.

    Without ventilation, pleural pressure, alveolar ventilation and inspired oxygen are the circulation's own. With it
    they are those of the breath; under high-frequency oscillation, whose small volumes ventilate by other means than
    bulk flow, alveolar ventilation stays the circulation's own.

    Raises:
        DivergenceError: The breath does not become periodic.
    """
    if ventilation is None:
        volume = LUNG_VOLUME * circulation.weight
        return Breathing(circulation=circulation, breath=None, lung_volume=volume, inflation=1.0)
    mode, system = ventilation.mode, ventilation.system
    breath = solve_breath(system, mode, ventilation.tube)
    gas = circulation.gas
    if gas is not None:
        gas = replace(gas, inspired_oxygen=mode.fio2)
        if not isinstance(mode, HighFrequencyOscillation):
            gas = replace(gas, alveolar_ventilation=breath.alveolar_ventilation(system.dead_space))
    surroundings = tuple(
        replace(each, pressure=breath.mean_pleural_pressure, waveform=None) if each.name == PLEURA else each
        for each in circulation.surroundings
    )
    return Breathing(
        circulation=replace(circulation, gas=gas, surroundings=surroundings),
        breath=breath,
        lung_volume=breath.mean_lung_volume,
        inflation=breath.mean_lung_volume / system.functional_residual_capacity,
    )
