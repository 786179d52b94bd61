"""Cross-sections of a vessel: the loop of a surface in a plane, its area and its diameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geometry.measurements.outlines import (
    area_and_centroid,
    caliper_diameters,
    flatten,
    inscribed_circle,
    plane_axes,
)
from geometry.measurements.slicing import Loops, SurfaceIndex, index_surface, loop_around, slice_loops
from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One closed loop of a surface in a plane.

    Attributes:
        centre: (3,) centroid of the enclosed area [m].
        normal: (3,) unit normal of the plane.
        area: Enclosed area [m²].
        perimeter: Length of the loop [m].
        outline: (k, 3) corners of the loop in order, the last joined to the first [m].
        whole: False where the loop runs over an opening or ends at a rim: the vessel is cut short there.
    """

    centre: FloatArray
    normal: FloatArray
    area: float
    perimeter: float
    outline: FloatArray
    whole: bool

    @property
    def equivalent_diameter(self) -> float:
        """Diameter of the circle of the same area, 2 sqrt(A / pi) [m]."""
        return float(2.0 * np.sqrt(self.area / np.pi))

    @property
    def hydraulic_diameter(self) -> float:
        """4 A / P [m]: the circle's own diameter for a circle, less for any other shape of the same area."""
        return 4.0 * self.area / self.perimeter if self.perimeter > 0.0 else 0.0

    @property
    def flat(self) -> FloatArray:
        """(k, 2) outline in the plane, about the centre [m]."""
        return flatten(self.outline, self.centre, self.normal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diameters:
    """Diameters of a cross-section [m].

    Attributes:
        equivalent: Of the circle of the same area.
        least, greatest: Smallest and largest caliper (Feret) diameter: the distance of two parallel lines that hold the
            outline between them. What is measured by hand on a double-oblique image.
        inscribed: Of the largest circle inside the outline: what an undersized balloon passes.
        hydraulic: 4 area / perimeter.
        eccentricity: sqrt(1 - (least / greatest)²): 0 for a circle, towards 1 for a slit.
    """

    equivalent: float
    least: float
    greatest: float
    inscribed: float
    hydraulic: float
    eccentricity: float


def cut(surface: Surface | SurfaceIndex, point: FloatArray, normal: FloatArray) -> Section:
    """The loop of a surface in a plane that runs around a point, or passes it nearest.

    Where the plane meets other vessels, or another limb of the same one, their loops are left out. Of loops in each
    other, the innermost is taken.

    Args:
        surface: A surface, or its index where many planes are laid through it.
        point: (3,) point of the plane, inside the vessel [m].
        normal: (3,) unit normal of the plane.

    Raises:
        SurfaceError: The plane misses the surface.
    """
    index = surface if isinstance(surface, SurfaceIndex) else index_surface(surface)
    loops = slice_loops(index, point, normal)
    if len(loops.closed) == 0:
        raise SurfaceError(
            "the plane of a cross-section misses the surface",
            where="section",
            value="({:.1f}, {:.1f}, {:.1f}) mm".format(*(1e3 * point)),
            expected="a point inside a vessel",
        )
    chosen, _ = loop_around(loops, point, normal)
    if chosen < 0:
        gaps = np.linalg.norm(loops.points - point, axis=1)
        chosen = int(np.searchsorted(loops.offsets, int(gaps.argmin()), side="right")) - 1
    return _section(index, loops, chosen, normal)


def cut_all(surface: Surface | SurfaceIndex, point: FloatArray, normal: FloatArray) -> tuple[Section, ...]:
    """All loops of a surface in a plane, such as both limbs of an arch."""
    index = surface if isinstance(surface, SurfaceIndex) else index_surface(surface)
    loops = slice_loops(index, point, normal)
    return tuple(_section(index, loops, number, normal) for number in range(len(loops.closed)))


def diameters(section: Section) -> Diameters:
    """Measure the outline of a cross-section."""
    polygon = section.flat
    least, greatest = caliper_diameters(polygon)
    _, radius = inscribed_circle(polygon)
    return Diameters(
        equivalent=section.equivalent_diameter,
        least=least,
        greatest=greatest,
        inscribed=2.0 * radius,
        hydraulic=section.hydraulic_diameter,
        eccentricity=float(np.sqrt(max(1.0 - (least / greatest) ** 2, 0.0))) if greatest > 0.0 else 0.0,
    )


def _section(index: SurfaceIndex, loops: Loops, chosen: int, normal: FloatArray) -> Section:
    inside = slice(int(loops.offsets[chosen]), int(loops.offsets[chosen + 1]))
    outline = loops.points[inside]
    faces: NDArray[np.int64] = loops.faces[inside]
    normal = np.array(normal, dtype=np.float64)
    polygon = flatten(outline, outline[0], normal)
    area, centroid = area_and_centroid(polygon)
    return Section(
        centre=np.asarray(outline[0] + np.column_stack(plane_axes(normal)) @ centroid),
        normal=normal,
        area=area,
        perimeter=float(np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1).sum()),
        outline=outline,
        whole=bool(loops.closed[chosen]) and bool((index.tags[faces] == WALL_TAG).all()),
    )
