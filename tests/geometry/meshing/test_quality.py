import numpy as np
import pytest

from geometry.meshing.cell_shapes import measure_cells
from geometry.meshing.quality import cell_volumes, dihedral_angles, measure_quality, radius_ratios

REGULAR = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]])
CORNER = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
CELL = np.array([[0, 1, 2, 3]])


def test_regular_tetrahedron_is_perfect():
    assert radius_ratios(REGULAR, CELL) == pytest.approx([1.0])
    assert dihedral_angles(REGULAR, CELL) == pytest.approx(np.full((1, 2), np.degrees(np.arccos(1.0 / 3.0))))
    assert measure_cells(REGULAR, CELL).aspect_ratio == pytest.approx([1.0])


def test_corner_of_a_cube_has_the_textbook_values():
    # r_in = 1 / (3 + sqrt 3), r_out = sqrt(3) / 2; three right angles and three of arccos(1 / sqrt 3).
    assert radius_ratios(CORNER, CELL) == pytest.approx([3.0 / (3.0 + np.sqrt(3.0)) / (np.sqrt(3.0) / 2.0)])
    assert dihedral_angles(CORNER, CELL)[0] == pytest.approx([np.degrees(np.arccos(3**-0.5)), 90.0])
    # Longest edge sqrt(2), smallest height 1 / sqrt(3).
    assert measure_cells(CORNER, CELL).aspect_ratio == pytest.approx([np.sqrt(6.0) * np.sqrt(2.0 / 3.0)])
    assert cell_volumes(CORNER, CELL) == pytest.approx([1.0 / 6.0])


def test_quality_does_not_depend_on_the_unit():
    small = measure_quality(1e-4 * CORNER, CELL)
    assert small.radius_ratio_min == pytest.approx(measure_quality(CORNER, CELL).radius_ratio_min)
    assert small.edge_max == pytest.approx(1e-4 * np.sqrt(2.0))


def test_flat_cell_has_quality_zero_and_no_warning():
    flat = CORNER.copy()
    flat[3] = [1.0, 1.0, 0.0]
    assert radius_ratios(flat, CELL) == pytest.approx([0.0], abs=1e-12)


def test_inverted_cell_has_a_negative_volume_and_jacobian():
    turned = CELL[:, [1, 0, 2, 3]]
    assert measure_cells(CORNER, turned).volume == pytest.approx([-1.0 / 6.0])
    both = np.vstack([CELL, [[0, 1, 2, 3]], CELL, turned])
    assert measure_quality(CORNER, both).jacobian_min < 0.0


def test_histograms_count_every_cell_once_also_beyond_their_ends():
    needle = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.3, 0.3, 1e-4]])
    quality = measure_quality(np.vstack([CORNER, needle]), np.vstack([CELL, CELL + 4]))
    for histogram in (quality.radius_ratios, quality.dihedrals, quality.aspect_ratios):
        assert sum(histogram.counts) == 2
        assert len(histogram.edges) == len(histogram.counts) + 1
    assert quality.aspect_ratios.counts[-1] == 1
    assert quality.dihedrals.counts[0] == 1


def test_volume_is_compared_with_what_the_surface_encloses():
    assert measure_quality(CORNER, CELL, enclosed=0.25).volume_error == pytest.approx(1.0 / 3.0)
