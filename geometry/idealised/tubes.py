"""Single vessels: straight, narrowed, bent, widened."""

from __future__ import annotations

import numpy as np

from geometry.idealised.anatomy import Anatomy, Branch, open_end
from geometry.idealised.family import Angle, Diameter, Factor, Length, Severity, family
from geometry.idealised.vessel import assemble, vessel
from hemoplan.errors import CaseError
from hemoplan.patch import Role

NEWBORN_AORTA = 7.0e-3
"""Descending aorta of a term newborn of 3.5 kg, see `geometry.idealised.allometry` [m]."""


@family
def straight_tube(*, diameter: Diameter = NEWBORN_AORTA, length: Length = 40e-3) -> Anatomy:
    """A straight tube along z, from the inlet at the origin to the outlet.

    Args:
        diameter: Diameter.
        length: Length between the openings.
    """
    return _single("straight_tube", vessel("vessel", [[0, 0, 0], [0, 0, length]], diameter))


@family
def stenosed_tube(
    *,
    diameter: Diameter = NEWBORN_AORTA,
    length: Length = 40e-3,
    severity: Severity = 0.5,
    stenosis_length: Length = 8e-3,
) -> Anatomy:
    """A straight tube along z that narrows smoothly in its middle.

    Args:
        diameter: Diameter outside of the narrowing.
        length: Length between the openings.
        severity: Part of the diameter that is lost in the throat.
        stenosis_length: Length of the narrowing, from full diameter to full diameter.
    """
    if stenosis_length > 0.9 * length:
        raise CaseError(
            "the narrowing does not fit into the tube",
            where="stenosed_tube.stenosis_length",
            value=f"{1e3 * stenosis_length:.1f} mm",
            expected=f"at most {900.0 * length:.1f} mm, nine tenths of the length",
        )
    around = _narrowing(diameter, severity, 0.5 * length, stenosis_length)
    return _single("stenosed_tube", vessel("vessel", [[0, 0, 0], [0, 0, length]], around))


@family
def bend(
    *,
    diameter: Diameter = NEWBORN_AORTA,
    bend_radius: Length = 12e-3,
    angle: Angle = np.pi / 2,
    ends: Length = 10e-3,
) -> Anatomy:
    """A tube that runs up along z, turns by an angle towards -y (to the back), and runs on straight.

    Args:
        diameter: Diameter.
        bend_radius: Radius of the centreline's arc.
        angle: By how much the tube turns.
        ends: Length of the straight pieces before and behind the arc.
    """
    if bend_radius < 0.6 * diameter:
        raise CaseError(
            "the tube cannot turn so sharply",
            where="bend.bend_radius",
            value=f"{1e3 * bend_radius:.1f} mm",
            expected=f"at least {600.0 * diameter:.1f} mm, 0.6 diameters",
        )
    turn = np.linspace(0.0, angle, max(round(angle / 0.06), 8) + 1)
    arc = bend_radius * np.column_stack([np.zeros_like(turn), np.cos(turn) - 1.0, np.sin(turn)])
    # Points of the straight pieces beside the arc keep the spline from swinging.
    steps = np.linspace(0.0, 1.0, max(round(ends / (0.06 * bend_radius)), 4) + 1)[:, None]
    before = (steps - 1.0) * [0.0, 0.0, ends]
    behind = arc[-1] + steps * ends * [0.0, -np.sin(angle), np.cos(angle)]
    return _single("bend", vessel("vessel", np.vstack([before, arc[1:], behind[1:]]), diameter))


@family
def aneurysm(
    *,
    diameter: Diameter = NEWBORN_AORTA,
    length: Length = 40e-3,
    dilation: Factor = 2.0,
    aneurysm_length: Length = 18e-3,
) -> Anatomy:
    """A straight tube along z with a spindle-shaped aneurysm in its middle.

    Args:
        diameter: Diameter outside of the aneurysm.
        length: Length between the openings.
        dilation: Largest diameter over the diameter outside.
        aneurysm_length: Length of the wide part.
    """
    if aneurysm_length > 0.9 * length:
        raise CaseError(
            "the aneurysm does not fit into the tube",
            where="aneurysm.aneurysm_length",
            value=f"{1e3 * aneurysm_length:.1f} mm",
            expected=f"at most {900.0 * length:.1f} mm, nine tenths of the length",
        )
    around = _narrowing(diameter, 1.0 - dilation, 0.5 * length, aneurysm_length)
    return _single("aneurysm", vessel("vessel", [[0, 0, 0], [0, 0, length]], around))


@family
def saccular_aneurysm(
    *,
    diameter: Diameter = NEWBORN_AORTA,
    length: Length = 40e-3,
    sac_diameter: Diameter = 8e-3,
    neck_diameter: Diameter = 4e-3,
) -> Anatomy:
    """A straight tube along z with a round sac on a neck at its side, in the middle, towards +y (to the front).

    Args:
        diameter: Diameter of the tube.
        length: Length between the openings.
        sac_diameter: Diameter of the sac.
        neck_diameter: Diameter of the neck.
    """
    if not neck_diameter < min(sac_diameter, diameter):
        raise CaseError(
            "the neck is wider than the sac or the tube",
            where="saccular_aneurysm.neck_diameter",
            value=f"{1e3 * neck_diameter:.1f} mm",
            expected=f"less than {1e3 * min(sac_diameter, diameter):.1f} mm",
        )
    tube = vessel("vessel", [[0, 0, 0], [0, 0, length]], diameter)
    height = 0.5 * diameter + 0.25 * neck_diameter
    middle = height + 0.5 * sac_diameter
    sac = vessel(
        "sac",
        [[0, middle, 0.5 * length]],
        {0.0: neck_diameter, height: neck_diameter, middle: sac_diameter},
        start=(tube, 0.5 * length),
    )
    openings = (open_end(tube, "inlet", Role.INLET, first=True), open_end(tube, "outlet", Role.OUTLET))
    return assemble("saccular_aneurysm", (tube, sac), openings)


def _single(name: str, tube: Branch) -> Anatomy:
    openings = (open_end(tube, "inlet", Role.INLET, first=True), open_end(tube, "outlet", Role.OUTLET))
    return assemble(name, (tube,), openings)


def _narrowing(diameter: float, severity: float, middle: float, length: float) -> dict[float, float]:
    """Diameters by arc length: a cosine-shaped loss of a part of the diameter (a gain where the part is negative)."""
    share = np.linspace(-1.0, 1.0, 17)
    loss = severity * 0.5 * (1.0 + np.cos(np.pi * share))
    return {
        float(middle + 0.5 * length * at): float(diameter * (1.0 - part))
        for at, part in zip(share, loss, strict=True)
    }
