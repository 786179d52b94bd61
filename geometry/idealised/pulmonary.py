"""Pulmonary arteries: the trunk and its two branches, also narrowed."""

from __future__ import annotations

import numpy as np

from geometry.idealised.allometry import length_scale, normal_diameter
from geometry.idealised.anatomy import Anatomy, Branch, KnownOpening, open_end
from geometry.idealised.family import Severity, Weight, family
from geometry.idealised.vessel import assemble, vessel
from hemoplan.patch import Role

MM = 1.0e-3
TRUNK = MM * np.array([[-4.4, 15.5, -13.0], [-5.4, 12.4, -7.5], [-5.2, 7.8, -3.2], [-4.2, 4.0, -1.5]])
"""(4, 3) centreline of the trunk of a newborn of 3.4 kg, from the valve to the fork [m]."""
RIGHT = MM * np.array([[0.5, 0.4, -2.2], [6.5, -1.2, -2.6], [13.0, -1.0, -3.4], [20.0, -1.6, -5.0]])
"""(4, 3) the right branch, behind the ascending aorta [m]."""
LEFT = MM * np.array([[-7.5, 0.8, -0.6], [-11.5, -2.6, -0.6], [-16.5, -6.5, -2.6]])
"""(3, 3) the left branch, in front of the descending aorta [m]."""


@family
def pulmonary_arteries(
    *,
    weight: Weight = 3.5,
    trunk_severity: Severity = 0.0,
    right_severity: Severity = 0.0,
    left_severity: Severity = 0.0,
) -> Anatomy:
    """The pulmonary trunk with its right and left branch, each of which may be narrowed.

    Args:
        weight: Body weight; all diameters but the narrow ones are the norms for it.
        trunk_severity: Part of the trunk's diameter that is lost in its middle (supravalvular stenosis, band).
        right_severity: Part of the right branch's diameter that is lost near its origin.
        left_severity: Part of the left branch's diameter that is lost near its origin.
    """
    trunk, right, left, outlets = pulmonary_tree(weight, trunk_severity, right_severity, left_severity)
    inlet = open_end(trunk, "pulmonary_trunk", Role.INLET, first=True)
    return assemble("pulmonary_arteries", (trunk, right, left), (inlet, *outlets))


def pulmonary_tree(
    weight: float, trunk_severity: float = 0.0, right_severity: float = 0.0, left_severity: float = 0.0
) -> tuple[Branch, Branch, Branch, tuple[KnownOpening, ...]]:
    """Trunk, right and left branch, and the openings of the branches."""
    scale = length_scale(weight)
    wide = normal_diameter("main_pulmonary_artery", weight)
    # The trunk tapers into its fork, so that its round end does not bulge out behind the branches.
    by_arc = {scale * MM * 11.5: wide, scale * MM * 17.0: 0.72 * wide}
    by_arc |= _narrowed(wide, trunk_severity, scale, 6.5, 3.5)
    trunk = vessel("pulmonary_trunk", scale * TRUNK, by_arc)
    branches = []
    for side, points, severity, at in (
        ("right", RIGHT, right_severity, 9.5),
        ("left", LEFT, left_severity, 8.5),
    ):
        name = f"{side}_pulmonary_artery"
        narrowed = _narrowed(normal_diameter(name, weight), severity, scale, at, 2.5)
        branches.append(vessel(name, scale * points, narrowed, start=(trunk, trunk.length)))
    right, left = branches
    outlets = tuple(open_end(branch, branch.name, Role.OUTLET) for branch in branches)
    return trunk, right, left, outlets


def _narrowed(diameter: float, severity: float, scale: float, at: float, half: float) -> dict[float, float]:
    """Diameters by arc length, with a loss in a place given for a newborn [mm]."""
    if severity == 0.0:
        return {0.0: diameter}
    places = {at - half: diameter, at: diameter * (1.0 - severity), at + half: diameter}
    return {scale * MM * place: value for place, value in places.items()}
