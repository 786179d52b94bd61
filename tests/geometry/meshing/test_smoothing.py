import numpy as np

from geometry.meshing.cell_shapes import measure_cells
from geometry.meshing.smoothing import POOR, improve

# An octahedron whose eight cells meet in a vertex near one of its faces.
AXES = np.vstack([np.eye(3), -np.eye(3)])
CELLS = np.array([[6, 0, 1, 2], [6, 1, 3, 2], [6, 3, 4, 2], [6, 4, 0, 2]])
CELLS = np.vstack([CELLS, np.column_stack([CELLS[:, 0], CELLS[:, 2], CELLS[:, 1], np.full(4, 5)])])


def points_with_middle_at(place):
    return np.vstack([AXES, [place]])


def test_vertex_goes_to_where_the_worst_cell_is_best():
    points = points_with_middle_at([0.32, 0.32, 0.32])
    movable = np.arange(7) == 6
    assert measure_cells(points, CELLS).volume.min() > 0.0
    assert measure_cells(points, CELLS).dihedral_min.min() < POOR
    better = improve(points, CELLS, movable)
    assert np.array_equal(better[:6], points[:6])
    # By symmetry the middle would be best; work stops where no cell is poor any more.
    assert measure_cells(better, CELLS).dihedral_min.min() > POOR
    assert np.linalg.norm(better[6]) < 0.8 * np.linalg.norm(points[6])


def test_good_cells_and_fixed_vertices_stay():
    points = points_with_middle_at([0.0, 0.0, 0.0])
    assert np.array_equal(improve(points, CELLS, np.ones(7, dtype=bool)), points)
    points = points_with_middle_at([0.32, 0.32, 0.32])
    assert np.array_equal(improve(points, CELLS, np.zeros(7, dtype=bool)), points)
