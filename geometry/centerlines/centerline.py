"""Centrelines: the curves through the middle of the vessels, with the radius of the largest inscribed sphere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from geometry.centerlines.vmtk_tracer import trace
from geometry.surfaces.surface import Surface, to_polydata
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

_MAX_POINTS = 8000
"""The Voronoi diagram's cost grows faster than its points; radii are measured on the full surface anyway."""

_PINNED = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Centerline:
    """One poly-line from the inlet to every outlet; lines share their first part.

    Attributes:
        points: (n, 3) points of all lines, one line after the other [m].
        radius: (n,) radius of the largest inscribed sphere [m].
        offsets: (k + 1,) line i holds points[offsets[i]:offsets[i + 1]], from the inlet to its outlet.
        outlets: k names of the outlets that the lines end at.
    """

    points: FloatArray
    radius: FloatArray
    offsets: IntArray
    outlets: tuple[str, ...]

    def branch(self, outlet: str) -> Line:
        """The line that ends at an outlet.

        Raises:
            SurfaceError: No line ends there.
        """
        if outlet not in self.outlets:
            raise SurfaceError(
                "no centreline leads to this outlet",
                value=outlet,
                expected=f"one of {', '.join(self.outlets)}",
            )
        part = slice(*self.offsets[self.outlets.index(outlet) :][:2])
        return Line(outlet=outlet, points=self.points[part], radius=self.radius[part])

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, in the order of the outlets."""
        return tuple(self.branch(outlet) for outlet in self.outlets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The centreline from the inlet to one outlet: (n, 3) points and (n,) inscribed radii [m]."""

    outlet: str
    points: FloatArray
    radius: FloatArray

    @property
    def arc(self) -> FloatArray:
        """(n,) arc length from the inlet [m]."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        """Arc length from the inlet to the outlet [m]."""
        return float(self.arc[-1])

    @property
    def tangents(self) -> FloatArray:
        """(n, 3) unit tangents, downstream."""
        vectors = np.gradient(self.points, self.arc, axis=0)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def compute_centerline(surface: Surface) -> Centerline:
    """Trace the lines from the inlet's centre to every outlet's centre.

    The lines are resampled uniformly, at a fifth of the small vessels' radius, and smoothed lightly: waves shorter than
    the small vessels' diameter go, bends stay. The radius of a point is its distance from the wall; openings do
    not count as wall, so it stays true up to both ends.

    Raises:
        SurfaceError: The surface has not exactly one inlet and at least one outlet, or an outlet cannot be reached.
    """
    inlets = [patch for patch in surface.patches if patch.role is Role.INLET]
    outlets = [patch for patch in surface.patches if patch.role is Role.OUTLET]
    if len(inlets) != 1 or not outlets:
        raise SurfaceError(
            "centrelines need one inlet and an outlet",
            where="centreline",
            value=f"{len(inlets)} inlets, {len(outlets)} outlets",
            expected="exactly 1 inlet, at least 1 outlet",
            remedy="set the roles in [[openings]]",
        )
    wall = _wall(surface)
    source = np.array(inlets[0].centre)
    targets = [np.array(patch.centre) for patch in outlets]
    curves = trace(_coarsen(wall), source, targets)
    small = float(np.percentile(np.concatenate([radius for _, radius in curves]), 10.0))
    step = 0.2 * small
    lines: list[FloatArray] = []
    raw: list[FloatArray] = []
    for (points, _), target in zip(curves, targets, strict=True):
        line = _resample(np.vstack([source, points, target]), step)
        shared = _shared_start(line, raw, lines)
        raw.append(line)
        pinned = np.arange(len(line)) < max(len(shared), 1)
        pinned[-1] = True
        smooth = _smooth(np.vstack([shared, line[len(shared) :]]), pinned, waves=1.4 * small / step)
        lines.append(np.vstack([shared, smooth[len(shared) :]]))
    points = np.vstack(lines)
    _, feet = wall.find_closest_cell(points, return_closest_point=True)
    return Centerline(
        points=points,
        radius=np.linalg.norm(points - feet, axis=1),
        offsets=np.cumsum([0, *(len(line) for line in lines)]),
        outlets=tuple(patch.name for patch in outlets),
    )


def write_centerline(path: Path, centerline: Centerline) -> None:
    """Write a VTP file of poly-lines with the point array `radius` and the outlets' names as field data."""
    cells = [
        np.concatenate([[end - begin], np.arange(begin, end)])
        for begin, end in zip(centerline.offsets[:-1], centerline.offsets[1:], strict=True)
    ]
    mesh = pv.PolyData(centerline.points, lines=np.concatenate(cells))
    mesh.point_data["radius"] = centerline.radius
    mesh.field_data["outlets"] = list(centerline.outlets)
    mesh.save(path)


def read_centerline(path: Path) -> Centerline:
    """Read what `write_centerline` wrote.

    Raises:
        SurfaceError: The file is missing or damaged.
    """
    try:
        mesh = pv.read(path)
        lines = [np.asarray(mesh.get_cell(index).point_ids) for index in range(mesh.n_cells)]
        order = np.concatenate(lines)
        return Centerline(
            points=np.asarray(mesh.points, dtype=np.float64)[order],
            radius=np.asarray(mesh.point_data["radius"], dtype=np.float64)[order],
            offsets=np.cumsum([0, *(len(line) for line in lines)]),
            outlets=tuple(str(name) for name in mesh.field_data["outlets"]),
        )
    except (OSError, KeyError, ValueError) as error:
        raise SurfaceError(
            "cannot read the centreline",
            where=str(path),
            value=error,
            remedy="run `hemoplan mesh CASE` again",
        ) from error


def _wall(surface: Surface) -> pv.PolyData:
    """Triangles of the wall, open at the openings."""
    tag = next(patch.tag for patch in surface.patches if patch.role is Role.WALL)
    mesh = to_polydata(surface)
    wall = pv.PolyData.from_regular_faces(mesh.points, surface.triangles[surface.patch_id == tag])
    return wall.clean(point_merging=False)


def _coarsen(wall: pv.PolyData) -> pv.PolyData:
    if wall.n_points <= _MAX_POINTS:
        return wall
    return wall.decimate(1.0 - _MAX_POINTS / wall.n_points)


def _resample(points: FloatArray, step: float) -> FloatArray:
    """Points at equal steps from the first; the last interval is between half a step and one and a half."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    keep = np.concatenate([[True], lengths > 0.0])
    arc = np.concatenate([[0.0], np.cumsum(lengths)])[keep]
    count = max(round(arc[-1] / step), 4)
    stations = np.append(np.arange(count) * step, arc[-1])
    return np.column_stack([np.interp(stations, arc, points[keep, axis]) for axis in range(3)])


def _shared_start(line: FloatArray, raw: list[FloatArray], smoothed: list[FloatArray]) -> FloatArray:
    """The smoothed points of an earlier line for the part that this line has in common with it, if any."""
    longest: FloatArray = np.empty((0, 3))
    for other, smooth in zip(raw, smoothed, strict=True):
        n = min(len(line), len(other)) - 1
        apart = np.linalg.norm(line[:n] - other[:n], axis=1) > 1e-9
        count = int(apart.argmax()) if apart.any() else n
        if count > len(longest):
            longest = smooth[:count]
    return longest


def _smooth(points: FloatArray, pinned: NDArray[np.bool_], *, waves: float) -> FloatArray:
    """Whittaker smoothing: minimise |x - points|² + lambda |second differences of x|², some points held.

    A wave of `waves` points' length is halved, and one of twice that length keeps 94 %.
    """
    n = len(points)
    bands = np.zeros((3, n))  # upper diagonals of D'D, with D the second difference
    for row, one in enumerate((1.0, -2.0, 1.0)):
        for column, other in enumerate((1.0, -2.0, 1.0)[row:], start=row):
            bands[2 - (column - row), column : n - 2 + column] += one * other
    bands *= (waves / (2.0 * np.pi)) ** 4
    fidelity = np.where(pinned, _PINNED, 1.0)
    bands[2] += fidelity
    return np.asarray(solveh_banded(bands, fidelity[:, None] * points))
