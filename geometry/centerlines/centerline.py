"""Centrelines: the curves through the middle of the vessels, with the radius of the largest inscribed sphere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyvista as pv
from scipy.spatial import cKDTree

from geometry.centerlines import vmtk_tracer, voronoi_tracer
from geometry.centerlines.branches import split
from geometry.centerlines.centring import Wall, tighten
from geometry.centerlines.lines import Centerline, Line
from geometry.centerlines.loops import count_loops, find_untraced, number_bodies
from geometry.centerlines.smoothing import resample, smooth
from geometry.surfaces.surface import Surface, check_closed, to_polydata
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch, Role

__all__ = ["Centerline", "Line", "Tracer", "compute_centerline", "read_centerline", "write_centerline"]

type Tracer = Literal["voronoi", "vmtk"]
"""What finds the medial curves: the own tracer on SciPy, or vmtk's, where its wheel is installed."""

_STEP = 0.2
"""Distance of the points, over the radius of the narrow vessels."""
_WAVES = 1.4
"""Waves of this many radii are halved, bends stay."""
_ROUNDS = 4
"""Times that a line is drawn tight and smoothed."""

_log = logging.getLogger(__name__)


def compute_centerline(surface: Surface, *, tracer: Tracer = "voronoi") -> Centerline:
    """Trace the lines from the first inlet's centre to every other opening's centre.

    Of several lumens that do not hang together, such as two great arteries whose duct is tied off, each is traced from
    its own first inlet.

    The tracer finds the way on the Voronoi diagram of the wall; then the lines are resampled uniformly, at a fifth of
    the narrowest radius, and drawn tight on the full surface and smoothed in turn: each point comes to where the
    inscribed sphere is largest across the vessel, waves shorter than about a radius go, and bends stay. The radius of a
    point is its distance from the wall; openings do not count as wall, so it stays true up to both ends.

    The own tracer is the default: drawn tight, both give the same lines (exact to 0.02 mm on a newborn's arch, 0.06 mm
    from the published line of an adult aorta), and the own one takes 1.4 s where vmtk takes 3.0 s (34,000 vertices).

    Args:
        surface: A closed surface with at least one inlet and one further opening.
        tracer: What finds the way; without its wheel, `vmtk` falls back to the own one, with a line in the log.

    Raises:
        SurfaceError: The surface is not closed, has no inlet or no further opening, or an opening cannot be reached.
    """
    first, _ = _ends(surface)
    check_closed(surface, where="centreline")
    bodies = _part_openings(surface, first)
    loops = count_loops(surface)
    shell = _wall(surface)
    wall = Wall(np.asarray(shell.points, dtype=np.float64), np.asarray(shell.regular_faces, dtype=np.int64))
    lines: list[FloatArray] = []
    branches: list[IntArray] = []
    for inlet, others in bodies:
        source, targets = np.array(inlet.centre), [np.array(patch.centre) for patch in others]
        curves = _choose(tracer)(shell, source, targets, names=[patch.name for patch in others])
        own = _refine(curves, source, targets, wall)
        points, ends = np.vstack(own), np.cumsum([0, *(len(line) for line in own)])
        numbers = split(points, wall.distance(points), ends)
        branches.append(numbers + (1 + int(branches[-1].max()) if branches else 0))
        lines += own
    points = np.vstack(lines)
    centerline = Centerline(
        points=points,
        radius=wall.distance(points),
        offsets=np.cumsum([0, *(len(line) for line in lines)]),
        outlets=tuple(patch.name for _, others in bodies for patch in others),
        inlet=first.name,
        branch_id=np.concatenate(branches),
        loops=loops,
        starts=tuple(inlet.name for inlet, others in bodies for _ in others) if len(bodies) > 1 else (),
    )
    _check_inside(centerline, wall)
    if loops:
        _log.warning(
            "the lumen has %d loop%s (a shunt between two vessels, or walls that touch): the lines take its wider way, "
            "and the vessel near %s has none",
            loops,
            "" if loops == 1 else "s",
            _millimetres(find_untraced(surface, centerline)),
        )
    return centerline


def write_centerline(path: Path, centerline: Centerline) -> None:
    """Write a VTP file of poly-lines.

    Point arrays are `radius` and `branch`; field data are the outlets' names, the inlet's and the number of loops, and
    of several lumens the names of the openings where the lines start.
    """
    cells = [
        np.concatenate([[end - begin], np.arange(begin, end)])
        for begin, end in zip(centerline.offsets[:-1], centerline.offsets[1:], strict=True)
    ]
    mesh = pv.PolyData(centerline.points, lines=np.concatenate(cells))
    mesh.point_data["radius"] = centerline.radius
    if len(centerline.branch_id):
        mesh.point_data["branch"] = centerline.branch_id.astype(np.int32)
    mesh.field_data["outlets"] = list(centerline.outlets)
    mesh.field_data["inlet"] = [centerline.inlet]
    mesh.field_data["loops"] = np.array([centerline.loops], dtype=np.int32)
    if centerline.starts:
        mesh.field_data["starts"] = list(centerline.starts)
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
        branch = mesh.point_data["branch"][order] if "branch" in mesh.point_data else []
        field = mesh.field_data
        return Centerline(
            points=np.asarray(mesh.points, dtype=np.float64)[order],
            radius=np.asarray(mesh.point_data["radius"], dtype=np.float64)[order],
            offsets=np.cumsum([0, *(len(line) for line in lines)]),
            outlets=tuple(str(name) for name in field["outlets"]),
            inlet=str(field["inlet"][0]) if "inlet" in field else "",
            branch_id=np.asarray(branch, dtype=np.int64),
            loops=int(field["loops"][0]) if "loops" in field else 0,
            starts=tuple(str(name) for name in field["starts"]) if "starts" in field else (),
        )
    except (OSError, KeyError, ValueError) as error:
        raise SurfaceError(
            "cannot read the centreline",
            where=str(path),
            value=error,
            remedy="run `hemoplan mesh CASE` again",
        ) from error


def _ends(surface: Surface) -> tuple[Patch, list[Patch]]:
    """The first inlet, and all other openings."""
    inlets = [patch for patch in surface.patches if patch.role is Role.INLET]
    others = [patch for patch in surface.openings if not inlets or patch is not inlets[0]]
    if not inlets or not others:
        outlets = len(surface.openings) - len(inlets)
        raise SurfaceError(
            "centrelines need an inlet and another opening",
            where="centreline",
            value=f"{len(inlets)} inlets, {outlets} outlets",
            expected="at least 1 inlet and 2 openings",
            remedy="set the roles in [[openings]]",
        )
    return inlets[0], others


def _part_openings(surface: Surface, first: Patch) -> list[tuple[Patch, list[Patch]]]:
    """The first inlet of each body with the body's other openings; the body of the first inlet of all comes first.

    Raises:
        SurfaceError: A body has an opening and no inlet, or no second opening.
    """
    bodies = number_bodies(surface)
    home = {patch.name: int(bodies[np.argmax(surface.patch_id == patch.tag)]) for patch in surface.openings}
    parts = []
    for body in dict.fromkeys([home[first.name], *home.values()]):
        members = [patch for patch in surface.openings if home[patch.name] == body]
        inlets = [patch for patch in members if patch.role is Role.INLET]
        if not inlets or len(members) < 2:
            stray = members[0]
            raise SurfaceError(
                "an opening lies on another body than the inlet",
                where="centreline",
                value=f"'{stray.name}' at {_millimetres(np.array(stray.centre))}, "
                f"'{first.name}' at {_millimetres(np.array(first.centre))}",
                expected="one lumen that hangs together, or an inlet and another opening on each",
                remedy="look at the surface for a closed vessel, or segment again",
            )
        parts.append((inlets[0], [patch for patch in members if patch is not inlets[0]]))
    return parts


type _Trace = Callable[..., list[tuple[FloatArray, FloatArray]]]


def _choose(tracer: Tracer) -> _Trace:
    if tracer == "vmtk":
        if vmtk_tracer.is_installed():
            return vmtk_tracer.trace
        _log.warning("vmtk is not installed: the centrelines are traced on SciPy's Voronoi diagram instead")
    return voronoi_tracer.trace


def _wall(surface: Surface) -> pv.PolyData:
    """Triangles of the wall, open at the openings."""
    tag = next(patch.tag for patch in surface.patches if patch.role is Role.WALL)
    mesh = to_polydata(surface)
    wall = pv.PolyData.from_regular_faces(mesh.points, surface.triangles[surface.patch_id == tag])
    return wall.clean(point_merging=False)


def _refine(
    curves: Sequence[tuple[FloatArray, FloatArray]],
    source: FloatArray,
    targets: Sequence[FloatArray],
    wall: Wall,
) -> list[FloatArray]:
    """Lines of even steps, smoothed and centred; where two run together, their points are the same."""
    step = _STEP * _small(curves, wall)
    lines: list[FloatArray] = []
    raw: list[FloatArray] = []
    for (points, _), target in zip(curves, targets, strict=True):
        line = resample(np.vstack([source, points, target]), step)
        shared = _shared_start(line, raw, lines)
        raw.append(line)
        pinned = np.arange(len(line)) < max(len(shared), 1)
        pinned[-1] = True
        waves = _WAVES * wall.to_vertex(line) / step
        line = smooth(np.vstack([shared, line[len(shared) :]]), waves, pinned=pinned)
        for _ in range(_ROUNDS):
            line = smooth(tighten(line, pinned, wall), waves, pinned=pinned)
        lines.append(np.vstack([shared, line[len(shared) :]]))
    return lines


def _small(curves: Sequence[tuple[FloatArray, FloatArray]], wall: Wall) -> float:
    """The least radius on the curves, but at least half of that of the small vessels, a tenth of all length [m]."""
    coarse = np.vstack([resample(points, 0.25 * float(np.median(radius)))[1:-1] for points, radius in curves])
    radii = wall.to_vertex(coarse)
    return max(float(radii.min()), 0.5 * float(np.percentile(radii, 10.0)))


def _shared_start(line: FloatArray, raw: list[FloatArray], smoothed: list[FloatArray]) -> FloatArray:
    """The smoothed points of an earlier line for the part that this line has in common with it, if any."""
    longest: FloatArray = np.empty((0, 3))
    for other, done in zip(raw, smoothed, strict=True):
        n = min(len(line), len(other)) - 1
        apart = np.linalg.norm(line[:n] - other[:n], axis=1) > 1e-9
        count = int(apart.argmax()) if apart.any() else n
        if count > len(longest):
            longest = done[:count]
    return longest


def _check_inside(centerline: Centerline, wall: Wall) -> None:
    """Check that no point has left the lumen, as through a gap between two vessels.

    A point that is nearest to the rim of the opening where its line ends is left out: the rim's normals tell nothing.
    """
    ends = np.concatenate([centerline.offsets[:-1], centerline.offsets[1:] - 1])
    gap, nearest = cKDTree(centerline.points[ends]).query(centerline.points)
    inner = gap > 2.0 * centerline.radius[ends][nearest]
    outside = np.flatnonzero(inner & (wall.cosines(centerline.points) > 0.0))
    if outside.size:
        raise SurfaceError(
            "the centreline leaves the lumen",
            where="centreline",
            value=f"near {_millimetres(centerline.points[outside[0]])}",
            expected="a lumen that is wider than the edges of its triangles",
            remedy="look at the surface there, and make its triangles finer",
        )


def _millimetres(point: FloatArray) -> str:
    x, y, z = 1e3 * point
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
