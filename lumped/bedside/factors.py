"""Factors: groups of parameters that are fitted as one, each a multiplier with a population prior in log space.

A factor f multiplies each of its members by f^power. The unknown of the fit is its score

    z = ln(f) / log_sd,        z ~ N(0, 1) in the population,

so that scores of different factors can be compared, and zero is the anatomy as it is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.blocks.record import Parameter
from lumped.circulation.beat import with_period
from lumped.circulation.graph import (
    Activation,
    Circulation,
    Compartment,
    Connection,
    Coupling,
    GasExchange,
)
from lumped.circulation.own_parameters import GAS as GAS_PARAMETERS
from lumped.circulation.own_parameters import PERIOD as PERIOD_PARAMETER
from lumped.engine.model import Model
from lumped.engine.sensitivity import BLOOD, PERIOD

GAS = "gas"
"""Block of the parameters of `GasExchange`: they change saturations and not the beat."""
SCORE_LIMIT = 5.0
"""Scores beyond this are not sought: one in two million."""


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter that a factor multiplies.

    Attributes:
        block: Its block; `PERIOD` and `BLOOD` of `lumped.engine.sensitivity` too, and `GAS`.
        parameter: By name.
        power: Of the factor: -1 for what falls as the factor rises.
    """

    block: str
    parameter: str
    power: float = 1.0

    @property
    def key(self) -> tuple[str, str]:
        """Block and parameter, as the engine names them."""
        return self.block, self.parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A group of parameters with one multiplier.

    Attributes:
        name: As tables and files name it.
        meaning: In words, as in "the data do not tell <meaning>".
        members: What it multiplies.
        log_sd: Standard deviation of its logarithm in the population.
        reason: Why so, with the source.
    """

    name: str
    meaning: str
    members: tuple[Member, ...]
    log_sd: float
    reason: str


def value_of(model: Model, member: Member) -> float:
    """A parameter of a circulation as it is given [SI]."""
    if member.key == PERIOD:
        return model.period
    if member.key == BLOOD:
        return model.total_volume(model.start)
    if member.block == GAS:
        return float(getattr(model.circulation.gas, member.parameter))
    return model.blocks[member.block].values[member.parameter]


def multipliers(factors: Sequence[Factor], scores: FloatArray) -> FloatArray:
    """(k,) factors of (k,) scores."""
    return np.exp(np.array([each.log_sd for each in factors]) * scores)


def parameter_of(model: Model, block: str, parameter: str) -> Parameter:
    """Unit and range of a parameter other than the blood volume."""
    if (block, parameter) == PERIOD:
        return PERIOD_PARAMETER
    if block == GAS:
        return next(each for each in GAS_PARAMETERS if each.name == parameter)
    return model.blocks[block].kind.parameter(parameter)


def parameter_values(
    model: Model, factors: Sequence[Factor], scores: FloatArray
) -> dict[tuple[str, str], float]:
    """All parameters that factors multiply [SI], `PERIOD` and `BLOOD` too; factors of one parameter multiply."""
    values: dict[tuple[str, str], float] = {}
    for each, factor in zip(factors, multipliers(factors, scores), strict=True):
        for member in each.members:
            before = values.get(member.key, value_of(model, member))
            values[member.key] = before * float(factor) ** member.power
    return values


def chain(factors: Sequence[Factor], values: Mapping[tuple[str, str], float]) -> FloatArray:
    """(parameters, k) derivatives of the parameters, in the order of `values`, with respect to the scores."""
    rows = {key: row for row, key in enumerate(values)}
    matrix = np.zeros((len(values), len(factors)))
    for column, each in enumerate(factors):
        for member in each.members:
            matrix[rows[member.key], column] += member.power * each.log_sd * values[member.key]
    return matrix


def score_limits(model: Model, factors: Sequence[Factor]) -> tuple[FloatArray, FloatArray]:
    """(k,) lowest and (k,) highest scores that keep every parameter in the range of its kind."""
    lowest = np.full(len(factors), -SCORE_LIMIT)
    highest = np.full(len(factors), SCORE_LIMIT)
    for index, each in enumerate(factors):
        for member in each.members:
            if member.key == BLOOD:
                continue
            parameter = parameter_of(model, member.block, member.parameter)
            value = value_of(model, member)
            limits = [
                math.log(limit * parameter.factor / value) / (member.power * each.log_sd)
                for limit in (parameter.low, parameter.high)
                if limit * parameter.factor / value > 0.0
            ]
            lowest[index] = max([lowest[index], *(limit for limit in limits if limit < 0.0)])
            highest[index] = min([highest[index], *(limit for limit in limits if limit > 0.0)])
    return lowest, highest


def changed_circulation(
    circulation: Circulation, values: Mapping[tuple[str, str], float], volumes: Mapping[str, float]
) -> Circulation:
    """A circulation with other parameters, starting from given volumes.

    Args:
        circulation: As it was.
        values: By block and parameter [SI]; `PERIOD` too.
        volumes: Blood of compartments at the start [m³].
    """
    of_blocks: dict[str, dict[str, float]] = {}
    for (block, parameter), value in values.items():
        of_blocks.setdefault(block, {})[parameter] = value

    def changed[B: (Activation, Compartment, Connection, Coupling)](blocks: Iterable[B]) -> tuple[B, ...]:
        return tuple(
            replace(each, parameters={**each.parameters, **of_blocks.get(each.name, {})}) for each in blocks
        )

    filled = (replace(each, volume=volumes.get(each.name, each.volume)) for each in circulation.compartments)
    fitted = replace(
        circulation,
        compartments=changed(filled),
        connections=changed(circulation.connections),
        activations=changed(circulation.activations),
        couplings=changed(circulation.couplings),
        gas=changed_gas(circulation.gas, values),
    )
    return with_period(fitted, values[PERIOD]) if PERIOD in values else fitted


def changed_gas(gas: GasExchange | None, values: Mapping[tuple[str, str], float]) -> GasExchange | None:
    """Gas exchange with those of its parameters that are among the values."""
    changes = {parameter: value for (block, parameter), value in values.items() if block == GAS}
    return gas if gas is None or not changes else replace(gas, **changes)  # type: ignore[arg-type]
