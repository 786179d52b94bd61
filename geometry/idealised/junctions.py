"""Forks and surgical connections: bifurcation, modified Blalock–Taussig shunt, total cavopulmonary connection."""

from __future__ import annotations

import numpy as np

from geometry.idealised.allometry import length_scale, normal_diameter
from geometry.idealised.anatomy import Anatomy, open_end
from geometry.idealised.family import Angle, Diameter, Factor, Length, Offset, Weight, family
from geometry.idealised.vessel import assemble, vessel
from hemoplan.errors import CaseError
from hemoplan.patch import Role

MM = 1.0e-3


@family
def bifurcation(
    *,
    diameter: Diameter = 6e-3,
    angle: Angle = np.pi / 3,
    asymmetry: Factor = 1.0,
    length: Length = 16e-3,
) -> Anatomy:
    """A tube along z that forks in the xz plane; the cubes of the diameters add up (Murray's law).

    C. D. Murray, 1926: d0³ = d1³ + d2³, the least work to pump and to keep blood.

    Args:
        diameter: Diameter of the parent.
        angle: Angle between the daughters.
        asymmetry: Diameter of the larger daughter (to the left) over the smaller one's.
        length: Length of each of the three vessels, from the fork.
    """
    small = diameter / (1.0 + asymmetry**3) ** (1.0 / 3.0)
    parent = vessel("parent", [[0, 0, -length], [0, 0, 0]], diameter)
    daughters = [parent]
    for name, sign, width in (("left", -1.0, asymmetry * small), ("right", 1.0, small)):
        # The daughters bend smoothly out of the parent's axis.
        reach = np.array([0.25, 0.5, 1.0])[:, None] * length
        turn = 0.5 * angle * np.array([0.7, 0.9, 1.0])[:, None]
        points = reach * np.hstack([sign * np.sin(turn), np.zeros_like(turn), np.cos(turn)])
        daughters.append(vessel(name, points, width, start=(parent, parent.length)))
    openings = (
        open_end(parent, "inlet", Role.INLET, first=True),
        *(open_end(daughter, daughter.name, Role.OUTLET) for daughter in daughters[1:]),
    )
    return assemble("bifurcation", daughters, openings)


@family
def blalock_taussig_shunt(
    *, weight: Weight = 3.5, shunt_diameter: Diameter = 3.5e-3, shunt_length: Length = 20e-3
) -> Anatomy:
    """A modified Blalock–Taussig shunt from the brachiocephalic to the right pulmonary artery.

    A tube graft, 3 to 4 mm wide in newborns, leaves the lower side of the brachiocephalic artery near its fork and ends
    on the upper side of the right pulmonary artery. The pulmonary branches are joined and have no other inflow.

    Args:
        weight: Body weight; diameters of the arteries are the norms for it.
        shunt_diameter: Inner diameter of the graft.
        shunt_length: Length of the graft between the walls of the two arteries.
    """
    scale = length_scale(weight)
    artery = normal_diameter("brachiocephalic", weight)
    branch = normal_diameter("right_pulmonary_artery", weight)
    if not shunt_diameter < 1.05 * artery:
        raise CaseError(
            "the graft is wider than the artery that it leaves",
            where="blalock_taussig_shunt.shunt_diameter",
            value=f"{1e3 * shunt_diameter:.1f} mm",
            expected=f"at most {1e3 * artery:.1f} mm, the brachiocephalic artery at this weight",
        )
    # The pulmonary branches run from right (x > 0) to left; the graft comes down from above.
    unit = MM * scale
    lungs = vessel(
        "pulmonary_arteries",
        unit * np.array([[16.0, -3.0, -2.0], [8.0, 0.0, 0.0], [-8.0, 0.0, 0.0], [-16.0, -3.0, 0.0]]),
        branch,
    )
    low = np.array([5.6 * unit, 0.0, 0.0])
    top = low + [0.0, 0.0, shunt_length + 0.5 * branch + 0.5 * artery]
    course = unit * np.array([[-14.6, 3.0, -8.0], [-5.6, 1.0, -1.5], [0.0, 0.0, 0.0], [5.0, 0.0, 1.5]])
    trunk = vessel("brachiocephalic", top + course, artery)
    # A slight bow to the right, as the graft passes beside the upper caval vein.
    bow = shunt_length * np.array([[0.0, 0, 0], [0.08, 0, 0], [0.12, 0, 0], [0.08, 0, 0], [0.0, 0, 0]])
    share = np.linspace(0.0, 1.0, 5)[:, None]
    graft = vessel("shunt", (1.0 - share) * top + share * low + bow, shunt_diameter)
    fork = trunk.centreline[-1]
    forks = []
    for name, reach in (
        ("right_subclavian", [[5.0, -0.5, 0.8], [14.0, -1.0, -1.0]]),
        ("right_carotid", [[1.5, 0.3, 5.0], [2.0, 0.5, 14.0]]),
    ):
        points = fork + unit * np.array(reach)
        forks.append(vessel(name, points, normal_diameter(name, weight), start=(trunk, trunk.length)))
    openings = (
        open_end(trunk, "brachiocephalic", Role.INLET, first=True),
        *(open_end(artery_of, artery_of.name, Role.OUTLET) for artery_of in forks),
        open_end(lungs, "right_pulmonary_artery", Role.OUTLET, first=True),
        open_end(lungs, "left_pulmonary_artery", Role.OUTLET),
    )
    return assemble("blalock_taussig_shunt", (trunk, *forks, graft, lungs), openings)


@family
def cavopulmonary_connection(
    *,
    weight: Weight = 14.0,
    conduit_diameter: Diameter = 18e-3,
    offset: Offset = 8e-3,
    flare: Factor = 1.0,
) -> Anatomy:
    """A total cavopulmonary connection with an extracardiac conduit (Fontan completion at 2 to 4 years).

    Conduits of 16 to 20 mm are usual at 12 to 15 kg (Cho et al., Eur J Cardiothorac Surg 2018;53:269–275,
    doi:10.1093/ejcts/ezx238).

    Args:
        weight: Body weight; caval veins and pulmonary branches have the diameters for it.
        conduit_diameter: Inner diameter of the conduit.
        offset: How far the conduit's axis lies to the left of the upper caval vein's; negative: to the right.
        flare: Diameter of the conduit at the pulmonary arteries over its own.
    """
    scale = length_scale(weight)
    upper = normal_diameter("superior_vena_cava", weight)
    right, left = (normal_diameter(f"{side}_pulmonary_artery", weight) for side in ("right", "left"))
    unit = MM * scale
    reach = 19.0 * unit + 0.5 * abs(offset)
    back = -3.5 * unit
    course = np.array(
        [
            [reach, back, -4 * unit],
            [0.5 * reach, 0.0, -0.5 * unit],
            [0.0, 0.0, 0.0],
            [-0.5 * reach, 0.0, 0.0],
            [-reach, back, 0.0],
        ]
    )
    lungs = vessel("pulmonary_arteries", course, {0.6 * reach: right, 1.4 * reach: left})
    shift = 0.5 * offset
    # Wider than the pulmonary arteries, a vein ends so far outside of them that its round end just fills them.
    foot = 0.5 * max(upper - right, 0.0)
    cava = vessel(
        "superior_vena_cava",
        [[shift, 0, 22 * unit], [shift, 0, 0.5 * (22 * unit + foot)], [shift, 0, foot]],
        upper,
    )
    wide = flare * conduit_diameter
    depth = 24 * unit + 0.5 * conduit_diameter
    head = -0.5 * max(wide - left, 0.0)
    low, middle, high = -depth, 0.5 * (head - depth), head
    conduit = vessel(
        "conduit",
        np.array(
            [[2 * unit - shift, 2 * unit, low], [0.3 * unit - shift, 0.3 * unit, middle], [-shift, 0.0, high]]
        ),
        {0.0: conduit_diameter, 0.5 * depth: conduit_diameter, depth + head: wide},
    )
    openings = (
        open_end(conduit, "inferior_vena_cava", Role.INLET, first=True),
        open_end(cava, "superior_vena_cava", Role.INLET, first=True),
        open_end(lungs, "right_pulmonary_artery", Role.OUTLET, first=True),
        open_end(lungs, "left_pulmonary_artery", Role.OUTLET),
    )
    return assemble("cavopulmonary_connection", (conduit, cava, lungs), openings, blend=2.0e-3)
