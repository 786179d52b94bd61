"""Vessels whose middle and inscribed radius are known, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyvista as pv
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from geometry.idealised.anatomy import Anatomy
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role
from tests.geometry.vessels import Curve, bend, close, name_patches, straight, tube

MM = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A surface with its exact middle (n, 3) [m] and the exact radius of the inscribed sphere there (n,) [m]."""

    surface: Surface
    middle: FloatArray
    radius: FloatArray


def known_tube(
    curve: Curve,
    radius: Callable[[FloatArray], FloatArray],
    *,
    size: float,
    inscribed: Callable[[FloatArray], FloatArray] | None = None,
) -> Known:
    """A swept tube; the inscribed radius is that of the section where it is not given."""
    t = np.linspace(0.0, 1.0, 4001)
    middle = curve(t)
    length = float(np.linalg.norm(np.diff(middle, axis=0), axis=1).sum())
    surface = tube(curve, radius, size=size, length=length)
    return Known(surface=surface, middle=middle, radius=(inscribed or radius)(t))


def constant(radius: float) -> Callable[[FloatArray], FloatArray]:
    return lambda t: np.full_like(t, radius)


def through(points: list[tuple[float, float]]) -> Curve:
    """A smooth curve in the xz plane through points, in millimetres."""
    knots = np.array(points) * MM
    chords = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    spline = CubicSpline(chords / chords[-1], knots)
    fine = np.linspace(0.0, 1.0, 20001)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(spline(fine), axis=0), axis=1))])

    def curve(t: FloatArray) -> FloatArray:
        x, z = spline(np.interp(t, arc / arc[-1], fine)).T
        return np.column_stack([x, np.zeros_like(x), z])

    return curve


def straight_tube() -> Known:
    return known_tube(straight(20 * MM), constant(3 * MM), size=0.35 * MM)


def arc_tube() -> Known:
    return known_tube(bend(8 * MM), constant(2.5 * MM), size=0.35 * MM)


def s_tube() -> Known:
    curve = through([(0, 0), (0, 5), (4, 11), (2, 18), (-4, 24), (-3, 31), (0, 36)])
    return known_tube(curve, constant(2 * MM), size=0.3 * MM)


def cone() -> Known:
    """A taper from 4 to 2 mm over 30 mm; the sphere in a cone touches it square to its side, at r cos(slope)."""
    slope = np.arctan(2.0 / 30.0)
    return known_tube(
        straight(30 * MM),
        lambda t: (4.0 - 2.0 * t) * MM,
        size=0.35 * MM,
        inscribed=lambda t: np.cos(slope) * (4.0 - 2.0 * t) * MM,
    )


def stenosis() -> Known:
    """A throat of 1.5 mm in a vessel of 6 mm; the sphere on the axis reaches the nearest point of the profile."""
    length = 24 * MM

    def profile(t: FloatArray) -> FloatArray:
        return 3 * MM * (1.0 - 0.75 * np.exp(-(((t - 0.5) / 0.08) ** 2)))

    def sphere(t: FloatArray) -> FloatArray:
        along = np.linspace(0.0, 1.0, 4001)
        wall = cKDTree(np.column_stack([length * along, profile(along)]))
        return np.asarray(wall.query(np.column_stack([length * t, np.zeros_like(t)]))[0])

    return known_tube(straight(length), profile, size=0.3 * MM, inscribed=sphere)


def oval() -> Known:
    """Sections are ellipses of semi-axes 3 and 2 mm: a round tube pressed together."""
    known = known_tube(straight(24 * MM), constant(3 * MM), size=0.3 * MM)
    surface = known.surface
    names = {patch.tag: (patch.name, patch.role) for patch in surface.patches}
    flat = name_patches(surface.points * [1.0, 2.0 / 3.0, 1.0], surface.triangles, surface.patch_id, names)
    return Known(surface=flat, middle=known.middle, radius=np.full(len(known.radius), 2 * MM))


def hairpin(*, size: float = 0.5 * MM) -> Known:
    """A vessel that bends back on itself; its limbs come within 0.5 mm of each other."""
    limb = [(6, 0), (2.4, 10), (2.25, 14), (2.25, 16), (4.6, 23)]
    curve = through([(-x, z) for x, z in limb] + [(0, 28)] + limb[::-1])
    return known_tube(curve, constant(2 * MM), size=size)


def roughened(surface: Surface, amplitude: float, *, seed: int = 0) -> Surface:
    """Vertices of the wall moved at random, with a standard deviation in metres; those of the openings stay."""
    held = np.unique(surface.triangles[surface.patch_id != 1])
    noise = np.random.default_rng(seed).normal(scale=amplitude, size=surface.points.shape)
    noise[held] = 0.0
    return replace(surface, points=surface.points + noise)


def with_roles(surface: Surface, **roles: Role) -> Surface:
    """The same surface with other roles of its openings."""
    patches = tuple(replace(patch, role=roles.get(patch.name, patch.role)) for patch in surface.patches)
    return replace(surface, patches=patches)


def level_set(
    distance: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, step: float
) -> pv.PolyData:
    """Zero level of a signed distance in a box, open where vessels leave it."""
    axes = [np.arange(one, other, step) for one, other in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    image = pv.ImageData(dimensions=grid.shape[:3], origin=low, spacing=(step, step, step))
    image["distance"] = distance(grid.reshape(-1, 3)).reshape(grid.shape[:3]).ravel(order="F")
    return image.contour([0.0], scalars="distance", method="flying_edges").clean()


def capped(shell: pv.PolyData, ends: dict[str, tuple[FloatArray, Role]]) -> Surface:
    """An open shell closed by fans; each opening has the name and the role of the end that is nearest to it."""
    points, triangles, tags = close(
        np.asarray(shell.points, dtype=np.float64), shell.regular_faces.astype(np.int64)
    )
    names = {1: ("wall", Role.WALL)}
    for tag in np.unique(tags)[1:]:
        middle = points[triangles[tags == tag]].mean(axis=(0, 1))
        name = min(ends, key=lambda each: float(np.linalg.norm(ends[each][0] - middle)))
        names[int(tag)] = (name, ends[name][1])
    return name_patches(points, triangles, tags, names)


def open_arch(anatomy: Anatomy, *, step: float = 0.25 * MM) -> Surface:
    """The exact newborn arch, cut square across the ascending aorta 1 mm from its start and level elsewhere."""
    low, high = np.array([-13.0, -14.0, -20.0]) * MM, np.array([14.0, 13.0, 24.0]) * MM
    aorta = anatomy.branch("aorta")
    start, along = aorta.point(1 * MM), aorta.tangents[20]
    shell = level_set(anatomy.distance, low, high, step)
    near = np.linalg.norm(shell.points - start, axis=1) < 7 * MM
    shell["height"] = np.where(near, (shell.points - start) @ along, 1.0)
    shell = shell.clip_scalar(scalars="height", value=0.0, invert=False)
    shell = shell.extract_surface(algorithm="dataset_surface").triangulate().clean().connectivity("largest")
    ends = {"ascending_aorta": (start, Role.INLET)}
    for name in ("aorta", "brachiocephalic", "left_carotid", "left_subclavian"):
        ends[name] = (anatomy.branch(name).centreline[-1], Role.OUTLET)
    return capped(shell, ends)
