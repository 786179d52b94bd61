"""Derivatives of the periodic beat with respect to parameters, exact for the discrete beat.

The periodic state solves Phi(y, p) = y, so that its derivative follows from those of the map (implicit functions):

    (I - dPhi/dy) dy/dp = dPhi/dp

Both come from one beat with tangents. The blood of a closed part is a parameter too: `("blood", "volume")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from lumped.engine.marching import History, Runner
from lumped.engine.measures import Measure
from lumped.engine.model import Model
from lumped.engine.periodic import states_of
from lumped.engine.tangent import observe, tangents_of

PERIOD = ("heart", "period")
"""The length of the beat as a parameter."""
BLOOD = ("blood", "volume")
"""The blood of the closed circulation as a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Derivatives of a periodic beat in c directions.

    Attributes:
        history: The beat.
        parameters: (c,) block and parameter of each.
        unknowns: (s + 1, n, c)
        pressures: (s + 1, m, c)
        flows: (s + 1, e, c)
    """

    history: History
    parameters: tuple[tuple[str, str], ...]
    unknowns: FloatArray
    pressures: FloatArray
    flows: FloatArray

    def of(self, measure: Measure) -> FloatArray:
        """(c,) derivatives of a measure, in SI."""
        return measure.slopes(self.history, self.unknowns, self.pressures, self.flows)


def sensitivity(
    history: History, parameters: Sequence[tuple[str, str]], *, inputs: FloatArray | None = None
) -> Sensitivity:
    """Derivatives of a periodic beat.

    Args:
        history: The beat, from `periodic`.
        parameters: Block and parameter; `PERIOD` and `BLOOD` too.
        inputs: (s + 1, q) what drove the beat from outside; zero if not given.

    Raises:
        BoundaryError: A parameter is not one of the circulation's.
    """
    model = history.model
    network, states = model.network, states_of(model)
    steps = history.times.size - 1
    driven = np.zeros((steps + 1, len(model.inputs))) if inputs is None else inputs
    m, c = states.size, len(parameters)
    directions, periods = directions_of(model, parameters)
    tangents = tangents_of(network, model.parameters.size, start=m, directions=directions, periods=periods)
    tangents.y[states, np.arange(m)] = 1.0
    slopes = np.empty((steps + 1, len(model.unknowns), m + c))
    Runner.of(model).run(history.unknowns[0], driven, tangents=tangents, slopes=slopes)
    A = np.eye(m) - slopes[-1][states, :m]
    b = slopes[-1][states, m:].copy()
    for v in model.invariants[:, states]:
        A += np.outer(v, v) / (v @ v)
    for k, name in enumerate(parameters):
        if name == BLOOD:
            for v in model.invariants[:, states]:
                b[:, k] += v / (v @ v)
    start = np.linalg.solve(A, b)
    unknowns = slopes[:, :, m:] + slopes[:, :, :m] @ start
    pressures = np.empty((steps + 1, len(model.nodes), c))
    flows = np.empty((steps + 1, len(model.edges), c))
    observe(
        network,
        model.parameters,
        model.period,
        history.times,
        driven,
        history.unknowns,
        unknowns,
        np.zeros((len(model.inputs), c)),
        tangents,
        pressures,
        flows,
    )
    return Sensitivity(
        history=history, parameters=tuple(parameters), unknowns=unknowns, pressures=pressures, flows=flows
    )


def directions_of(model: Model, parameters: Sequence[tuple[str, str]]) -> tuple[FloatArray, FloatArray]:
    """(c, p) directions in the space of the flat parameters, and (c,) what they do to the period.

    Raises:
        BoundaryError: A parameter is not one of the circulation's.
    """
    directions = np.zeros((len(parameters), model.parameters.size))
    periods = np.zeros(len(parameters))
    for k, (block, parameter) in enumerate(parameters):
        if (block, parameter) == PERIOD:
            periods[k] = 1.0
        elif (block, parameter) != BLOOD:
            try:
                directions[k] = model.direction(block, parameter)
            except KeyError:
                known = model.blocks[block].values if block in model.blocks else model.blocks
                raise BoundaryError(
                    "a derivative is asked for with respect to something that the circulation does not have",
                    where=model.circulation.origin or model.circulation.name,
                    value=f"{block}.{parameter}",
                    expected="one of: " + ", ".join(known),
                ) from None
    return directions, periods
