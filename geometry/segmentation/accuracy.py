"""Accuracy: how far a surface found in a phantom's scan lies from the exact anatomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from geometry.idealised.anatomy import Anatomy
from geometry.imaging.image import Image
from geometry.surfaces.surface import Surface, area_vectors, to_polydata
from hemoplan.arrays import FloatArray

MARGIN = 2.0e-3
"""Points nearer to the image's border, or to a closed end, than this are rounded by the cut and are left out [m]."""
RING = 0.3e-3
"""Half the length of vessel over which a radius is averaged [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDeviation:
    """Signed distance of a surface to the exact one, positive where the found vessel is too wide.

    Attributes:
        mean_distance: Mean of the absolute distance, weighted by area [m].
        bias: Mean of the signed distance [m].
        quantile_95: 95 % of the surface are nearer than this [m].
        largest: Largest absolute distance [m].
        voxel: Smallest spacing of the scan [m].
        area: Area that was compared [m²].
    """

    mean_distance: float
    bias: float
    quantile_95: float
    largest: float
    voxel: float
    area: float

    @property
    def mean_in_voxels(self) -> float:
        """Mean absolute distance in voxels."""
        return self.mean_distance / self.voxel

    @property
    def bias_in_voxels(self) -> float:
        """Mean signed distance in voxels."""
        return self.bias / self.voxel


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusDeviation:
    """Radius of a vessel at a station, found and exact.

    Attributes:
        branch: Name of the vessel.
        position: Arc length of the station [m].
        exact: Radius of the anatomy [m].
        error: Found minus exact [m]; NaN where the surface does not reach the station.
    """

    branch: str
    position: float
    exact: float
    error: float


def compare_with_anatomy(
    surface: Surface, anatomy: Anatomy, image: Image, *, margin: float = MARGIN
) -> SurfaceDeviation:
    """Distance of the surface to the exact anatomy, away from the image's border and from closed ends.

    Every vertex counts with a third of the area of the triangles around it.

    Args:
        surface: What was extracted.
        anatomy: What was scanned; its distance is exact to first order next to its surface.
        image: The scan.
        margin: How far from the border and from closed ends [m].
    """
    counted = _away_from_ends(surface.points, anatomy, margin)
    distance = anatomy.distance(surface.points[counted])
    weights = _vertex_areas(surface)[counted]
    return _summarise(distance, weights, float(image.spacing.min()))


def compare_with_surface(reference: FloatArray, surface: Surface, *, voxel: float) -> SurfaceDeviation:
    """Distance of (n, 3) points of a reference surface [m] to the found one, as if each had the same area.

    Positive where the found vessel is wider than the reference.
    """
    inside = pv.PolyData(reference).compute_implicit_distance(to_polydata(surface))
    distance = -np.asarray(inside["implicit_distance"], dtype=np.float64)
    return _summarise(distance, np.ones(len(distance)), voxel)


def compare_radii(
    surface: Surface, anatomy: Anatomy, stations: Sequence[tuple[str, float]]
) -> tuple[RadiusDeviation, ...]:
    """Mean radius at stations (name of a branch, arc length [m]), against the exact one."""
    return tuple(_radius_error(surface, anatomy, name, position) for name, position in stations)


def _radius_error(surface: Surface, anatomy: Anatomy, name: str, position: float) -> RadiusDeviation:
    branch = anatomy.branch(name)
    exact = float(branch.radius(position))
    index = int(np.searchsorted(branch.arc_length, position).clip(0, len(branch.arc_length) - 1))
    offset = surface.points - branch.centreline[index]
    along = offset @ branch.tangents[index]
    across = np.linalg.norm(offset - along[:, None] * branch.tangents[index], axis=1)
    ring = (np.abs(along) < RING) & (across < 1.6 * exact + 0.3e-3)
    # Where another branch joins, the wall there is not this vessel's.
    ring[ring] = np.abs(anatomy.distance(surface.points[ring]) - branch.distance(surface.points[ring])) < 1e-9
    weights = _vertex_areas(surface)[ring]
    found = (
        float(np.average(branch.distance(surface.points[ring]), weights=weights))
        if ring.sum() > 8
        else np.nan
    )
    return RadiusDeviation(branch=name, position=position, exact=exact, error=found)


def _away_from_ends(points: FloatArray, anatomy: Anatomy, margin: float) -> NDArray[np.bool_]:
    lower, upper = anatomy.field_of_view
    counted = np.all((points > lower + margin) & (points < upper - margin), axis=1)
    for branch in anatomy.branches:
        ends = (0, -1) if not branch.parent else (-1,)
        for end in ends:
            reach = float(branch.radius(branch.arc_length[end])) + margin
            counted &= np.linalg.norm(points - branch.centreline[end], axis=1) > reach
    return np.asarray(counted)


def _vertex_areas(surface: Surface) -> FloatArray:
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    shares = np.repeat(areas / 3.0, 3)
    sums = np.bincount(surface.triangles.ravel(), weights=shares, minlength=len(surface.points))
    return np.asarray(sums, dtype=np.float64)


def _summarise(distance: FloatArray, weights: FloatArray, voxel: float) -> SurfaceDeviation:
    size = np.abs(distance)
    order = np.argsort(size)
    share = np.cumsum(weights[order]) / weights.sum()
    return SurfaceDeviation(
        mean_distance=float(np.average(size, weights=weights)),
        bias=float(np.average(distance, weights=weights)),
        quantile_95=float(size[order][np.searchsorted(share, 0.95)]),
        largest=float(size.max()),
        voxel=voxel,
        area=float(weights.sum()),
    )
