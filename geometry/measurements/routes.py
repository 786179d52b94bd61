"""Ways along the centreline between two openings, what vessels they are, and where a vessel leaves another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.spatial import cKDTree

from geometry.centerlines.centerline import Centerline, Line
from hemoplan.arrays import FloatArray

_SHARED = 0.25
"""Two lines run in common where they are closer than this share of the radius."""

VESSELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ascending_aorta": ("ascending_aorta", "aorta", "aortic_root", "aortic_valve", "ascending", "aao"),
        "brachiocephalic": (
            "brachiocephalic",
            "brachiocephalic_artery",
            "brachiocephalic_trunk",
            "innominate",
            "innominate_artery",
        ),
        "left_carotid": ("left_carotid", "left_common_carotid", "left_carotid_artery", "lcca"),
        "left_subclavian": ("left_subclavian", "left_subclavian_artery", "lsa"),
        "descending_aorta": ("descending_aorta", "descending", "thoracic_aorta", "dao"),
        "duct": ("duct", "ductus", "ductus_arteriosus", "arterial_duct", "pda"),
        "main_pulmonary_artery": (
            "main_pulmonary_artery",
            "pulmonary_artery",
            "pulmonary_trunk",
            "pulmonary_valve",
            "mpa",
        ),
        "right_pulmonary_artery": ("right_pulmonary_artery", "right_pulmonary", "rpa"),
        "left_pulmonary_artery": ("left_pulmonary_artery", "left_pulmonary", "lpa"),
    }
)
"""What an opening may be called, for each vessel that stations are defined on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Where a vessel leaves another.

    Attributes:
        name: The opening that the leaving vessel goes to.
        arc: Arc length on the other vessel's route, at the middle of the ostium [m].
        begin, end: Arc lengths of the ostium's two lips on that route [m].
        own: Arc length on the leaving vessel's own route at which it is out of the other's lumen [m].
    """

    name: str
    arc: float
    begin: float
    end: float
    own: float


def find_opening(vessel: str, openings: Iterable[str]) -> str | None:
    """The opening that is named like a vessel, capitals and blanks aside; None if there is none."""
    folded = {name.lower().replace(" ", "_").replace("-", "_"): name for name in openings}
    return next((folded[alias] for alias in VESSELS[vessel] if alias in folded), None)


def route(centerline: Centerline, inlet: str, start: str, end: str) -> Line:
    """The way from one opening to another along the centreline.

    From the inlet it is the outlet's own line; between two outlets it runs up one line to where the two part, and down
    the other.

    Args:
        centerline: Lines from the inlet.
        inlet: Name of the opening that all lines begin at.
        start, end: Names of openings.

    Raises:
        SurfaceError: No line ends at one of the openings.
    """
    if start == inlet:
        return centerline.branch(end)
    back = centerline.branch(start)
    if end == inlet:
        return Line(outlet=end, points=back.points[::-1], radius=back.radius[::-1])
    forth = centerline.branch(end)
    gaps, _ = cKDTree(forth.points).query(back.points)
    apart = np.flatnonzero(gaps > _SHARED * back.radius)
    turn = int(apart[0]) if apart.size else len(back.points) - 1
    onward = int(np.linalg.norm(forth.points - back.points[turn], axis=1).argmin())
    return Line(
        outlet=end,
        points=np.vstack([back.points[:turn:-1], forth.points[onward:]]),
        radius=np.concatenate([back.radius[:turn:-1], forth.radius[onward:]]),
    )


def leave(main: Line, branch: Line) -> Leaving | None:
    """Where a vessel is first out of another's lumen: farther from its line than the inscribed radius.

    The ostium's lips lie one radius of the leaving vessel to both sides of its middle.

    Returns:
        None where the branch never leaves.
    """
    gaps, feet = cKDTree(main.points).query(branch.points)
    outside = np.flatnonzero(gaps > main.radius[feet])
    if not outside.size:
        return None
    first = int(outside[0])
    own, along = branch.arc, main.arc
    near = (own >= own[first]) & (own <= own[first] + 2.0 * branch.radius[first])
    width = float(branch.radius[near].min())
    middle = float(along[feet[first]])
    return Leaving(
        name=branch.outlet, arc=middle, begin=middle - width, end=middle + width, own=float(own[first])
    )


def at_arc(line: Line, arc: float) -> tuple[FloatArray, FloatArray, float]:
    """(3,) point, (3,) unit tangent and inscribed radius at an arc length of a line [m]."""
    along = line.arc
    point = np.array([np.interp(arc, along, column) for column in line.points.T])
    tangent = np.array([np.interp(arc, along, column) for column in line.tangents.T])
    return point, tangent / np.linalg.norm(tangent), float(np.interp(arc, along, line.radius))
