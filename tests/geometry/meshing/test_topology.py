import numpy as np
import pytest

from geometry.meshing.topology import BOUNDARY, OVERLAP, cells_around, count_pieces, face_neighbours
from geometry.meshing.volume import boundary_facets
from hemoplan.errors import MeshError


def kuhn_cube(n):
    """A cube of n³ boxes, each cut into six tetrahedra along its diagonal: conforming, with known counts."""
    index = np.arange((n + 1) ** 3).reshape((n + 1,) * 3)
    cells = []
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        corner = np.zeros(3, dtype=int)
        corners = [corner]
        for axis in order:
            corner = corner + np.eye(3, dtype=int)[axis]
            corners.append(corner)
        cells.append(
            np.stack(
                [index[c[0] : c[0] + n, c[1] : c[1] + n, c[2] : c[2] + n].ravel() for c in corners], axis=1
            )
        )
    return np.vstack(cells)


def test_cube_has_the_faces_that_it_must_have():
    n = 4
    cells = kuhn_cube(n)
    neighbours = face_neighbours(cells, (n + 1) ** 3)
    assert (neighbours == BOUNDARY).sum() == 12 * n**2
    cell, face = np.nonzero(neighbours >= 0)
    other = neighbours[cell, face]
    # Neighbours know each other, and share three vertices.
    assert (neighbours[other] == cell[:, None]).any(axis=1).all()
    assert ((cells[cell][:, :, None] == cells[other][:, None, :]).any(axis=2).sum(axis=1) == 3).all()
    assert count_pieces(neighbours) == 1


def test_cells_that_only_touch_at_an_edge_are_two_pieces():
    cells = np.array([[0, 1, 2, 3], [0, 1, 4, 5]])
    assert count_pieces(face_neighbours(cells, 6)) == 2


def test_third_cell_on_a_face_is_an_overlap():
    cells = np.array([[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 2, 5]])
    assert (face_neighbours(cells, 6) == OVERLAP).sum() == 3
    with pytest.raises(MeshError, match=r"cells overlap \(value: 3 faces"):
        boundary_facets(cells)


def test_cells_around_the_middle_of_a_cube():
    cells = kuhn_cube(2)
    chosen = np.zeros(27, dtype=bool)
    chosen[13] = True
    start, around = cells_around(cells, chosen)
    assert start[13] == 0 and start[14] == 24  # 24 cells meet at an inner vertex of this division
    assert (cells[around] == 13).any(axis=1).all()
