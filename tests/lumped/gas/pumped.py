"""Circuits whose flows are prescribed, for tests of what their blood carries."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.units import ML_PER_MIN, ML_PER_S, MMHG
from hemoplan.waveform import Waveform
from lumped.circulation.graph import Circulation, Compartment, Connection, GasExchange
from lumped.engine.build import build
from lumped.engine.marching import History, march

COMPLIANCE = 1e-6 / MMHG


def pumped(
    volumes: Mapping[str, float],
    flows: Mapping[tuple[str, str], float | FloatArray],
    gas: GasExchange | None,
    *,
    period: float = 0.5,
    weight: float = 3.0,
) -> Circulation:
    """Compartments [mL] with pumps between them [mL/min], constant or sampled at even distances over the beat.

    A compartment of no volume is a junction, which one resistor must leave: its flow is what the pumps do not take.
    """
    compartments = [
        Compartment(name=name, kind="junction")
        if volume == 0.0
        else Compartment(
            name=name, kind="vessel", parameters={"compliance": COMPLIANCE}, volume=volume * 1e-6
        )
        for name, volume in volumes.items()
    ]
    connections = []
    for (source, target), flow in flows.items():
        name = f"{source}_to_{target}"
        if isinstance(flow, np.ndarray):
            times = np.arange(flow.size) * period / flow.size
            wave = Waveform(times, flow * ML_PER_MIN, period)
            connections.append(
                Connection(name=name, kind="pump", source=source, target=target, waveform=wave)
            )
        elif np.isnan(flow):
            resistance = {"resistance": 1e-3 * MMHG / ML_PER_S}
            connections.append(
                Connection(name=name, kind="resistor", source=source, target=target, parameters=resistance)
            )
        else:
            connections.append(
                Connection(
                    name=name,
                    kind="pump",
                    source=source,
                    target=target,
                    parameters={"flow": flow * ML_PER_MIN},
                )
            )
    return Circulation(
        name="pumped",
        period=period,
        compartments=tuple(compartments),
        connections=tuple(connections),
        gas=gas,
        weight=weight,
    )


def loop(volumes: Mapping[str, float], flow: float, gas: GasExchange | None) -> Circulation:
    """Compartments in a ring [mL] with the same flow between them [mL/min]."""
    names = [*volumes, next(iter(volumes))]
    return pumped(volumes, dict.fromkeys(pairwise(names), flow), gas)


def one_beat(circulation: Circulation, steps: int = 40) -> History:
    """A beat from the volumes at the start; with constant flows that balance, each beat is the same."""
    return march(build(circulation), steps=steps)
