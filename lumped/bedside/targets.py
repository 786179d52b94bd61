"""Targets: what was measured of a child, with its uncertainty, and what number of the model it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hemoplan.units import to_unit
from lumped.bedside.observables import (
    JET_DIAMETERS,
    BernoulliVelocity,
    EjectionFraction,
    Flow,
    FlowRatio,
    HeartRate,
    JetVelocity,
    Observable,
    Reported,
    StrokeVolume,
    reading,
)
from lumped.bedside.quantities import QUANTITIES, SHOWN
from lumped.circulation.graph import Circulation
from lumped.engine.measures import Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One number that was measured.

    Attributes:
        name: As tables and messages name it.
        quantity: Of `lumped.bedside.quantities.QUANTITIES`.
        value: What was measured [SI].
        sigma: One standard deviation of the measurement [SI].
        of: Compartment, or connections whose flows add up.
        second: The other compartment of a difference, or the connections of a ratio's denominator.
        statistic: Which of the quantity's statistics.
        method: How it was measured.
        source: Why this uncertainty.
    """

    name: str
    quantity: str
    value: float
    sigma: float
    of: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    statistic: str = ""
    method: str = ""
    source: str = "given"

    @property
    def unit(self) -> str:
        """Its clinical unit."""
        return QUANTITIES[self.quantity].unit

    def shown(self, value: float) -> str:
        """A value of this quantity [SI] in clinical units."""
        return shown(value, self.unit)

    def __str__(self) -> str:
        statistic = f" {self.statistic}" if self.statistic else ""
        place = f" of {' + '.join(self.of)}" if self.of else ""
        words = self.quantity.replace("_", " ")
        return f"{self.name}:{statistic} {words}{place} {self.shown(self.value)} ± {self.shown(self.sigma)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorChange:
    """What a bedside file says of a factor.

    Attributes:
        name: Of a factor of the population, or of a new one.
        log_sd: Another spread.
        members: Parameters of a new factor, as ("duct", "diameter").
        fixed: Whether it stays as it is.
    """

    name: str
    log_sd: float | None = None
    members: tuple[tuple[str, str], ...] = ()
    fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bedside:
    """What is known of a child.

    Attributes:
        name: Of the child or the visit.
        targets: What was measured.
        weight: [kg]; that of the circulation if not given.
        factors: What is known of the parameters beside the population.
        origin: Where it comes from, as messages name it: a file.
    """

    name: str
    targets: tuple[Target, ...]
    weight: float | None = None
    factors: tuple[FactorChange, ...] = field(default_factory=tuple)
    origin: str = ""


def shown(value: float, unit: str) -> str:
    """An SI number in a clinical unit, as tables show it."""
    number = value if unit == "1" else to_unit(value, unit)
    return f"{number:.3g} {SHOWN.get(unit, unit)}".strip()


STATISTICS: Mapping[str, Statistic] = {
    "mean": "mean",
    "systolic": "largest",
    "diastolic": "smallest",
    "peak": "largest",
}


def observable(target: Target, circulation: Circulation) -> Observable:
    """The number of the model that a target is compared with; its names must be the circulation's."""
    match target.quantity:
        case "heart_rate":
            return HeartRate()
        case "pressure":
            return reading("pressure", target.of[0], STATISTICS[target.statistic])
        case "pressure_drop":
            statistic = STATISTICS[target.statistic]
            return reading("pressure", target.of[0], statistic, minus=target.second[0])
        case "flow":
            return Flow(target.of)
        case "stroke_volume":
            return StrokeVolume(target.of)
        case "velocity":
            return _velocity(target, circulation)
        case "end_diastolic_volume":
            return reading("volume", target.of[0], "largest")
        case "end_systolic_volume":
            return reading("volume", target.of[0], "smallest")
        case "ejection_fraction":
            return EjectionFraction(target.of[0])
        case "flow_ratio":
            return FlowRatio(target.of, target.second)
        case _:
            return Reported(f"{target.quantity} of {target.of[0]}")


def _velocity(target: Target, circulation: Circulation) -> Observable:
    connection = circulation.connection(target.of[0])
    backward = target.statistic == "backward"
    if connection.kind in JET_DIAMETERS:
        return JetVelocity(connection.name, "backward" if backward else "forward")
    ends = (connection.source, connection.target)
    return BernoulliVelocity(*(ends[::-1] if backward else ends))
