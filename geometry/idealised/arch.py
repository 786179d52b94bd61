"""The aortic arch of a child: normal, with a coarctation, with a duct and the pulmonary arteries."""

from __future__ import annotations

import numpy as np

from geometry.idealised.allometry import length_scale, normal_diameter
from geometry.idealised.anatomy import Anatomy, Branch, KnownOpening, open_end
from geometry.idealised.family import Diameter, Factor, Length, Severity, Weight, family
from geometry.idealised.pulmonary import pulmonary_tree
from geometry.idealised.vessel import assemble, vessel
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role

MM = 1.0e-3
AORTA = MM * np.array(
    [
        [4.6, 6.2, -12.0],  # sinotubular junction
        [5.6, 7.6, -5.0],
        [5.6, 7.6, 2.0],
        [3.6, 5.0, 8.5],
        [0.2, 0.4, 11.5],  # top of the arch
        [-2.8, -4.2, 10.5],
        [-5.0, -7.6, 6.0],  # isthmus
        [-5.8, -8.9, 0.0],
        [-5.8, -9.1, -7.0],
        [-5.5, -8.9, -15.0],
        [-5.2, -8.5, -26.0],
    ]
)
"""(11, 3) centreline of the arch of a newborn of 3.4 kg [m]: oblique, from right and front to left and back."""
ISTHMUS = 38.5 * MM
"""Arc length of the middle of the isthmus on it [m]."""
HEAD_VESSELS = {
    "brachiocephalic": (20.8 * MM, MM * np.array([[4.9, 5.4, 14.0], [6.6, 5.2, 20.0], [7.6, 4.9, 30.0]])),
    "left_carotid": (27.6 * MM, MM * np.array([[-0.2, 0.9, 17.0], [-0.6, 1.6, 23.0], [-0.6, 1.8, 30.0]])),
    "left_subclavian": (
        32.4 * MM,
        MM * np.array([[-3.4, -4.2, 16.0], [-5.2, -4.6, 22.0], [-7.0, -5.0, 30.0]]),
    ),
}
"""Where each leaves the arch (arc length), and (3, 3) points of its centreline [m]."""


@family
def aortic_arch(*, weight: Weight = 3.5) -> Anatomy:
    """A normal left arch with three head vessels, from the sinotubular junction to the diaphragm.

    Args:
        weight: Body weight; all diameters are the norms for it.
    """
    aorta, branches = _arch(weight, {ISTHMUS / MM: normal_diameter("isthmus", weight)})
    return assemble("aortic_arch", (aorta, *branches), _openings(aorta, branches))


@family
def coarctation(
    *,
    weight: Weight = 3.5,
    severity: Severity = 0.6,
    throat_length: Length = 4e-3,
    arch_severity: Severity = 0.0,
    dilation: Factor = 1.1,
) -> Anatomy:
    """An arch with a discrete coarctation at the isthmus.

    Args:
        weight: Body weight; all diameters but the narrow ones are the norms for it.
        severity: Part of the isthmus's normal diameter that is lost in the throat.
        throat_length: Length of the narrowing, from full diameter to full diameter.
        arch_severity: Part of the transverse arch's and isthmus's normal diameter that is lost (tubular hypoplasia).
        dilation: Diameter behind the throat over the descending aorta's (post-stenotic dilation).
    """
    isthmus = normal_diameter("isthmus", weight)
    narrow = isthmus * (1.0 - arch_severity)
    descending = normal_diameter("descending_aorta", weight)
    half = 0.5 * throat_length / length_scale(weight) / MM
    middle = ISTHMUS / MM
    throat = {
        middle - half: narrow,
        middle: isthmus * (1.0 - max(severity, arch_severity)),
        middle + half: 0.5 * (isthmus + descending),
        middle + half + 4.0: dilation * descending,
    }
    aorta, branches = _arch(weight, throat, arch_share=1.0 - arch_severity)
    return assemble("coarctation", (aorta, *branches), _openings(aorta, branches))


@family
def arch_with_duct(
    *,
    weight: Weight = 3.5,
    duct_diameter: Diameter = 3e-3,
    ampulla: Factor = 1.4,
    isthmus_severity: Severity = 0.0,
) -> Anatomy:
    """An arch, the pulmonary trunk with its branches, and an open duct from the trunk to the descending aorta.

    Args:
        weight: Body weight; all diameters but the duct's are the norms for it.
        duct_diameter: Narrowest diameter of the duct, at its pulmonary end.
        ampulla: Diameter of the duct's aortic end over its narrowest.
        isthmus_severity: Part of the isthmus's normal diameter that is lost.
    """
    isthmus = normal_diameter("isthmus", weight) * (1.0 - isthmus_severity)
    aorta, heads = _arch(weight, {ISTHMUS / MM: isthmus})
    trunk, right, left, outlets = pulmonary_tree(weight)
    scale = length_scale(weight)
    points = scale * MM * np.array([[-6.3, 2.2, 3.6], [-6.6, -3.2, 4.6], [-6.1, -6.0, 2.6]])
    end = aorta.point(min(45.0 * MM * scale, aorta.length))
    curve = np.vstack([trunk.centreline[-1], points, end])
    length = float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())
    wide = min(ampulla * duct_diameter, 0.95 * normal_diameter("descending_aorta", weight))
    duct = vessel("duct", curve, {0.35 * length: duct_diameter, 0.8 * length: wide})
    pulmonary = (open_end(trunk, "pulmonary_trunk", Role.INLET, first=True), *outlets)
    branches = (aorta, *heads, trunk, right, left, duct)
    return assemble("arch_with_duct", branches, (*_openings(aorta, heads), *pulmonary))


def _arch(
    weight: float, isthmus: dict[float, float], *, arch_share: float = 1.0
) -> tuple[Branch, tuple[Branch, ...]]:
    """Aorta and head vessels of a weight; diameters at the isthmus by arc length of the newborn's arch [mm]."""
    scale = length_scale(weight)
    ascending, proximal, distal, descending = (
        normal_diameter(name, weight)
        for name in ("ascending_aorta", "proximal_arch", "distal_arch", "descending_aorta")
    )
    first = min(isthmus)
    by_arc = {
        0.0: ascending,
        15.0: ascending,
        24.2: arch_share * proximal,
        min(30.0, first - 1.0): arch_share * distal,
        **isthmus,
        max(50.0, max(isthmus) + 2.0): descending,
    }
    aorta = vessel("aorta", scale * AORTA, {scale * MM * at: diameter for at, diameter in by_arc.items()})
    heads = tuple(
        _head_vessel(name, at, points, aorta, weight) for name, (at, points) in HEAD_VESSELS.items()
    )
    return aorta, heads


def _head_vessel(name: str, at: float, points: FloatArray, aorta: Branch, weight: float) -> Branch:
    scale = length_scale(weight)
    diameter = min(normal_diameter(name, weight), 1.8 * float(aorta.radius(scale * at)))
    return vessel(name, scale * points, diameter, start=(aorta, scale * at))


def _openings(aorta: Branch, heads: tuple[Branch, ...]) -> tuple[KnownOpening, ...]:
    return (
        open_end(aorta, "ascending_aorta", Role.INLET, first=True),
        *(open_end(branch, branch.name, Role.OUTLET) for branch in heads),
        open_end(aorta, "descending_aorta", Role.OUTLET),
    )
