"""A circulation in a smaller or larger child, or at another age.

Blood, chambers and compliances grow with the weight W; the output with W^b. Then pressures stay what they are if times
grow with W^(1 - b), resistances with W^-b, elastances with W^-1, inertances with W^(1 - 2b) and quadratic losses with
W^-2b: the equations of the circulation are the same in units of these, so that this is exact. Among newborns b = 1:
236 mL/min/kg at term and 221 before it (Alverson et al. 1984), with the same heart rate; among mammals b = 0.75, with a
period that grows as W^0.25 (West et al., Science 276, 1997, DOI 10.1126/science.276.5309.122).

What is given by its shape follows the anatomy instead: diameters as the square root of the body surface (Sluysmans &
Colan, J. Appl. Physiol. 99, 2005, DOI 10.1152/japplphysiol.01144.2004), lengths as the cube root of the weight. So
narrow places cost a small child less pressure than they would by the rule above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hemoplan.errors import VariantError
from hemoplan.units import MMHG
from lumped.blocks.record import Parameter
from lumped.circulation.beat import with_period
from lumped.circulation.graph import Circulation, Connection, GasExchange
from lumped.circulation.growth import (
    HOUR,
    WEEK,
    body_surface_area,
    duct_diameter,
    heart_rate,
    pulmonary_pressure,
    systemic_pressure,
)
from lumped.circulation.kinds import CATALOGUES, Block
from lumped.circulation.own_parameters import WEIGHT
from lumped.circulation.surgery import find_connection, resize

_POWERS: Mapping[str, tuple[float, float]] = {
    "1": (0.0, 0.0),
    "mmHg": (0.0, 0.0),
    "kPa": (0.0, 0.0),
    "1/mmHg": (0.0, 0.0),
    "mL": (1.0, 0.0),
    "mL/mmHg": (1.0, 0.0),
    "mmHg/mL": (-1.0, 0.0),
    "mL/min": (0.0, 1.0),
    "mmHg*s/mL": (0.0, -1.0),
    "mmHg*s**2/mL": (1.0, -2.0),
    "mmHg*s**2/mL**2": (0.0, -2.0),
    "s": (1.0, -1.0),
    "1/mmHg/s": (-1.0, 1.0),
}
"""By unit: (m, n), where the parameter grows with W^(m + n b): a time is a volume over a flow, pressures stay."""

LEFT_ATRIAL_PRESSURE = 5.0 * MMHG
"""Assumed [Pa] where pulmonary resistance is derived from the pulmonary pressure."""


def scale(circulation: Circulation, weight: float, *, output_exponent: float = 1.0) -> Circulation:
    """The same circulation in a child of another weight.

    Args:
        circulation: Of a child of `circulation.weight`.
        weight: Of the other child [kg].
        output_exponent: b, with which the output grows with weight.

    Raises:
        VariantError: The weight is out of range.
    """
    if not WEIGHT.low <= weight <= WEIGHT.high:
        raise VariantError(
            "the weight is out of range",
            where="weight",
            value=f"{weight:g} kg",
            expected=f"{WEIGHT.low:g} to {WEIGHT.high:g} kg",
        )
    ratio = weight / circulation.weight
    widths = (body_surface_area(weight) / body_surface_area(circulation.weight)) ** 0.5
    flow: float = ratio**output_exponent
    time: float = ratio ** (1.0 - output_exponent)

    def factor(parameter: Parameter) -> float:
        if parameter.unit == "mm":
            return widths if "diameter" in parameter.name else float(ratio ** (1.0 / 3.0))
        m, n = _POWERS[parameter.unit]
        return float(ratio ** (m + n * output_exponent))

    def values(group: str, block: Block) -> dict[str, float]:
        return _scaled_parameters(group, block, factor)

    def connection(part: Connection) -> Connection:
        waveform = None if part.waveform is None else part.waveform.scaled(flow)
        return replace(part, parameters=values("connections", part), waveform=waveform)

    larger = replace(
        circulation,
        weight=weight,
        compartments=tuple(
            replace(each, parameters=values("compartments", each), volume=each.volume * ratio)
            for each in circulation.compartments
        ),
        connections=tuple(connection(each) for each in circulation.connections),
        activations=tuple(
            replace(each, parameters=values("activations", each)) for each in circulation.activations
        ),
        couplings=tuple(
            replace(each, parameters=values("couplings", each)) for each in circulation.couplings
        ),
        gas=None if circulation.gas is None else _scaled_gas(circulation.gas, flow),
    )
    return with_period(larger, circulation.period * time)


def age(
    circulation: Circulation,
    hours: float,
    *,
    pulmonary: Sequence[str],
    duct: str = "ductus_arteriosus",
    reference: float = 72.0,
) -> Circulation:
    """The same term newborn at another postnatal age: heart rate, pulmonary resistance, duct.

    The pulmonary resistance follows the mean pulmonary arterial pressure above that of the left atrium, at an unchanged
    flow; the duct has its measured diameter, if there is one with a diameter.

    Args:
        circulation: At `reference` hours.
        hours: After birth.
        pulmonary: Connections that are the resistance of the lungs.
        duct: Connection that is the arterial duct.
        reference: Age that the circulation has now [h].

    Raises:
        CaseError: No normal value is known at this age.
        VariantError: A connection does not exist.
    """
    now, then = pulmonary_pressure(reference * HOUR), pulmonary_pressure(hours * HOUR)
    changed = _with_resistance(
        circulation, pulmonary, (then - LEFT_ATRIAL_PRESSURE) / (now - LEFT_ATRIAL_PRESSURE)
    )
    if any(each.name == duct for each in circulation.connections):
        changed = resize(changed, duct, duct_diameter(hours * HOUR))
    return with_period(changed, 1.0 / heart_rate(hours * HOUR))


def mature(
    circulation: Circulation, weeks: float, *, systemic: Sequence[str], reference: float = 39.0
) -> Circulation:
    """The same child at another postmenstrual age: systemic resistance as the mean arterial pressure, at one output.

    Weight and heart rate are for `scale` and `with_period`, since they differ widely at one age.

    Args:
        circulation: At `reference` weeks.
        weeks: After the last period.
        systemic: Connections that are the resistance of the body.
        reference: Age that the circulation has now [weeks].

    Raises:
        CaseError: No normal value is known at this age.
        VariantError: A connection does not exist.
    """
    factor = systemic_pressure(weeks * WEEK) / systemic_pressure(reference * WEEK)
    return _with_resistance(circulation, systemic, factor)


def _with_resistance(circulation: Circulation, names: Sequence[str], factor: float) -> Circulation:
    for name in names:
        old = find_connection(circulation, name)
        if "resistance" not in old.parameters:
            raise VariantError(f"'{name}' ({old.kind}) has no resistance", where=circulation.name)
        new = replace(old, parameters={**old.parameters, "resistance": old.parameters["resistance"] * factor})
        connections = tuple(new if each is old else each for each in circulation.connections)
        circulation = replace(circulation, connections=connections)
    return circulation


def _scaled_parameters(group: str, block: Block, factor: Callable[[Parameter], float]) -> dict[str, float]:
    """Parameters times their factors; of the defaults, those that change become explicit."""
    kind = CATALOGUES[group][block.kind]
    values = {}
    for each in kind.parameters:
        grows = factor(each)
        if each.name in block.parameters:
            values[each.name] = block.parameters[each.name] * grows
        elif each.default and grows != 1.0:
            values[each.name] = each.default * each.factor * grows
    return values


def _scaled_gas(gas: GasExchange, flow: float) -> GasExchange:
    """Consumption and ventilation grow as the output, so that what an organ extracts stays the same."""
    return replace(
        gas,
        oxygen_consumption=gas.oxygen_consumption * flow,
        alveolar_ventilation=gas.alveolar_ventilation * flow,
    )
