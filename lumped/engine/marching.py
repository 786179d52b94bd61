"""Running a circulation through time: beats one after the other, from the unknowns at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from lumped.compiled import unlocked
from lumped.engine.borrowing import borrowed
from lumped.engine.build import not_solved
from lumped.engine.model import Model
from lumped.engine.network import Network, Workspace, workspace
from lumped.engine.stage import StepArrays, step_arrays
from lumped.engine.step import advance, begin
from lumped.engine.tangent import Tangents, tangents_of

STEPS = 200
"""Steps a beat, unless said otherwise: pressures of a newborn to a few hundredths of a mmHg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a circulation did.

    Attributes:
        model: What ran.
        times: (s + 1,) [s].
        unknowns: (s + 1, n)
        pressures: (s + 1, m) of the nodes [Pa].
        flows: (s + 1, e) of the edges [m³/s].
    """

    model: Model
    times: FloatArray
    unknowns: FloatArray
    pressures: FloatArray
    flows: FloatArray

    @classmethod
    def empty(cls, model: Model, steps: int, h: float) -> Self:
        """Room for a number of steps."""
        return cls(
            model=model,
            times=np.arange(steps + 1, dtype=np.float64) * h,
            unknowns=np.empty((steps + 1, len(model.unknowns))),
            pressures=np.empty((steps + 1, len(model.nodes))),
            flows=np.empty((steps + 1, len(model.edges))),
        )

    def pressure(self, node: str) -> FloatArray:
        """(s + 1,) pressure of a compartment, junction or reservoir [Pa]."""
        return self.pressures[:, self.model.nodes.index(node)]

    def flow(self, edge: str) -> FloatArray:
        """(s + 1,) flow through a connection, from its first end to the second [m³/s]."""
        return self.flows[:, self.model.edges.index(edge)]

    def volume(self, node: str) -> FloatArray:
        """(s + 1,) blood in a compartment [m³]."""
        return self.unknowns[:, self.model.state(node)]


@unlocked
def run_steps(
    net: Network,
    p: FloatArray,
    T: float,
    h: float,
    inputs: FloatArray,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
    unknowns: FloatArray,
    pressures: FloatArray,
    flows: FloatArray,
    slopes: FloatArray,
) -> tuple[int, int]:
    """March from `arrays.start`, the start of a beat, over as many steps as there are rows of inputs less one.

    Rows of `unknowns`, `pressures`, `flows` and `slopes` (…, n, c) are filled where there are any.

    Returns:
        Steps done, and 0; or -1 - i with the equation that fails.
    """
    net, p, inputs, arrays, w = borrowed(net), borrowed(p), borrowed(inputs), borrowed(arrays), borrowed(w)
    tangents, slopes = borrowed(tangents), borrowed(slopes)
    unknowns, pressures, flows = borrowed(unknowns), borrowed(pressures), borrowed(flows)
    steps = inputs.shape[0] - 1
    # Times start anew with each beat: those of a late beat, rounded, would fall on either side of its start.
    beat = int(np.round(T / h))
    failure = begin(net, p, T, 0.0, inputs[0], arrays, w, tangents)
    for k in range(steps + 1):
        if failure < 0:
            return k, failure
        if unknowns.shape[0] > 0:
            for i in range(arrays.start.size):
                unknowns[k, i] = arrays.start[i]
            for i in range(w.pressure.size):
                pressures[k, i] = w.pressure[i]
            for i in range(w.flow.size):
                flows[k, i] = w.flow[i]
        if slopes.shape[0] > 0:
            for i in range(arrays.start.size):
                for c in range(tangents.y.shape[1]):
                    slopes[k, i, c] = tangents.y[i, c]
        if k < steps:
            failure = advance(net, p, T, (k % beat) * h, h, inputs[k + 1], arrays, w, tangents)
    return steps, 0


@unlocked
def single_step(
    net: Network,
    p: FloatArray,
    T: float,
    t: float,
    h: float,
    inputs: FloatArray,
    arrays: StepArrays,
    w: Workspace,
    tangents: Tangents,
) -> int:
    """One step from `arrays.start` at t, the inputs (2, q) going from the first row to the second; as `advance`."""
    net, p, inputs, arrays, w = borrowed(net), borrowed(p), borrowed(inputs), borrowed(arrays), borrowed(w)
    tangents = borrowed(tangents)
    failure = begin(net, p, T, t, inputs[0], arrays, w, tangents)
    if failure < 0:
        return int(failure)
    return int(advance(net, p, T, t, h, inputs[1], arrays, w, tangents))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs a model many times with the same workspaces; not for several threads at once.

    Attributes:
        model: What runs.
        arrays, workspace: Its workspaces.
        still: No tangents.
    """

    model: Model
    arrays: StepArrays
    workspace: Workspace
    still: Tangents

    @classmethod
    def of(cls, model: Model) -> Self:
        """A runner with fresh workspaces."""
        network = model.network
        return cls(
            model=model,
            arrays=step_arrays(network),
            workspace=workspace(network),
            still=tangents_of(network, model.parameters.size),
        )

    def run(
        self,
        start: FloatArray,
        inputs: FloatArray,
        *,
        steps: int = 0,
        history: History | None = None,
        tangents: Tangents | None = None,
        slopes: FloatArray | None = None,
    ) -> FloatArray:
        """March over as many steps as there are rows of inputs less one; the (n,) unknowns at the end.

        Args:
            start: (n,) unknowns at the start of a beat.
            inputs: (s + 1, q) what drives the circulation from outside.
            steps: Steps a beat; one beat if not given.
            history: Filled, if given.
            tangents: Go along, if given; left as they are at the end.
            slopes: (s + 1, n, c) tangents at each step; filled, if given.

        Raises:
            BoundaryError: A step has no solution.
        """
        model = self.model
        h = model.period / (steps or inputs.shape[0] - 1)
        self.arrays.start[:] = start
        empty = np.empty((0, 0))
        done, failure = run_steps(
            model.network,
            model.parameters,
            model.period,
            h,
            inputs,
            self.arrays,
            self.workspace,
            self.still if tangents is None else tangents,
            empty if history is None else history.unknowns,
            empty if history is None else history.pressures,
            empty if history is None else history.flows,
            np.empty((0, 0, 0)) if slopes is None else slopes,
        )
        if failure < 0:
            raise not_solved(model, -1 - failure, done * h)
        return self.arrays.start.copy()


def march(
    model: Model,
    *,
    beats: int = 1,
    steps: int = STEPS,
    start: FloatArray | None = None,
    inputs: Mapping[str, FloatArray] | None = None,
) -> History:
    """Run a circulation for a number of beats.

    Args:
        model: The circulation.
        beats: How many.
        steps: Steps a beat.
        start: (n,) unknowns at the start; those of the model if not given.
        inputs: (beats x steps + 1,) values over time of what drives it from outside, by name; zero if not given.

    Raises:
        BoundaryError: A step has no solution, or an input is not one of the circulation's or has the wrong length.
    """
    if beats < 1 or steps < 2:
        raise BoundaryError(
            "a run needs a beat and steps",
            where=model.circulation.name,
            value=f"{beats} beats of {steps} steps",
            expected="at least one beat of two steps",
        )
    count = beats * steps
    history = History.empty(model, count, model.period / steps)
    first = model.start if start is None else start
    Runner.of(model).run(first, driving(model, count, inputs), steps=steps, history=history)
    return history


def driving(model: Model, steps: int, inputs: Mapping[str, FloatArray] | None) -> FloatArray:
    """(steps + 1, q) values of what drives a circulation from outside; zero where nothing is given.

    Raises:
        BoundaryError: A name is not one of the circulation's inputs, or has the wrong number of values.
    """
    values = np.zeros((steps + 1, len(model.inputs)))
    for name, given in (inputs or {}).items():
        if name not in model.inputs or np.shape(given) != (steps + 1,):
            raise BoundaryError(
                "a circulation is driven by something that it does not have, or for another time",
                where=f"{model.circulation.name}: {name}",
                value=f"{np.shape(given)} values",
                expected=f"{steps + 1} values of one of: {', '.join(model.inputs) or 'nothing'}",
            )
        values[:, model.inputs.index(name)] = given
    return values
