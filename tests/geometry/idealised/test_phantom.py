"""The phantom against the anatomy that it shows."""

import numpy as np

from geometry.idealised.anatomy import Anatomy, Branch
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image

MM = 1.0e-3


def tube_anatomy(radius: float) -> Anatomy:
    tube = Branch(
        name="tube",
        control_points=MM * np.array([[0.1, 0.2, -30], [0.1, 0.2, 30]]),
        stations=np.array([0.0, MM]),
        station_radii=np.array([radius, radius]),
    )
    box = MM * np.array([[-5.0, -5.0, -2.0], [5.0, 5.0, 2.0]])
    return Anatomy(name="tube", branches=(tube,), field_of_view=box, blood=300.0, background=40.0)


def test_partial_volume_keeps_the_area_of_a_tube() -> None:
    for radius in (1.1 * MM, 3.0 * MM):
        image = voxelise(tube_anatomy(radius), noise=0.0)
        filled = (image.voxels - 40.0) / 260.0
        areas = filled.sum(axis=(0, 1)) * image.spacing[0] * image.spacing[1]
        assert np.allclose(areas, np.pi * radius**2, rtol=0.01, atol=0.0)


def test_intensities_are_those_of_the_tissues(scan: Image, anatomy: Anatomy) -> None:
    aorta = anatomy.branch("aorta")
    vein = anatomy.neighbours[0].tube
    for point, intensity in ((aorta.point(10 * MM), 300.0), (vein.point(20 * MM), 175.0)):
        i, j, k = np.rint(scan.to_index(point)).astype(int)
        assert abs(scan.voxels[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2].mean() - intensity) < 15.0


def test_the_same_seed_gives_the_same_image_and_noise_of_the_stated_size() -> None:
    anatomy = tube_anatomy(2.0 * MM)
    one, again, other = voxelise(anatomy, seed=3), voxelise(anatomy, seed=3), voxelise(anatomy, seed=4)
    assert np.array_equal(one.voxels, again.voxels)
    assert not np.array_equal(one.voxels, other.voxels)
    noise = one.voxels - voxelise(anatomy, noise=0.0).voxels
    assert abs(noise.std() - 20.0) < 0.5


def test_a_vessel_that_leaves_the_image_stays_bright_up_to_its_border(scan: Image, anatomy: Anatomy) -> None:
    lower = anatomy.field_of_view[0]
    aorta = anatomy.branch("aorta")
    at_border = int(np.argmin(np.abs(aorta.centreline[:, 2] - lower[2])))
    i, j, _ = np.rint(scan.to_index(aorta.centreline[at_border])).astype(int)
    assert abs(scan.voxels[i - 2 : i + 3, j - 2 : j + 3, 0].mean() - 300.0) < 15.0
