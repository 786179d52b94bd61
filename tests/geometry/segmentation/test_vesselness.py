"""Vesselness: the answer to a tube of known width, and thin branches that come back."""

import numpy as np
import pytest

from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN
from geometry.segmentation.outcome import Concern
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import Settings, Vesselness
from geometry.segmentation.vesselness import respond
from tests.geometry.segmentation.tubes import MM, SEED, anatomy_of, scan_of, tube, vertical


@pytest.mark.parametrize("spacing", [0.1, 0.25])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.4])
def test_answer_in_the_middle_of_a_tube(scale: float, spacing: float) -> None:
    """x exp(-x) of the contrast with x = R² / (2 s²), whatever the voxels and the way the tube runs."""
    radius, step = 1.0, np.array([spacing, spacing, 1.2 * spacing]) * MM
    shape = (61, 61, 15) if spacing < 0.2 else (41, 41, 15)
    middle = (np.array(shape) - 1) // 2
    x, y = ((np.arange(shape[axis]) - middle[axis]) * step[axis] / MM for axis in (0, 1))
    # Cover of voxels by a disc, to a twentieth of a voxel.
    fine = (np.arange(20) - 9.5) / 20 * spacing
    x_fine, y_fine = (x[:, None] + fine).ravel(), (y[:, None] + fine).ravel()
    disc = np.hypot(*np.meshgrid(x_fine, y_fine, indexing="ij")) < radius
    cover = disc.reshape(shape[0], 20, shape[1], 20).mean(axis=(1, 3))
    values = np.repeat(100.0 * cover[:, :, None], shape[2], axis=2).astype(np.float32)
    image = Image(voxels=values, spacing=step, origin=np.zeros(3), direction=np.eye(3))
    where = np.zeros(shape, dtype=bool)
    where[tuple(middle)] = True
    answer = respond(image, values, where, (scale * MM,))[tuple(middle)]
    x_ratio = radius**2 / (2.0 * scale**2)
    assert answer == pytest.approx(100.0 * x_ratio * np.exp(-x_ratio), rel=0.1)


def test_a_wall_and_a_dark_tube_do_not_answer() -> None:
    x = np.arange(40)[:, None, None] - 19.5
    wall = np.broadcast_to((x < 0).astype(np.float32), (40, 40, 40)).copy()
    grid = np.indices((40, 40)) - 19.5
    dark = np.repeat((np.hypot(*grid) > 4).astype(np.float32)[:, :, None], 40, axis=2)
    for values in (wall, dark):
        image = Image(voxels=values, spacing=np.full(3, 0.25 * MM), origin=np.zeros(3), direction=np.eye(3))
        middle = np.zeros((40, 40, 40), dtype=bool)
        middle[12:28, 12:28, 12:28] = True
        inside = middle if values is wall else middle & (np.hypot(*grid)[:, :, None] < 3)
        assert respond(image, values, inside, (1.0 * MM,)).max() < 0.02


def test_a_branch_of_three_voxels_comes_back() -> None:
    branch = tube("branch", [[0, 0, 0], [5, 0, 2], [14, 0, 6]], [0.6, 0.6], parent="aorta")
    anatomy = anatomy_of(vertical("aorta", 0.0, 3.0), branch)
    image = scan_of(anatomy)
    places = np.array([branch.point(position * MM) for position in (6.0, 8.0, 10.0)])
    index = tuple(np.rint(image.to_index(places)).astype(int).T)
    without = segment(image, Settings(seeds={"seed": SEED}))
    assert not without.labels.labels[index].any()
    found = segment(image, Settings(seeds={"seed": SEED}, vesselness=Vesselness()))
    assert np.all(found.labels.labels[index] == LUMEN)
    (finding,) = found.findings
    assert finding.concern is Concern.RECOVERED
    assert branch.distance(np.array([finding.place]))[0] < 0.0
    # Nothing else is added: the rest is what it was.
    assert np.count_nonzero(found.labels.labels) - np.count_nonzero(without.labels.labels) < 300
