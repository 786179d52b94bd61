"""Surfaces with one thing wrong, and solids of known size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyvista as pv
from scipy.interpolate import CubicSpline

from geometry.surfaces.raw import RawSurface, as_raw, wall_only
from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import IntArray
from tests.geometry.vessels import straight, tube

MM = 1.0e-3


def ball(radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0), nsub: int = 3) -> RawSurface:
    """A triangulated ball."""
    mesh = pv.Icosphere(radius=radius, center=centre, nsub=nsub)
    return wall_only(np.asarray(mesh.points, dtype=np.float64), np.asarray(mesh.regular_faces))


def cylinder(*, radius: float = 3 * MM, length: float = 20 * MM, size: float = 0.8 * MM) -> Surface:
    """A tube along +z from the origin, with two named caps."""
    return tube(straight(length), lambda t: np.full_like(t, radius), size=size, length=length)


def open_cylinder(*, size: float = 0.8 * MM) -> RawSurface:
    """The wall of that tube alone."""
    raw = as_raw(cylinder(size=size))
    kept = raw.patch_id == WALL_TAG
    wall = raw.renewed(raw.points, raw.triangles[kept], raw.patch_id[kept])
    return replace(wall, groups=())


def hairpin(gap: float, *, radius: float = 2 * MM, size: float = 0.5 * MM) -> Surface:
    """A tube that goes up, turns and comes down; half-way up, its two legs are `gap` apart, or overlap if it is < 0."""
    near, far = radius + 0.5 * gap, radius + 2.5 * MM
    half = [
        (far, 0.0),
        (far - 0.3 * MM, 2.0 * MM),
        (near, 7.0 * MM),
        (far - 0.3 * MM, 12.0 * MM),
        (far, 14.0 * MM),
    ]
    angles = np.radians([30.0, 60.0, 90.0])
    arch = [(far * np.cos(angle), 14.0 * MM + far * np.sin(angle)) for angle in angles]
    right = np.array(half + arch)
    left = right[-2::-1] * [-1.0, 1.0]
    path = np.vstack([right, left])[::-1]
    knots = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    spline = CubicSpline(knots / knots[-1], np.column_stack([path[:, 0], 0.0 * path[:, 0], path[:, 1]]))
    return tube(spline, lambda t: np.full_like(t, radius), size=size, length=float(knots[-1]))


def joined(*parts: RawSurface) -> RawSurface:
    """Several surfaces as one."""
    shifts = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    triangles = [part.triangles + shift for part, shift in zip(parts, shifts, strict=True)]
    return wall_only(np.vstack([part.points for part in parts]), np.vstack(triangles))


def with_triangles(surface: RawSurface, triangles: IntArray) -> RawSurface:
    """Other triangles on the same points."""
    return wall_only(surface.points, triangles)
