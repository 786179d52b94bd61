"""From what is sensed in a beat to factors on the parameters of the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from lumped.blocks.compartments import CHAMBERS
from lumped.circulation.graph import Circulation, Regulation
from lumped.engine.marching import History
from lumped.engine.model import Model
from lumped.lungs.vascular_resistance import oxygen_factor, volume_factor
from lumped.regulation.curves import logistic_factor, plateau_factor
from lumped.regulation.kinds import AUTOREGULATION, BAROREFLEX, PULMONARY_TONE, REGULATIONS
from lumped.regulation.sensing import Lungs, mean_pressure

HEART = "heart"
"""In `acts_on`: the heart period."""
PERIOD = (HEART, "period")

_SIGNS = {"period": 1.0, "resistance": -1.0, "volume": 1.0, "contractility": -1.0}
"""Whether a factor of the baroreflex rises or falls with pressure."""
_PARAMETERS = {
    "resistance": "resistance",
    "volume": "unstressed_volume",
    "contractility": "systolic_elastance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One factor that a regulation sets.

    Attributes:
        name: Of the regulation, a dot, and what it changes.
        targets: Block and parameter of each number that it multiplies; `PERIOD` for the heart period.
        lag: Time constant with which the factor follows [s].
        needs_gas: Whether it feels oxygen.
        factor: From a beat and what the lungs feel to the factor in the steady state.
    """

    name: str
    targets: tuple[tuple[str, str], ...]
    lag: float
    needs_gas: bool
    factor: Callable[[History, Lungs], float]


def controls_of(circulation: Circulation) -> tuple[Control, ...]:
    """The factors that the regulations of a circulation set; it has been built, so that names and numbers are checked.

    Raises:
        BoundaryError: A regulation senses nothing, or acts on what has no parameter that it could change.
    """
    found: list[Control] = []
    for each in circulation.regulations:
        found += _controls(circulation, each)
    return tuple(found)


def targets_of(controls: Iterable[Control], history: History, lungs: Lungs) -> FloatArray:
    """(k,) factors that a beat calls for."""
    return np.array([each.factor(history, lungs) for each in controls])


def regulated(model: Model, controls: Iterable[Control], factors: FloatArray) -> Model:
    """The model with its parameters multiplied; factors of several controls on one parameter multiply each other."""
    total: dict[tuple[str, str], float] = {}
    for control, factor in zip(controls, factors, strict=True):
        for target in control.targets:
            total[target] = total.get(target, 1.0) * float(factor)
    period = model.period * total.pop(PERIOD, 1.0)
    changes = {(block, name): model.blocks[block].values[name] * f for (block, name), f in total.items()}
    return model.with_values(changes).with_period(period)


def followed(controls: Iterable[Control], factors: FloatArray, wanted: FloatArray, time: float) -> FloatArray:
    """(k,) factors after a time [s], each going to what is wanted with its lag, by logarithms."""
    shares = np.array([-math.expm1(-time / each.lag) if each.lag > 0.0 else 1.0 for each in controls])
    return np.asarray(factors * (wanted / factors) ** shares)


def _controls(circulation: Circulation, regulation: Regulation) -> list[Control]:
    """The controls of one regulation."""
    where = f"{circulation.origin or circulation.name}: regulations.{regulation.name}"
    kind = REGULATIONS[regulation.kind]
    values = kind.complete(regulation.parameters)
    if not regulation.senses and kind.law != PULMONARY_TONE:
        raise BoundaryError(
            f"a {kind.name} must sense a pressure", where=where, expected="'senses', an artery"
        )
    if kind.law == BAROREFLEX:
        return _baroreflex(circulation, regulation, values, where)
    targets = _resistances(circulation, regulation, where)
    if kind.law == AUTOREGULATION:
        return [
            Control(
                name=f"{regulation.name}.resistance",
                targets=targets,
                lag=values["lag"],
                needs_gas=False,
                factor=lambda history, lungs: plateau_factor(
                    mean_pressure(history, regulation.senses),
                    normal=values["normal_pressure"],
                    lower=values["lower_limit"],
                    upper=values["upper_limit"],
                    strength=values["strength"],
                    rounding=values["rounding"],
                ),
            )
        ]
    return [
        Control(
            name=f"{regulation.name}.resistance",
            targets=targets,
            lag=values["lag"],
            needs_gas=values["oxygen_strength"] > 0.0,
            factor=lambda history, lungs: float(
                oxygen_factor(lungs.alveolar_po2, lungs.ph, lungs.venous_po2) ** values["oxygen_strength"]
                * volume_factor(lungs.inflation, 1.0) ** values["volume_strength"]
            ),
        )
    ]


def _baroreflex(
    circulation: Circulation, regulation: Regulation, values: Mapping[str, float], where: str
) -> list[Control]:
    """One control for each effect that has something to act on."""
    targets: dict[str, list[tuple[str, str]]] = {}
    connections = {each.name: each for each in circulation.connections}
    compartments = {each.name: each for each in circulation.compartments}
    for name in regulation.acts_on:
        if name == HEART:
            targets.setdefault("period", []).append(PERIOD)
            continue
        if name in connections:
            effect, parameters = "resistance", connections[name].parameters
        else:
            effect = "contractility" if compartments[name].kind in CHAMBERS else "volume"
            parameters = compartments[name].parameters
        if _PARAMETERS[effect] not in parameters:
            raise _not_adjustable(name, _PARAMETERS[effect], where)
        targets.setdefault(effect, []).append((name, _PARAMETERS[effect]))

    def law(effect: str) -> Callable[[History, Lungs], float]:
        return lambda history, lungs: logistic_factor(
            mean_pressure(history, regulation.senses) - values["set_pressure"],
            _SIGNS[effect] * values[f"{effect}_gain"],
            values[f"{effect}_least"],
            values[f"{effect}_greatest"],
        )

    return [
        Control(
            name=f"{regulation.name}.{effect}",
            targets=tuple(blocks),
            lag=values[f"{effect}_lag"],
            needs_gas=False,
            factor=law(effect),
        )
        for effect, blocks in targets.items()
    ]


def _resistances(circulation: Circulation, regulation: Regulation, where: str) -> tuple[tuple[str, str], ...]:
    """The connections whose resistance is set."""
    adjustable = {each.name for each in circulation.connections if "resistance" in each.parameters}
    for name in regulation.acts_on:
        if name not in adjustable:
            raise _not_adjustable(name, "resistance", where)
    return tuple((name, "resistance") for name in regulation.acts_on)


def _not_adjustable(name: str, parameter: str, where: str) -> BoundaryError:
    return BoundaryError(
        f"'{name}' has no {parameter.replace('_', ' ')} that could be changed",
        where=where,
        expected="connections with a resistance, vessels, chambers, or 'heart'",
    )
