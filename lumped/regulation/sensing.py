"""What a regulation feels of a beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumped.engine.marching import History
from lumped.engine.measures import mean_over_beat
from lumped.gas.blood import pressures
from lumped.gas.transport import GasBeat
from lumped.lungs.vascular_resistance import NORMAL_ALVEOLAR_PO2, NORMAL_PH, NORMAL_VENOUS_PO2


@dataclass(frozen=True, slots=True, kw_only=True)
class Lungs:
    """What the pulmonary vessels feel.

    Attributes:
        inflation: Gas in the lungs over the functional residual capacity.
        alveolar_po2: [Pa].
        venous_po2: Of the blood that comes to the lungs [Pa].
        ph: Of the blood in them.
    """

    inflation: float = 1.0
    alveolar_po2: float = NORMAL_ALVEOLAR_PO2
    venous_po2: float = NORMAL_VENOUS_PO2
    ph: float = NORMAL_PH


def mean_pressure(history: History, name: str) -> float:
    """Mean over the beat of the pressure of a compartment, or of the drop along a connection [Pa]."""
    if name in history.model.nodes:
        return float(mean_over_beat(history.pressure(name)))
    connection = history.model.circulation.connection(name)
    drop = history.pressure(connection.source) - history.pressure(connection.target)
    return float(mean_over_beat(drop))


def lungs_of(beat: GasBeat | None, inflation: float = 1.0) -> Lungs:
    """What the pulmonary vessels feel of a beat; normal gas where none is followed, or no blood comes to the lungs."""
    if beat is None:
        return Lungs(inflation=inflation)
    sites, passage = beat.sites, beat.passage
    carried = np.concatenate([beat.ahead, beat.back])
    moved = np.concatenate([np.maximum(passage.moved, 0.0), np.maximum(-passage.moved, 0.0)], axis=1)
    arriving = float(sites.lungs @ moved.sum(axis=0)) / passage.duration
    if not arriving > 0.0:
        return Lungs(inflation=inflation)
    oxygen, carbon_dioxide = sites.lungs @ carried / arriving
    venous_po2, _, _, _ = pressures(float(oxygen), float(carbon_dioxide), sites.blood)
    oxygen, carbon_dioxide = (sites.lungs @ carried + beat.uptake) / arriving
    _, _, ph, _ = pressures(float(oxygen), float(carbon_dioxide), sites.blood)
    return Lungs(inflation=inflation, alveolar_po2=float(beat.alveolar[0]), venous_po2=venous_po2, ph=ph)
