"""What lies beyond the cuts of extended openings is left out of pictures: walls, the lumen, streamlines, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyvista as pv

from geometry.openings.extension_cuts import Cut, hidden
from hemoplan.arrays import IntArray
from hemoplan.patch import Patch


def hide_wall(wall: pv.PolyData, cuts: Mapping[str, Cut]) -> pv.PolyData:
    """The triangles none of whose corners lies in an extension."""
    if not cuts:
        return wall
    beyond = hidden(np.asarray(wall.points), cuts)[np.asarray(wall.regular_faces)].any(axis=1)
    return wall.extract_cells(np.flatnonzero(~beyond)).extract_surface(algorithm=None)


def hide_lumen(lumen: pv.PolyData, grid: pv.UnstructuredGrid, cuts: Mapping[str, Cut]) -> pv.PolyData:
    """The boundary of the lumen as it is without its extensions, closed by the sections at their cuts.

    Args:
        lumen: Triangles of the boundary of the grid.
        grid: Cells with the point arrays that the sections carry on.
        cuts: By name of the opening.
    """
    rest = hide_wall(lumen, cuts)
    for cut in cuts.values():
        section = grid.slice(normal=cut.normal, origin=cut.centre)
        rest = rest.append_polydata(section.connectivity("closest", closest_point=cut.centre).triangulate())
    return rest


def hide_lines(lines: pv.PolyData, cuts: Mapping[str, Cut]) -> pv.PolyData:
    """Poly-lines cut off where they enter an extension; a line that comes back goes on as another."""
    if not cuts:
        return lines
    seen = ~hidden(np.asarray(lines.points), cuts)
    kept: list[int] = []
    cells: list[int] = []
    for line in _split(np.asarray(lines.lines)):
        for run in np.split(line, np.flatnonzero(np.diff(seen[line])) + 1):
            if len(run) > 1 and seen[run[0]]:
                cells += [len(run), *range(len(kept), len(kept) + len(run))]
                kept += [int(point) for point in run]
    shown = pv.PolyData(np.asarray(lines.points)[kept], lines=np.array(cells, dtype=np.int64))
    for name, values in lines.point_data.items():
        shown.point_data[name] = np.asarray(values)[kept]
    return shown


def move_openings(openings: tuple[Patch, ...], cuts: Mapping[str, Cut]) -> tuple[Patch, ...]:
    """The openings where they were before they were extended."""
    return tuple(
        replace(patch, centre=cuts[patch.name].centre) if patch.name in cuts else patch for patch in openings
    )


def _split(padded: IntArray) -> list[IntArray]:
    """The point numbers of each line of VTK's list: a count, so many numbers, the next count."""
    lines, begin = [], 0
    while begin < len(padded):
        end = begin + 1 + int(padded[begin])
        lines.append(padded[begin + 1 : end])
        begin = end
    return lines
