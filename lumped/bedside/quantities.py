"""What can be measured at the bedside: unit, range, where it is measured, and how well, with sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hemoplan.units import MMHG

type Place = Literal["nowhere", "compartment", "chamber", "connection", "connections"]
"""What a quantity is measured of."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """One standard deviation of a measurement.

    Attributes:
        source: Why so.
        absolute: By statistic or for all under "" [SI].
        share: Of the value.
    """

    source: str
    absolute: Mapping[str, float] = field(default_factory=dict)
    share: float = 0.0

    def sigma(self, value: float, statistic: str) -> float:
        """Of a value [SI]."""
        fixed = self.absolute.get(statistic, self.absolute.get("", 0.0))
        return float((fixed**2 + (self.share * value) ** 2) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A kind of measurement.

    Attributes:
        unit: Clinical unit.
        low, high: Range that makes sense, in this unit; outside it is refused.
        place: What it is measured of.
        methods: How well each method does; the first is meant if none is named.
        statistics: What of the beat it can be; the first is meant if none is named.
        second: Key of the other place of a difference or a ratio, if it is one.
    """

    unit: str
    low: float
    high: float
    place: Place
    methods: Mapping[str, Uncertainty]
    statistics: tuple[str, ...] = ("",)
    second: str = ""


_PRESSURE = {
    "cuff": Uncertainty(
        "cuff against arterial line in 128 infants below 28 weeks (Werther et al. 2018, "
        "DOI 10.1371/journal.pone.0209831)",
        {"mean": 6.1 * MMHG, "systolic": 8.1 * MMHG, "diastolic": 6.5 * MMHG},
    ),
    "catheter": Uncertainty(
        "assumed: 1 mmHg of the transducer, the rest zero level and damping", {"": 2.0 * MMHG}
    ),
}
_FLOW = {
    "echo": Uncertainty(
        "left ventricular output, echo against MRI in newborns: limits of agreement -74 to 52 mL/kg/min (outflow tract "
        "measured at the hinges of the valve), a standard deviation of 32 in about 220",
        share=0.15,
    ),
    "mri": Uncertainty("assumed for phase contrast", share=0.07),
    "catheter": Uncertainty("assumed for Fick's principle with a measured consumption", share=0.12),
}
_VOLUME = {
    "echo": Uncertainty("assumed: a diameter to 5 % is a volume to 15 %", share=0.15),
    "mri": Uncertainty("assumed for cine MRI", share=0.06),
}

QUANTITIES: Mapping[str, Quantity] = {
    "heart_rate": Quantity(
        unit="1/min",
        low=20.0,
        high=400.0,
        place="nowhere",
        methods={
            "monitor": Uncertainty(
                "assumed: half of the 5 /min that standards of monitors allow", {"": 2.5 / 60.0}
            )
        },
    ),
    "pressure": Quantity(
        unit="mmHg",
        low=-30.0,
        high=300.0,
        place="compartment",
        methods=_PRESSURE,
        statistics=("mean", "systolic", "diastolic"),
    ),
    "pressure_drop": Quantity(
        unit="mmHg",
        low=-200.0,
        high=300.0,
        place="compartment",
        methods={
            "catheter": Uncertainty("assumed: two pressures of 2 mmHg each", {"": 2.8 * MMHG}),
            "doppler": Uncertainty("twice the share of a velocity", share=0.20),
        },
        statistics=("mean", "peak"),
        second="minus",
    ),
    "flow": Quantity(unit="mL/min", low=-20000.0, high=20000.0, place="connections", methods=_FLOW),
    "stroke_volume": Quantity(unit="mL", low=-500.0, high=500.0, place="connections", methods=_FLOW),
    "velocity": Quantity(
        unit="m/s",
        low=0.0,
        high=8.0,
        place="connection",
        methods={
            "doppler": Uncertainty(
                "assumed, below the coefficient of variation of 15 % of all Doppler measures in newborns "
                "(Copenhagen Baby Heart Study); a beam 20° off loses 6 %",
                share=0.10,
            )
        },
        statistics=("forward", "backward"),
    ),
    "end_diastolic_volume": Quantity(unit="mL", low=0.01, high=1000.0, place="chamber", methods=_VOLUME),
    "end_systolic_volume": Quantity(unit="mL", low=0.01, high=1000.0, place="chamber", methods=_VOLUME),
    "ejection_fraction": Quantity(
        unit="%",
        low=1.0,
        high=99.0,
        place="chamber",
        methods={
            "echo": Uncertainty(
                "two observers in newborns: limits of agreement about 18 points wide each way "
                "(Zamith et al., J. Pediatr. (Rio J.) 96, 2020)",
                {"": 0.09},
            ),
            "mri": Uncertainty("assumed for cine MRI", {"": 0.04}),
        },
    ),
    "flow_ratio": Quantity(
        unit="1",
        low=0.0,
        high=50.0,
        place="connections",
        methods={
            "echo": Uncertainty("two flows of 15 % each", share=0.21),
            "mri": Uncertainty("two flows of 7 % each", share=0.10),
            "catheter": Uncertainty("assumed for Fick's principle, where consumption cancels", share=0.15),
        },
        second="over",
    ),
    "saturation": Quantity(
        unit="%",
        low=1.0,
        high=100.0,
        place="compartment",
        methods={
            "oximeter": Uncertainty("root mean square error that the FDA accepts of an oximeter", {"": 0.03}),
            "blood_gas": Uncertainty("assumed for a co-oximeter", {"": 0.01}),
        },
    ),
}
"""By the name that files use."""

SHOWN: Mapping[str, str] = {"1/min": "/min", "1": ""}
"""How units are written after a number where that differs from their names."""
