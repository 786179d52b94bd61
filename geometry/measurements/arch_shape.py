"""The shape of an aortic arch: height over width, and the angle between its limbs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.centerlines.centerline import Line
from hemoplan.errors import SurfaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchShape:
    """Height and width of an arch above a level.

    A high ratio belongs to an angular (gothic) arch, a low one to a square (crenel) arch, and between them is the round
    (romanesque) one; half a circle has 0.5. The three kinds are told by eye and readers disagree (Congenit Heart Dis
    2007;2:410-415, doi:10.1111/j.1747-0803.2007.00133.x), so no kind is named here.

    Attributes:
        level: Height of the horizontal plane that both limbs are met in, RAS z [m].
        width: T, distance of the centreline's two crossings of the level [m].
        height: A, of the highest centreline point above the level [m].
        ratio: A / T.
        apex_angle: Angle at the highest point between the lines to the two crossings [rad]: a right angle for half a
            circle, less for a gothic arch.
    """

    level: float
    width: float
    height: float
    ratio: float
    apex_angle: float


def measure_arch_shape(line: Line, *, level: float | None = None) -> ArchShape:
    """Height, width and angle of the arch that a way along the aorta makes.

    Args:
        line: The way from the ascending to the descending aorta.
        level: Height of the level, RAS z [m]; if absent, half-way between the inlet and the top of the arch. Ratios can
            only be compared between arches that were cut at the same level.

    Raises:
        SurfaceError: One of the limbs does not reach the level.
    """
    heights = line.points[:, 2]
    top = int(heights.argmax())
    plane = 0.5 * float(heights[0] + heights[top]) if level is None else level
    up, down = heights[: top + 1], heights[top:]
    if not (up[0] <= plane < heights[top] and down.min() <= plane):
        raise SurfaceError(
            "the arch does not reach down to the level on both sides",
            where="arch shape",
            value=f"z = {1e3 * plane:.1f} mm",
            expected=f"a level between {1e3 * max(up[0], down.min()):.1f} and {1e3 * heights[top]:.1f} mm",
            remedy="choose a higher level, or keep more of the ascending and descending aorta in the model",
        )
    rising = top - int(np.argmax(up[::-1] <= plane))
    falling = top + int(np.argmax(down <= plane))
    crossings = []
    for below, above in ((rising, rising + 1), (falling, falling - 1)):
        share = (plane - heights[below]) / (heights[above] - heights[below])
        crossings.append(line.points[below] + share * (line.points[above] - line.points[below]))
    apex = line.points[top]
    one, other = crossings[0] - apex, crossings[1] - apex
    width = float(np.linalg.norm(crossings[1] - crossings[0]))
    height = float(heights[top] - plane)
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return ArchShape(
        level=plane,
        width=width,
        height=height,
        ratio=height / width,
        apex_angle=float(np.arccos(np.clip(cosine, -1.0, 1.0))),
    )
