"""Numbers that a beat is summarised by, such as a systolic pressure or a cardiac output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from lumped.engine.marching import History
from lumped.engine.model import Model

type Quantity = Literal["pressure", "flow", "volume"]
type Statistic = Literal["mean", "largest", "smallest", "range"]


def mean_over_beat(curves: FloatArray) -> FloatArray:
    """Mean along the first axis of curves at equal steps that end where they began: the trapezoidal rule."""
    return np.asarray(np.trapezoid(curves, axis=0) / (curves.shape[0] - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of a beat: a statistic of a pressure, a flow or a volume.

    Attributes:
        quantity: Of what kind [Pa, m³/s, m³].
        of: Compartment or connection.
        statistic: Over the beat; the mean is the exact one of the piecewise linear curve.
        minus: Another compartment or connection whose curve is subtracted first, as in a gradient.
    """

    quantity: Quantity
    of: str
    statistic: Statistic = "mean"
    minus: str = ""

    def value(self, history: History) -> float:
        """Of one beat, in SI."""
        return float(self.weights(history) @ self.curve(history))

    def curve(self, history: History) -> FloatArray:
        """(s + 1,) what the statistic is taken of."""
        table, column = self._column(history, self.of)
        curve = table[:, column]
        if self.minus:
            table, column = self._column(history, self.minus)
            curve = curve - table[:, column]
        return np.asarray(curve)

    def weights(self, history: History) -> FloatArray:
        """(s + 1,) derivative of the statistic with respect to the curve; as it is linear, also what makes it."""
        curve = self.curve(history)
        weights = np.zeros(curve.size)
        if self.statistic == "mean":
            weights[:] = 1.0 / (curve.size - 1)
            weights[[0, -1]] *= 0.5
        if self.statistic in ("largest", "range"):
            weights[curve.argmax()] += 1.0
        if self.statistic == "smallest":
            weights[curve.argmin()] += 1.0
        if self.statistic == "range":
            weights[curve.argmin()] -= 1.0
        return weights

    def slopes(
        self, history: History, of_unknowns: FloatArray, of_pressures: FloatArray, of_flows: FloatArray
    ) -> FloatArray:
        """(c,) derivatives from those of a history: (s + 1, n, c), (s + 1, m, c) and (s + 1, e, c)."""
        tables = {"pressure": of_pressures, "flow": of_flows, "volume": of_unknowns}
        slopes = tables[self.quantity][:, self._column(history, self.of)[1]]
        if self.minus:
            slopes = slopes - tables[self.quantity][:, self._column(history, self.minus)[1]]
        return np.asarray(self.weights(history) @ slopes)

    def _column(self, history: History, name: str) -> tuple[FloatArray, int]:
        model = history.model
        if self.quantity == "pressure":
            return history.pressures, _place(model, model.nodes, name, self.quantity)
        if self.quantity == "flow":
            return history.flows, _place(model, model.edges, name, self.quantity)
        volumes = tuple(each.block if each.quantity == "volume" else "" for each in model.unknowns)
        return history.unknowns, _place(model, volumes, name, self.quantity)


def _place(model: Model, names: tuple[str, ...], name: str, quantity: str) -> int:
    if name not in names:
        raise BoundaryError(
            f"there is no {quantity} of this name",
            where=model.circulation.origin or model.circulation.name,
            value=name,
            expected="one of: " + ", ".join(each for each in names if each),
        )
    return names.index(name)
