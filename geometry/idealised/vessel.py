"""Vessels from points and diameters: how branches are made in code and from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geometry.idealised.anatomy import BLEND_WIDTH, Anatomy, Branch, KnownOpening
from hemoplan.arrays import FloatArray

BLOOD = 300.0
"""CT intensity of a lumen filled with contrast, where nothing else is said [HU]."""
BACKGROUND = 40.0
"""CT intensity of soft tissue [HU]."""
MARGIN = 4.0e-3
"""Tissue around the vessels that a scan shows, where nothing else is said [m]."""


def vessel(
    name: str,
    points: Sequence[Sequence[float]] | FloatArray,
    diameters: float | Mapping[float, float],
    *,
    start: tuple[Branch, float] | None = None,
) -> Branch:
    """A tube through points.

    Args:
        name: Name of the vessel.
        points: (n, 3) points of the centreline [m]; n >= 2, or n >= 1 with `start`.
        diameters: Diameter [m], the same everywhere or by arc length [m].
        start: The vessel that this one leaves, and at which arc length of its centreline [m].
    """
    curve = np.asarray(points, dtype=np.float64)
    if start is not None:
        curve = np.vstack([start[0].point(start[1]), curve])
    by_arc = diameters if isinstance(diameters, Mapping) else {0.0: diameters}
    stations = sorted(by_arc)
    radii = [0.5 * by_arc[at] for at in stations]
    if len(stations) == 1:
        # One diameter for the whole length: the interpolation wants two stations.
        stations, radii = [stations[0], stations[0] + 1.0e-3], [radii[0], radii[0]]
    return Branch(
        name=name,
        control_points=curve,
        stations=np.array(stations),
        station_radii=np.array(radii),
        parent=start[0].name if start is not None else "",
    )


def assemble(
    name: str,
    branches: Sequence[Branch],
    openings: Sequence[KnownOpening],
    *,
    blend: float = BLEND_WIDTH,
) -> Anatomy:
    """An anatomy of branches alone, in a field of view that shows all of them with a margin."""
    spheres = [branch.spheres() for branch in branches]
    lower = np.min([(centres - radii[:, None]).min(axis=0) for centres, radii in spheres], axis=0)
    upper = np.max([(centres + radii[:, None]).max(axis=0) for centres, radii in spheres], axis=0)
    return Anatomy(
        name=name,
        branches=tuple(branches),
        field_of_view=np.array([lower - MARGIN, upper + MARGIN]),
        blood=BLOOD,
        background=BACKGROUND,
        openings=tuple(openings),
        blend=blend,
    )
