"""Where the blood goes when surgery changes a circulation: a restart that neither makes nor loses any."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hemoplan.errors import VariantError
from lumped.blocks.compartments import CHAMBERS, COMPARTMENTS
from lumped.circulation.graph import Circulation, Compartment
from lumped.circulation.kinds import holds_blood


def carry_over(old: Circulation, new: Circulation, volumes: Mapping[str, float]) -> dict[str, float]:
    """Volumes to start a changed circulation from, with the blood that is in the old one.

    What is in both keeps its blood. Blood of what is gone flows to its neighbours, in proportion to their compliance,
    so that their pressures rise alike. What is new gets the volume that the new circulation gives it, or its
    unstressed volume, and the most compliant vessel that is in both (the largest venous reservoir) pays for it.

    Args:
        old: Before the operation.
        new: After it.
        volumes: Of the old compartments [m³].

    Returns:
        Volumes of the new compartments [m³]; their sum is that of the old to round-off.

    Raises:
        VariantError: A volume is missing, or there is not enough blood in the vessels.
    """
    before = {each.name: each for each in old.compartments if holds_blood(each)}
    after = {each.name: each for each in new.compartments if holds_blood(each)}
    missing = [name for name in before if name not in volumes]
    if missing:
        raise VariantError("volumes to restart from are missing", where=old.name, value=", ".join(missing))
    filled = {name: volumes[name] for name in after if name in before}
    if not filled:
        raise VariantError("the two circulations have no compartment in common", where=new.name)
    for name in before:
        if name not in after:
            for heir, share in _heirs(old, name, after).items():
                filled[heir] += share * volumes[name]
    for name, compartment in after.items():
        if name not in before:
            filled[name] = compartment.volume or _parameter(compartment, "unstressed_volume", 0.0)
    total = math.fsum(volumes[name] for name in before)
    _settle(after, [name for name in after if name in before], filled, total, new.name)
    return filled


def _heirs(circulation: Circulation, name: str, after: Mapping[str, Compartment]) -> dict[str, float]:
    """Shares of the blood of a compartment that is gone, among the nearest that stay."""
    before = {each.name: each for each in circulation.compartments}
    reached, front = {name}, {name}
    while front:
        ends = [(each.source, each.target) for each in circulation.connections]
        front = {b for pair in ends for a, b in (pair, pair[::-1]) if a in front and b in before} - reached
        reached |= front
        heirs = [each for each in front if each in after and holds_blood(before[each])]
        if heirs:
            weights = {each: compliance(before[each]) for each in sorted(heirs)}
            return {each: weight / sum(weights.values()) for each, weight in weights.items()}
    everywhere = {each: compliance(after[each]) for each in after if each in before}
    return {each: weight / sum(everywhere.values()) for each, weight in everywhere.items()}


def _settle(
    after: Mapping[str, Compartment], stay: list[str], filled: dict[str, float], total: float, where: str
) -> None:
    """Let the most compliant vessels that stay pay the difference, in place."""
    donors = (
        sorted(
            (name for name in stay if after[name].kind not in CHAMBERS),
            key=lambda name: compliance(after[name]),
            reverse=True,
        )
        or stay
    )
    debt = math.fsum(filled.values()) - total
    for name in donors:
        paid = min(debt, max(filled[name], 0.0)) if debt > 0.0 else debt
        filled[name] -= paid
        debt = math.fsum(filled.values()) - total
        if abs(debt) <= 1e-15 * abs(total):
            return
    raise VariantError(
        "there is not enough blood to fill what is new",
        where=where,
        value=f"{1e6 * debt:.3g} mL are missing",
        remedy="give the new compartments a smaller volume",
    )


def compliance(compartment: Compartment) -> float:
    """dV/dp of a compartment at rest and at its unstressed volume [m³/Pa]."""
    if compartment.kind == "vessel":
        return _parameter(compartment, "compliance", 0.0)
    if compartment.kind == "fibre_chamber":
        # p = (1/3) ln(1 + Vw/V) s c (l - 1) and dl/dV = 1 / (Vw + 3 V) about the unstressed volume V, where l = 1.
        V0, Vw = (
            _parameter(compartment, "unstressed_volume", 0.0),
            _parameter(compartment, "wall_volume", 0.0),
        )
        stiffness = _parameter(compartment, "passive_stress", 0.0) * _parameter(
            compartment, "passive_exponent", 0.0
        )
        return 3.0 * (Vw + 3.0 * V0) / (stiffness * math.log1p(Vw / V0))
    slope = "elastance" if compartment.kind == "stiffening_vessel" else "diastolic_elastance"
    return 1.0 / _parameter(compartment, slope, math.inf)


def _parameter(compartment: Compartment, name: str, otherwise: float) -> float:
    """A parameter with its default [SI]."""
    return COMPARTMENTS[compartment.kind].complete(compartment.parameters).get(name, otherwise)
