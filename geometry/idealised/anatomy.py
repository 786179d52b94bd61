"""Anatomy descriptions: vessels as tubes swept along smooth curves, with a signed implicit function.

A description is exact: radius and centreline are known at every arc length, so that an image made from it can
check whatever is measured in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import maximum_filter1d
from scipy.spatial import cKDTree

from geometry.idealised.sweep_kernels import swept_distance
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role

SAMPLE_STEP = 5.0e-5
"""Spacing of the centreline samples that nearest points are searched in [m]."""
BLEND_WIDTH = 6.0e-4
"""Width over which two tubes are blended at their junction, where an anatomy says no other [m]."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A tube of circular cross-section, swept along a smooth curve.

    The curve is the natural cubic spline through the control points; the radius is the monotone cubic
    interpolant (PCHIP, no overshoot) of the stations, so a throat has exactly the radius of its station.

    Attributes:
        name: Name of the vessel.
        control_points: (n, 3) points that the centreline passes through, n >= 2 [m].
        stations: (k,) increasing arc lengths from the first control point [m].
        station_radii: (k,) radius at each station [m]; constant before the first and after the last.
        parent: Name of the branch on whose centreline this one starts; empty for a root.
    """

    name: str
    control_points: FloatArray
    stations: FloatArray
    station_radii: FloatArray
    parent: str = ""

    @cached_property
    def arc_length(self) -> FloatArray:
        """(m,) arc lengths of the centreline samples [m]."""
        return np.asarray(self._samples[0])

    @cached_property
    def centreline(self) -> FloatArray:
        """(m, 3) centreline samples, `SAMPLE_STEP` apart [m]."""
        return np.asarray(self._samples[1])

    @cached_property
    def tangents(self) -> FloatArray:
        """(m, 3) unit tangents at the centreline samples."""
        tangents = np.gradient(self.centreline, self.arc_length, axis=0)
        return np.asarray(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))

    @property
    def length(self) -> float:
        """Arc length of the whole branch [m]."""
        return float(self.arc_length[-1])

    def point(self, arc_length: float) -> FloatArray:
        """(3,) centreline point at an arc length [m]."""
        return np.array([np.interp(arc_length, self.arc_length, column) for column in self.centreline.T])

    def radius(self, arc_length: FloatArray | float) -> FloatArray:
        """Radius at arc lengths of any shape [m]."""
        inside = np.clip(arc_length, self.stations[0], self.stations[-1])
        return np.asarray(self._radius_curve(inside))

    def distance(self, points: FloatArray) -> FloatArray:
        """Signed distance to the tube's surface, negative inside, to first order near the surface.

        With the foot point c(s) of x on the centreline: (|x - c(s)| - r(s)) / sqrt(1 + r'(s)^2). The zero level
        is exact; an end is closed by a half sphere.

        Args:
            points: (n, 3) points [m].

        Returns:
            (n,) distances [m].
        """
        return np.asarray(self.distance_around(points, np.zeros((1, 3)))[:, 0])

    def distance_around(self, points: FloatArray, offsets: FloatArray) -> FloatArray:
        """(n, m) distances of points[i] + offsets[j], of (n, 3) points and (m, 3) offsets [m]: one search a point."""
        _, nearest = self._tree.query(points)
        step = self.length / (len(self.arc_length) - 1)
        distance: FloatArray = swept_distance(
            np.ascontiguousarray(points),
            offsets,
            np.asarray(nearest, dtype=np.int64),
            self.centreline,
            self.tangents,
            self._sampled_radii,
            self._sampled_slopes,
            step,
        )
        return distance

    def least_distance(self, points: FloatArray) -> FloatArray:
        """(n,) lower bound of `distance`, from the box around the centreline: cheap."""
        lower, upper = self.centreline.min(axis=0), self.centreline.max(axis=0)
        outside = np.maximum(np.maximum(lower - points, points - upper), 0.0)
        gap = np.sqrt(np.einsum("ij,ij->i", outside, outside)) - self.station_radii.max()
        return np.asarray(np.where(gap > 0.0, gap / self._steepness, gap))

    def spheres(self, spacing: float = 2.5e-4) -> tuple[FloatArray, FloatArray]:
        """Spheres whose union holds the tube: (k, 3) centres, about `spacing` apart, and (k,) radii [m]."""
        stride = max(round(spacing / SAMPLE_STEP), 1)
        last = len(self.centreline) - 1
        chosen = np.unique(np.append(np.arange(0, last, stride), last))
        widest = maximum_filter1d(self._sampled_radii, 2 * stride + 1, mode="nearest")
        return np.asarray(self.centreline[chosen]), widest[chosen] + stride * SAMPLE_STEP

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.centreline)

    @cached_property
    def _steepness(self) -> float:
        return float(np.sqrt(1.0 + self._sampled_slopes**2).max())

    @cached_property
    def _sampled_radii(self) -> FloatArray:
        return self.radius(self.arc_length)

    @cached_property
    def _sampled_slopes(self) -> FloatArray:
        tapers = (self.arc_length >= self.stations[0]) & (self.arc_length <= self.stations[-1])
        return np.where(tapers, self._radius_curve(self.arc_length, 1), 0.0)

    @cached_property
    def _radius_curve(self) -> PchipInterpolator:
        return PchipInterpolator(self.stations, self.station_radii)

    @cached_property
    def _samples(self) -> tuple[FloatArray, FloatArray]:
        chords = np.linalg.norm(np.diff(self.control_points, axis=0), axis=1)
        knots = np.concatenate([[0.0], np.cumsum(chords)])
        spline = CubicSpline(knots, self.control_points, bc_type="natural")
        fine = np.linspace(0.0, knots[-1], 20 * round(float(knots[-1] / SAMPLE_STEP)) + 1)
        steps = np.linalg.norm(np.diff(spline(fine), axis=0), axis=1)
        travelled = np.concatenate([[0.0], np.cumsum(steps)])
        arc_length = np.linspace(0.0, travelled[-1], round(float(travelled[-1] / SAMPLE_STEP)) + 1)
        return arc_length, spline(np.interp(arc_length, travelled, fine))


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A tube that is not part of the vessel: a vein, a rib.

    Attributes:
        tube: Its shape.
        intensity: Its intensity in a CT image [HU].
    """

    tube: Branch
    intensity: float


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """An axis-parallel ellipsoid of another tissue: a vertebral body, a lung.

    Attributes:
        name: What it stands for.
        intensity: Its intensity in a CT image [HU].
        centre: (3,) centre [m].
        semi_axes: (3,) half lengths [m].
    """

    name: str
    intensity: float
    centre: FloatArray
    semi_axes: FloatArray

    def contains(self, points: FloatArray) -> NDArray[np.bool_]:
        """(n,) whether each of (n, 3) points lies inside."""
        scaled = (points - self.centre) / self.semi_axes
        return np.asarray(np.einsum("ij,ij->i", scaled, scaled) < 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOpening:
    """Where blood enters or leaves an anatomy, known by construction.

    Attributes:
        name: Name of the opening.
        role: Inlet or outlet.
        centre: (3,) centre, on the centreline [m].
        axis: (3,) unit direction of the vessel there, out of the lumen.
        radius: Radius of the vessel there [m].
    """

    name: str
    role: Role
    centre: FloatArray
    axis: FloatArray
    radius: float


def open_end(branch: Branch, name: str, role: Role, *, first: bool = False) -> KnownOpening:
    """The opening at the last point of a branch, or at its first."""
    at, sign = (0, -1.0) if first else (-1, 1.0)
    return KnownOpening(
        name=name,
        role=role,
        centre=branch.centreline[at],
        axis=sign * branch.tangents[at],
        radius=float(branch.radius(branch.arc_length[at])),
    )


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """A vessel tree, what lies around it, and the part of space that a scan of it shows.

    Attributes:
        name: Name of the anatomy.
        branches: Tubes whose union is the lumen; parents come before their branches.
        field_of_view: (2, 3) lower and upper corner of the scanned box [m]; vessels may leave it.
        blood: Intensity of the lumen [HU].
        background: Intensity where nothing else is [HU].
        neighbours: Tubes of other tissue.
        ellipsoids: Other tissue; later ones lie over earlier ones, tubes over ellipsoids, the lumen over all.
        openings: Ends through which blood enters and leaves, as far as they are known.
        blend: Width over which two tubes are blended at their junction [m].
    """

    name: str
    branches: tuple[Branch, ...]
    field_of_view: FloatArray
    blood: float
    background: float
    neighbours: tuple[Neighbour, ...] = ()
    ellipsoids: tuple[Ellipsoid, ...] = ()
    openings: tuple[KnownOpening, ...] = ()
    blend: float = BLEND_WIDTH

    @property
    def seed(self) -> FloatArray:
        """(3,) the widest place of the first vessel, on its centreline: well inside of the lumen [m]."""
        root = self.branches[0]
        return np.asarray(root.centreline[int(np.argmax(root.radius(root.arc_length)))])

    def branch(self, name: str) -> Branch:
        """The branch of a name.

        Raises:
            KeyError: There is none.
        """
        for branch in self.branches:
            if branch.name == name:
                return branch
        raise KeyError(name)

    def distance(self, points: FloatArray) -> FloatArray:
        """Signed distance to the surface of the lumen, negative inside (see `union_distance`)."""
        return union_distance(self.branches, points, self.blend)

    def gradient(self, points: FloatArray, step: float = 2.0e-5) -> FloatArray:
        """(n, 3) gradient of `distance` at (n, 3) points, by central differences."""
        offsets = step * np.vstack([np.eye(3), -np.eye(3)])
        values = union_distance_around(self.branches, points, offsets, self.blend)
        return np.asarray((values[:, :3] - values[:, 3:]) / (2.0 * step))


def union_distance(branches: Sequence[Branch], points: FloatArray, blend: float = BLEND_WIDTH) -> FloatArray:
    """Signed distance to the union of tubes, blended smoothly at junctions.

    Two distances a, b within the width k of each other are blended by the quadratic smooth minimum
    min(a, b) - (k - |a - b|)^2 / (4 k), which rounds the junction and leaves the tubes exact elsewhere.

    Args:
        branches: At least one tube.
        points: (n, 3) points [m].
        blend: The width k [m].

    Returns:
        (n,) distances, negative inside [m].
    """
    return np.asarray(union_distance_around(branches, points, np.zeros((1, 3)), blend)[:, 0])


def union_distance_around(
    branches: Sequence[Branch], points: FloatArray, offsets: FloatArray, blend: float = BLEND_WIDTH
) -> FloatArray:
    """(n, m) signed distances of the points[i] + offsets[j] to a union, of (n, 3) points and (m, 3) offsets [m]."""
    reach = float(np.linalg.norm(offsets, axis=1).max())
    total = branches[0].distance_around(points, offsets)
    for branch in branches[1:]:
        near = np.flatnonzero(branch.least_distance(points) < total.max(axis=1) + blend + reach)
        one, other = total[near], branch.distance_around(points[near], offsets)
        overlap = np.maximum(blend - np.abs(one - other), 0.0)
        total[near] = np.minimum(one, other) - overlap**2 / (4.0 * blend)
    return total
