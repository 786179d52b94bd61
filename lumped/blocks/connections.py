"""Kinds of connection: vessels, valves, holes, ducts, shunts, bands and pumps between two compartments.

What is given by its shape (a hole, a duct, a conduit, a band, a narrowing) becomes the numbers R, K and L of

    pa - pb = R Q + K |Q| Q + L dQ/dt

A compartment's pressure is that of blood at rest, so that a jet loses its dynamic pressure where it enters.
"""

from __future__ import annotations

import math

from lumped.blocks.connection_laws import (
    COLLAPSIBLE,
    INERTIAL,
    LEAFLET_VALVE,
    LOSS,
    RESISTOR,
    SIGMOID_VALVE,
    SOURCE,
    VALVE,
)
from lumped.blocks.record import Blood, Kind, Parameter, Values, catalogue, in_order

_RESISTANCE = Parameter("resistance", "mmHg*s/mL", 1e-7, 1e7, "viscous loss over flow")
_QUADRATIC = Parameter("quadratic_loss", "mmHg*s**2/mL**2", 0.0, 1e5, "loss over flow squared", 0.0)
_INERTANCE = Parameter("inertance", "mmHg*s**2/mL", 1e-9, 1e3, "pressure over the rate of flow")
_WIDTH = Parameter("opening_pressure", "mmHg", 1e-3, 10.0, "pressure over which it opens smoothly", 0.1)
_DIAMETER = Parameter("diameter", "mm", 0.05, 60.0, "its diameter")
_LENGTH = Parameter("length", "mm", 0.05, 500.0, "its length")
_DISCHARGE = Parameter("discharge_coefficient", "1", 0.3, 1.0, "area of the jet over that of the hole", 0.7)
_LEAK = Parameter("leak_diameter", "mm", 0.0, 40.0, "diameter of the hole that leaks when it is closed", 0.0)

ORIFICE_SOURCE = "Sampson, Phil. Trans. R. Soc. A 182, 1891, DOI 10.1098/rsta.1891.0012 (viscous part)"
NARROWING_SOURCE = (
    "Young & Tsai, J. Biomech. 6, 1973, DOI 10.1016/0021-9290(73)90099-7; "
    "Seeley & Young, J. Biomech. 9, 1976, DOI 10.1016/0021-9290(76)90086-5"
)


def area(diameter: float) -> float:
    """Of a circle."""
    return 0.25 * math.pi * diameter * diameter


def orifice_numbers(diameter: float, discharge: float, blood: Blood) -> tuple[float, float]:
    """R and K of a hole in a thin wall: Sampson's viscous drop, 24 mu / d³, and the dynamic pressure of the jet."""
    jet = discharge * area(diameter)
    return 24.0 * blood.viscosity / diameter**3, blood.density / (2.0 * jet * jet)


def cone_resistance(first: float, second: float, length: float, blood: Blood) -> float:
    """Poiseuille's resistance of a tube whose diameter goes linearly from one value to another.

    R = 128 mu L (d1² + d1 d2 + d2²) / (3 pi d1³ d2³), the integral of 128 mu / (pi d⁴).
    """
    shape = (first * first + first * second + second * second) / (3.0 * first**3 * second**3)
    return 128.0 * blood.viscosity * length * shape / math.pi


def _hole(values: Values, blood: Blood) -> list[float]:
    R, K = orifice_numbers(values["diameter"], values["discharge_coefficient"], blood)
    return [R, K, K]


def _flap(values: Values, blood: Blood) -> list[float]:
    R, K = orifice_numbers(values["diameter"], values["discharge_coefficient"], blood)
    return [R, K, values["opening_pressure"], _leak(values["leak_diameter"], blood)]


def _leak(diameter: float, blood: Blood) -> float:
    return orifice_numbers(diameter, 0.7, blood)[1] if diameter.real > 0.0 else 0.0


def _valve(values: Values, blood: Blood) -> list[float]:
    return [
        values["resistance"],
        values["quadratic_loss"],
        values["opening_pressure"],
        _leak(values["leak_diameter"], blood),
    ]


def _leaflets(values: Values, blood: Blood) -> list[float]:
    leak = values["leak_diameter"]
    return [
        area(values["diameter"]),
        area(leak if leak.real > 0.0 else 1e-3 * values["diameter"]),
        values["length"],
        blood.density,
        values["opening_rate"],
        values["closing_rate"],
        values["resistance"],
    ]


def _conduit(values: Values, blood: Blood) -> list[float]:
    d = values["diameter"]
    K = values["loss_coefficient"] * blood.density / (2.0 * area(d) ** 2)
    return [cone_resistance(d, d, values["length"], blood), K, K]


def _conduit_inertia(values: Values, blood: Blood) -> list[float]:
    return [*_conduit(values, blood), blood.density * values["length"] / area(values["diameter"])]


def _duct(values: Values, blood: Blood) -> list[float]:
    first, second = values["first_diameter"], values["second_diameter"]
    entry, exit_ = values["entry_loss"], values["exit_loss"]
    dynamic = 0.5 * blood.density
    return [
        cone_resistance(first, second, values["length"], blood),
        dynamic * (entry / area(first) ** 2 + exit_ / area(second) ** 2),
        dynamic * (entry / area(second) ** 2 + exit_ / area(first) ** 2),
    ]


def _narrowing(values: Values, blood: Blood) -> list[float]:
    """Young & Tsai: dp = Kv mu U / D + Kt rho (A / a - 1)² |U| U / 2 + Ku rho l dU/dt, U the mean velocity in A."""
    D, d, length = values["vessel_diameter"], values["diameter"], values["length"]
    A, a = area(D), area(d)
    viscous = 32.0 * (0.83 * length + 1.64 * d) * (A / a) ** 2 / D
    K = 0.5 * values["loss_coefficient"] * blood.density * (A / a - 1.0) ** 2 / A**2
    return [viscous * blood.viscosity / (D * A), K, K]


def _narrowing_inertia(values: Values, blood: Blood) -> list[float]:
    inertance = values["inertia_coefficient"] * blood.density * values["length"]
    return [*_narrowing(values, blood), inertance / area(values["vessel_diameter"])]


def _tighter(values: Values) -> str:
    return "" if values["diameter"] < values["vessel_diameter"] else "the narrowing is as wide as its vessel"


_NARROWING = (
    Parameter("vessel_diameter", "mm", 0.5, 60.0, "diameter of the vessel around it"),
    _DIAMETER,
    _LENGTH,
    Parameter("loss_coefficient", "1", 0.0, 5.0, "Kt", 1.52),
)
_CONDUIT = (
    _DIAMETER,
    _LENGTH,
    Parameter("loss_coefficient", "1", 0.0, 10.0, "entry and exit loss over the dynamic pressure in it", 1.5),
)

CONNECTIONS = catalogue(
    Kind(
        name="resistor",
        law=RESISTOR,
        meaning="Q = (pa - pb) / R",
        parameters=(_RESISTANCE,),
        pack=lambda values, blood: [1.0 / values["resistance"]],
    ),
    Kind(
        name="loss",
        law=LOSS,
        meaning="pa - pb = R Q + K |Q| Q, such as a narrowing fitted to a 3D result",
        parameters=(_RESISTANCE, _QUADRATIC),
        pack=in_order("resistance", "quadratic_loss", "quadratic_loss"),
    ),
    Kind(
        name="inertial_vessel",
        law=INERTIAL,
        meaning="pa - pb = R Q + K |Q| Q + L dQ/dt",
        parameters=(_RESISTANCE, _QUADRATIC, _INERTANCE),
        pack=in_order("resistance", "quadratic_loss", "quadratic_loss", "inertance"),
    ),
    Kind(
        name="valve",
        law=VALVE,
        meaning="forward pa - pb = R Q + K Q², nothing or a leak backward",
        parameters=(_RESISTANCE, _QUADRATIC, _WIDTH, _LEAK),
        pack=_valve,
    ),
    Kind(
        name="sigmoid_valve",
        law=SIGMOID_VALVE,
        meaning="Q = G (pa - pb), G from closed to open as (1 + tanh(k (pa - pb))) / 2",
        source="Pfaller et al., Biomech. Model. Mechanobiol. 18, 2019, DOI 10.1007/s10237-018-1098-4",
        parameters=(
            _RESISTANCE,
            Parameter("closed_resistance", "mmHg*s/mL", 1e-3, 1e9, "resistance when it is closed"),
            Parameter("steepness", "1/mmHg", 1e-3, 1e4, "k", 10.0),
        ),
        pack=in_order("resistance", "closed_resistance", "steepness"),
        check=lambda v: (
            "" if v["closed_resistance"] > v["resistance"] else "closed, it resists less than open"
        ),
    ),
    Kind(
        name="leaflet_valve",
        law=LEAFLET_VALVE,
        meaning="leaflets that open and close at rates that follow the pressure across them, with inertia of the blood",
        source="Mynard et al., Int. J. Numer. Methods Biomed. Eng. 28, 2012, DOI 10.1002/cnm.1466",
        parameters=(
            Parameter("diameter", "mm", 0.5, 60.0, "of the open valve's effective area"),
            _LEAK,
            Parameter("length", "mm", 0.5, 100.0, "effective length of the blood in it", 10.0),
            Parameter("opening_rate", "1/mmHg/s", 1e-2, 1e4, "k1", 26.7),
            Parameter("closing_rate", "1/mmHg/s", 1e-2, 1e4, "k2", 26.7),
            Parameter("resistance", "mmHg*s/mL", 0.0, 1e4, "viscous loss over flow", 0.0),
        ),
        pack=_leaflets,
    ),
    Kind(
        name="collapsible_vessel",
        law=COLLAPSIBLE,
        meaning="Q = (max(pa, pe) - max(pb, pe)) / R: the pressure pe around it closes it (Starling resistor)",
        source="Permutt & Riley, J. Appl. Physiol. 18, 1963, DOI 10.1152/jappl.1963.18.5.924",
        parameters=(_RESISTANCE, _WIDTH),
        pack=in_order("resistance", "opening_pressure"),
    ),
    Kind(
        name="hole",
        law=LOSS,
        meaning="a hole in a thin wall, both ways: septal defect, fenestration; K = rho / (2 (Cd A)²)",
        source=ORIFICE_SOURCE,
        parameters=(_DIAMETER, _DISCHARGE),
        pack=_hole,
    ),
    Kind(
        name="flap",
        law=VALVE,
        meaning="a hole that a flap closes against flow backward: the oval foramen from right to left",
        source=ORIFICE_SOURCE,
        parameters=(_DIAMETER, _DISCHARGE, _WIDTH, _LEAK),
        pack=_flap,
    ),
    Kind(
        name="conduit",
        law=LOSS,
        meaning="a tube: 128 mu l / (pi d⁴) Q and loss_coefficient rho / (2 A²) |Q| Q, such as a systemic shunt",
        parameters=_CONDUIT,
        pack=_conduit,
    ),
    Kind(
        name="inertial_conduit",
        law=INERTIAL,
        meaning="a conduit with the inertia of its blood, rho l / A",
        parameters=_CONDUIT,
        pack=_conduit_inertia,
    ),
    Kind(
        name="duct",
        law=LOSS,
        meaning="a cone: Poiseuille along it, entry loss at the end where blood enters, exit loss where it leaves",
        parameters=(
            Parameter("first_diameter", "mm", 0.05, 30.0, "at the end it comes from"),
            Parameter("second_diameter", "mm", 0.05, 30.0, "at the other end"),
            _LENGTH,
            Parameter("entry_loss", "1", 0.0, 2.0, "over the dynamic pressure at the entry", 0.5),
            Parameter("exit_loss", "1", 0.0, 2.0, "over the dynamic pressure at the exit", 1.0),
        ),
        pack=_duct,
    ),
    Kind(
        name="narrowing",
        law=LOSS,
        meaning="a narrowing of a vessel: coarctation, band",
        source=NARROWING_SOURCE,
        parameters=_NARROWING,
        pack=_narrowing,
        check=_tighter,
    ),
    Kind(
        name="inertial_narrowing",
        law=INERTIAL,
        meaning="a narrowing with the inertia of the blood in it",
        source=NARROWING_SOURCE,
        parameters=(*_NARROWING, Parameter("inertia_coefficient", "1", 0.5, 3.0, "Ku", 1.2)),
        pack=_narrowing_inertia,
        check=_tighter,
    ),
    Kind(
        name="pump",
        law=SOURCE,
        meaning="a flow that does not depend on the pressures",
        parameters=(Parameter("flow", "mL/min", -20000.0, 20000.0, "its flow"),),
        pack=in_order("flow"),
    ),
)
