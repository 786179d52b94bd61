"""vmtk as a tracer of medial curves. The only module that imports vmtk (BSD), and only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pyvista as pv
from scipy.spatial import cKDTree
from vtkmodules.vtkCommonCore import vtkIdList, vtkObject

from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError

_RADIUS = "radius"
_TO_VMTK = 1e3
"""vmtk's tolerances are absolute and made for lengths of order 1, so it is given millimetres."""

_MOST_POINTS = 8000
"""The time grows faster than the points, so a finer wall is decimated; the lines are centred on the full wall later."""

_JITTER = 1e-5
"""Share of the surface's size that its vertices are moved by: a Delaunay tessellation fails on regular vertices."""


def is_installed() -> bool:
    """Whether vmtk can be imported."""
    return find_spec("vmtk") is not None


def trace(
    wall: pv.PolyData, source: FloatArray, targets: Sequence[FloatArray], *, names: Sequence[str] = ()
) -> list[tuple[FloatArray, FloatArray]]:
    """Curves along the medial surface from one opening to others, that maximise the inscribed radius on their way.

    The path minimises the integral of 1 / radius over the Voronoi diagram of the wall's vertices (Antiga, Ene-Iordache
    & Remuzzi 2003, doi:10.1109/TMI.2003.812261).

    Args:
        wall: Triangles of the wall, open at the openings [m].
        source: (3,) centre of the opening where all curves begin [m].
        targets: k centres of the openings where they end [m].
        names: Names of the targets, for errors.

    Returns:
        For every target the (n, 3) points from the source and the (n,) inscribed radii; they begin and end about one
        radius away from the openings.

    Raises:
        SurfaceError: A target cannot be reached from the source.
    """
    from vmtk import vtkvmtk  # noqa: PLC0415  an optional package

    scaled = (
        wall.decimate(1.0 - _MOST_POINTS / wall.n_points) if wall.n_points > _MOST_POINTS else wall.copy()
    )
    noise = np.random.default_rng(0).standard_normal(scaled.points.shape)
    scaled.points = _TO_VMTK * (np.asarray(scaled.points, dtype=np.float64) + _JITTER * wall.length * noise)
    with _silence():
        capped, hubs = _cap(scaled)
        finder = cKDTree(capped.points[hubs])
        ends = [int(finder.query(_TO_VMTK * np.asarray(end))[1]) for end in (source, *targets)]
        filter_ = vtkvmtk.vtkvmtkPolyDataCenterlines()
        filter_.SetInputData(capped)
        filter_.SetCapCenterIds(_ids(hubs))
        filter_.SetSourceSeedIds(_ids(ends[:1]))
        filter_.SetTargetSeedIds(_ids(ends[1:]))
        filter_.SetRadiusArrayName(_RADIUS)
        filter_.SetCostFunction("1/R")
        filter_.SetFlipNormals(0)
        filter_.SetAppendEndPointsToCenterlines(0)
        filter_.SetSimplifyVoronoi(0)
        filter_.Update()
    lines = pv.wrap(filter_.GetOutput())
    curves: list[tuple[FloatArray, FloatArray]] = []
    for index in range(lines.n_cells):
        ids = np.asarray(lines.get_cell(index).point_ids)
        points = np.asarray(lines.points, dtype=np.float64)[ids] / _TO_VMTK
        radii = np.asarray(lines[_RADIUS], dtype=np.float64)[ids] / _TO_VMTK
        curves.append((np.asarray(points), np.asarray(radii)))
    if len(curves) != len(targets) or any(len(points) < 3 for points, _ in curves):
        raise SurfaceError(
            "no way through the lumen leads from the inlet to every outlet",
            where="centreline",
            value=", ".join(names) or None,
            expected="one lumen that hangs together",
            remedy="look at the surface for a closed vessel, or segment again",
        )
    return curves


def _cap(wall: pv.PolyData) -> tuple[pv.PolyData, list[int]]:
    """The wall closed by one fan an opening, and the vertices at the fans' hubs."""
    from vmtk import vtkvmtk  # noqa: PLC0415  an optional package

    capper = vtkvmtk.vtkvmtkCapPolyData()
    capper.SetInputData(wall)
    capper.SetDisplacement(0.0)
    capper.SetInPlaneDisplacement(0.0)
    capper.Update()
    hubs = capper.GetCapCenterIds()
    return pv.wrap(capper.GetOutput()), [hubs.GetId(index) for index in range(hubs.GetNumberOfIds())]


@contextmanager
def _silence() -> Iterator[None]:
    """VTK's warnings off: failure shows in the result, which is checked."""
    before = vtkObject.GetGlobalWarningDisplay()
    vtkObject.SetGlobalWarningDisplay(0)
    try:
        yield
    finally:
        vtkObject.SetGlobalWarningDisplay(before)


def _ids(values: Sequence[int]) -> vtkIdList:
    ids = vtkIdList()
    for value in values:
        ids.InsertNextId(value)
    return ids
