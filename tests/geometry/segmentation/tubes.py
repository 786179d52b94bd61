"""Scans of tubes for the tests of the segmentation."""

from collections.abc import Sequence

import numpy as np

from geometry.idealised.anatomy import Anatomy, Branch, Neighbour
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image

MM = 1.0e-3
BOX = np.array([[-10.0, -10.0, -14.0], [14.0, 10.0, 14.0]])
SEED = (0.0, 0.0, -10 * MM)


def tube(
    name: str,
    points: Sequence[Sequence[float]],
    radii: Sequence[float],
    stations: Sequence[float] | None = None,
    parent: str = "",
) -> Branch:
    """A tube through points, with radii at stations; all in mm."""
    places = np.linspace(0.0, 1.0, len(radii)) if stations is None else np.array(stations, dtype=np.float64)
    return Branch(
        name=name,
        control_points=MM * np.array(points, dtype=np.float64),
        stations=MM * places,
        station_radii=MM * np.array(radii, dtype=np.float64),
        parent=parent,
    )


def vertical(name: str, x: float, radius: float) -> Branch:
    """A straight tube along z, in mm."""
    return tube(name, [[x, 0.0, -25.0], [x, 0.0, 25.0]], [radius, radius])


def crossing(name: str, x: float, radius: float) -> Branch:
    """A straight tube along y, in mm."""
    return tube(name, [[x, -25.0, 0.0], [x, 25.0, 0.0]], [radius, radius])


def anatomy_of(*branches: Branch, beside: Sequence[tuple[Branch, float]] = ()) -> Anatomy:
    """Tubes of 300 HU in tissue of 40 HU, beside others of any brightness."""
    return Anatomy(
        name="tubes",
        branches=branches,
        neighbours=tuple(Neighbour(tube=each, intensity=intensity) for each, intensity in beside),
        field_of_view=MM * BOX,
        blood=300.0,
        background=40.0,
    )


def scan_of(anatomy: Anatomy, *, spacing: float = 0.4, noise: float = 20.0, blur: float = 0.35) -> Image:
    """A scan; lengths in mm."""
    return voxelise(anatomy, spacing * MM, noise=noise, blur=blur * MM)
