"""What the bedside sees of a beat: numbers of the model that a target can be compared with, and their derivatives.

Most are read off the periodic beat, with exact derivatives from `lumped.engine.sensitivity`. What needs more than the
beat, such as a saturation, is `Reported`: someone else works it out from the beat and gives value and derivative by
name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.units import MMHG
from lumped.blocks.connections import area
from lumped.engine.marching import History
from lumped.engine.measures import Measure, Quantity, Statistic
from lumped.engine.model import Model
from lumped.engine.sensitivity import Sensitivity

BERNOULLI = 4.0 * MMHG
"""Pressure over velocity squared of the simplified Bernoulli equation, 4 mmHg/(m/s)² [Pa s²/m²]."""
STILL = 1e-3
"""Velocity [m/s] below which a derivative is that at this velocity: the square root has none at rest."""

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The periodic beat of one parameter set.

    Attributes:
        history: One beat.
        reported: Values [SI] that were worked out from the beat, by name.
    """

    history: History
    reported: Mapping[str, float] = _NOTHING

    @property
    def model(self) -> Model:
        """What the beat is of."""
        return self.history.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """Derivatives of a beat in k directions.

    Attributes:
        tangent: Of the curves.
        period: (k,) of the length of the beat [s].
        values: (k,) of each parameter that changes [SI], by block and parameter.
        reported: (k,) of each reported value.
    """

    tangent: Sensitivity
    period: FloatArray
    values: Mapping[tuple[str, str], FloatArray]
    reported: Mapping[str, FloatArray] = field(default_factory=dict)


class Observable(Protocol):
    """A number of a beat that a target can be compared with."""

    def value(self, beat: Beat) -> float:
        """In SI."""

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """(k,) its derivatives."""


@dataclass(frozen=True, slots=True)
class HeartRate:
    """Beats a second."""

    def value(self, beat: Beat) -> float:
        """1 / T."""
        return 1.0 / beat.model.period

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """- T' / T²."""
        return np.asarray(-slopes.period / beat.model.period**2)


@dataclass(frozen=True, slots=True)
class Reading:
    """One statistic of a pressure, a flow or a volume."""

    measure: Measure

    def value(self, beat: Beat) -> float:
        """As the engine measures it."""
        return self.measure.value(beat.history)

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """As the engine derives it."""
        return slopes.tangent.of(self.measure)


def reading(quantity: Quantity, of: str, statistic: Statistic = "mean", *, minus: str = "") -> Reading:
    """A statistic of a pressure, a flow or a volume."""
    return Reading(Measure(quantity=quantity, of=of, statistic=statistic, minus=minus))


@dataclass(frozen=True, slots=True)
class Flow:
    """Mean flow through connections together, each positive from its first end to the second [m³/s]."""

    through: tuple[str, ...]

    def value(self, beat: Beat) -> float:
        """Sum of the means."""
        return math.fsum(reading("flow", name).value(beat) for name in self.through)

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """Sum of their derivatives."""
        rows = [reading("flow", name).slopes(beat, slopes) for name in self.through]
        return np.asarray(np.sum(rows, axis=0))


@dataclass(frozen=True, slots=True)
class StrokeVolume:
    """Blood that passes connections in a beat [m³]: mean flow times T."""

    through: tuple[str, ...]

    def value(self, beat: Beat) -> float:
        """Q T."""
        return Flow(self.through).value(beat) * beat.model.period

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """Q' T + Q T'."""
        flow = Flow(self.through)
        return flow.slopes(beat, slopes) * beat.model.period + flow.value(beat) * slopes.period


@dataclass(frozen=True, slots=True)
class FlowRatio:
    """Ratio of two mean flows, such as the pulmonary over the systemic one."""

    through: tuple[str, ...]
    over: tuple[str, ...]

    def value(self, beat: Beat) -> float:
        """Q1 / Q2."""
        return Flow(self.through).value(beat) / Flow(self.over).value(beat)

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """(Q1' - r Q2') / Q2 with r the ratio."""
        over = Flow(self.over)
        ratio = self.value(beat)
        moved = Flow(self.through).slopes(beat, slopes) - ratio * over.slopes(beat, slopes)
        return np.asarray(moved / over.value(beat))


@dataclass(frozen=True, slots=True)
class EjectionFraction:
    """(EDV - ESV) / EDV of a chamber, from its largest and smallest volume."""

    chamber: str

    def value(self, beat: Beat) -> float:
        """1 - ESV / EDV."""
        largest, smallest = self._volumes()
        return 1.0 - smallest.value(beat) / largest.value(beat)

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """(ESV EDV' / EDV - ESV') / EDV."""
        largest, smallest = self._volumes()
        full = largest.value(beat)
        emptied = smallest.value(beat) / full
        moved = emptied * largest.slopes(beat, slopes) - smallest.slopes(beat, slopes)
        return np.asarray(moved / full)

    def _volumes(self) -> tuple[Reading, Reading]:
        return reading("volume", self.chamber, "largest"), reading("volume", self.chamber, "smallest")


JET_DIAMETERS: Mapping[str, tuple[str, ...]] = {
    "hole": ("diameter",),
    "flap": ("diameter",),
    "conduit": ("diameter",),
    "inertial_conduit": ("diameter",),
    "narrowing": ("diameter",),
    "inertial_narrowing": ("diameter",),
    "leaflet_valve": ("diameter",),
    "duct": ("first_diameter", "second_diameter"),
}
"""Kinds of connection whose narrowest diameter is known, and which parameters say it."""


@dataclass(frozen=True, slots=True)
class JetVelocity:
    """Peak velocity that Doppler sees in a connection of known width, v = Q / (Cd A) at its narrowest [m/s].

    Cd is the discharge coefficient of a hole or a flap and 1 elsewhere: there the jet is as wide as the vessel.
    """

    connection: str
    direction: Literal["forward", "backward"] = "forward"

    def value(self, beat: Beat) -> float:
        """Largest flow in this direction over the area of the jet."""
        return abs(self._flow().value(beat)) / self._area(beat)[0]

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """Q' / A - v A' / A."""
        jet, of_parameters = self._area(beat)
        flow = self._flow()
        sign = math.copysign(1.0, flow.value(beat))
        moved = sign * flow.slopes(beat, slopes)
        for name, slope in of_parameters.items():
            if (self.connection, name) in slopes.values:
                moved = moved - self.value(beat) * slope * slopes.values[self.connection, name]
        return np.asarray(moved / jet)

    def _flow(self) -> Reading:
        return reading("flow", self.connection, "largest" if self.direction == "forward" else "smallest")

    def _area(self, beat: Beat) -> tuple[float, dict[str, float]]:
        """Of the jet [m²], and its derivatives with respect to parameters."""
        block = beat.model.blocks[self.connection]
        narrowest = min(JET_DIAMETERS[block.kind.name], key=lambda name: block.values[name])
        d, Cd = block.values[narrowest], block.values.get("discharge_coefficient", 1.0)
        of_parameters = {narrowest: Cd * 2.0 * area(d) / d}
        if "discharge_coefficient" in block.values:
            of_parameters["discharge_coefficient"] = area(d)
        return Cd * area(d), of_parameters


@dataclass(frozen=True, slots=True)
class BernoulliVelocity:
    """Peak velocity that stands for the largest pressure drop between two compartments, dp = 4 v² in mmHg and m/s.

    It is what Doppler is read as where the width of the jet is not in the model, as across a valve with a resistance.
    """

    upstream: str
    downstream: str

    def value(self, beat: Beat) -> float:
        """sqrt(dp / 4 mmHg); 0 where the pressure never drops."""
        return math.sqrt(max(self._drop().value(beat), 0.0) / BERNOULLI)

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """dp' / (8 v)."""
        v = max(self.value(beat), STILL)
        return np.asarray(self._drop().slopes(beat, slopes) / (2.0 * BERNOULLI * v))

    def _drop(self) -> Reading:
        return reading("pressure", self.upstream, "largest", minus=self.downstream)


@dataclass(frozen=True, slots=True)
class Reported:
    """A number that is worked out from the beat elsewhere, such as a saturation."""

    name: str

    def value(self, beat: Beat) -> float:
        """As reported."""
        return beat.reported[self.name]

    def slopes(self, beat: Beat, slopes: Slopes) -> FloatArray:
        """As reported."""
        return slopes.reported[self.name]
