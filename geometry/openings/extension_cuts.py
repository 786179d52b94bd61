"""Where vessels ended before they were extended: kept in a file, so that pictures can leave the extensions out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, Vec3
from hemoplan.errors import SurfaceError

BLEND = 1.0
"""Length over which the outline becomes the circle, in diameters."""
CUTS_FILE = "cuts.json"
"""Name of the file of cuts in the folder of a mesh with extensions."""
SLACK = 1.05
"""Points up to this many times as far out as an extension are its own: a remeshed wall is not quite where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The plane in which an extension starts, and how far it goes beyond.

    Attributes:
        centre: Centroid of the opening before it was extended [m].
        normal: Unit normal of its plane, out of the vessel, along the extension.
        length: Length of the extension [m].
        radius: Radius of the circle in which it ends [m].
        reach: Distance of the outline's farthest point from its centre [m].
    """

    centre: Vec3
    normal: Vec3
    length: float
    radius: float
    reach: float


def circle_share(height: FloatArray, *, length: float, diameter: float) -> FloatArray:
    """Share of the circle in a section at a height beyond the outline: 6 t⁵ - 15 t⁴ + 10 t³, t = height / blend.

    The blend is one diameter long, or as long as the extension where this is shorter. The first and second derivatives
    of the share vanish at both ends, so the wall leaves the outline along the normal and runs into the circular tube
    without a crease.
    """
    t = np.clip(height / min(length, BLEND * diameter), 0.0, 1.0)
    return np.asarray(t**3 * (10.0 + t * (6.0 * t - 15.0)))


def hidden(points: FloatArray, cuts: Mapping[str, Cut]) -> NDArray[np.bool_]:
    """Which points belong to an extension: those beyond its cut, within its length and its width.

    Args:
        points: (n, 3) points of a wall, a section or a field [m].
        cuts: Of `geometry.openings.extensions.extend`.

    Returns:
        (n,) True in an extension; points on the plane of the cut stay in sight.
    """
    mask = np.zeros(len(points), dtype=np.bool_)
    for cut in cuts.values():
        from_centre = points - np.array(cut.centre)
        height = from_centre @ np.array(cut.normal)
        aside = np.linalg.norm(from_centre - height[:, None] * np.array(cut.normal), axis=1)
        share = circle_share(height, length=cut.length, diameter=2.0 * cut.radius)
        width = cut.radius + (1.0 - share) * max(cut.reach - cut.radius, 0.0)
        far = cut.length + (SLACK - 1.0) * cut.radius
        mask |= (height > 1.0e-3 * cut.radius) & (height < far) & (aside < SLACK * width)
    return mask


def cuts_of_mesh(folder: Path) -> dict[str, Cut]:
    """The cuts of a mesh: those in `CUTS_FILE` beside it, none where there is no such file.

    Raises:
        SurfaceError: The file is damaged.
    """
    path = folder / CUTS_FILE
    return read_cuts(path) if path.exists() else {}


def write_cuts(path: Path, cuts: Mapping[str, Cut]) -> None:
    """Write cuts as JSON (SI units)."""
    entries = {name: asdict(cut) for name, cut in cuts.items()}
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def read_cuts(path: Path) -> dict[str, Cut]:
    """Read cuts from JSON (SI units).

    Raises:
        SurfaceError: The file is missing or holds no cuts.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(name): Cut(
                centre=_vector(entry["centre"]),
                normal=_vector(entry["normal"]),
                length=float(entry["length"]),
                radius=float(entry["radius"]),
                reach=float(entry["reach"]),
            )
            for name, entry in entries.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SurfaceError(
            "cannot read where the extensions start",
            where=str(path),
            value=error,
            expected="a JSON object with centre, normal, length, radius and reach by the name of each opening",
            remedy="extend the openings again",
        ) from error


def _vector(values: list[float]) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
