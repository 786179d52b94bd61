"""Segmentation of the phantom, and what a wrong seed says."""

import re

import numpy as np
import pytest

from geometry.idealised.anatomy import Anatomy, Branch, Ellipsoid
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.growing import segment_lumen
from hemoplan.arrays import FloatArray, Vec3
from hemoplan.case import Case
from hemoplan.errors import SegmentationError

MM = 1.0e-3


def test_lumen_is_the_anatomy(cover: FloatArray, lumen: LabelMap) -> None:
    exact, found = cover > 0.5, lumen.labels == LUMEN
    dice = 2.0 * np.count_nonzero(exact & found) / (np.count_nonzero(exact) + np.count_nonzero(found))
    # Were the edge misplaced by 0.1 mm everywhere, the coefficient would be .96.
    assert dice > 0.98
    assert lumen.names == {LUMEN: "lumen"}


def test_neighbours_are_left_out(scan: Image, anatomy: Anatomy, lumen: LabelMap) -> None:
    for neighbour in anatomy.neighbours:
        inside = neighbour.tube.centreline
        index = np.rint(scan.to_index(inside)).astype(int)
        seen = index[np.all((index >= 0) & (index < scan.voxels.shape), axis=1)]
        assert not lumen.labels[tuple(seen.T)].any(), neighbour.tube.name


@pytest.mark.parametrize("branch", ["left_carotid", "left_subclavian", "aorta"])
def test_any_seed_in_the_lumen_finds_the_same_lumen(
    branch: str, scan: Image, anatomy: Anatomy, lumen: LabelMap
) -> None:
    x, y, z = anatomy.branch(branch).point(9 * MM)
    again = segment_lumen(scan, (x, y, z))
    different = np.count_nonzero(again.labels != lumen.labels)
    assert different < 0.003 * np.count_nonzero(lumen.labels)


def test_given_limits_are_used(scan: Image, case: Case) -> None:
    narrow = segment_lumen(scan, case.segmentation.seed, lower=230.0)
    wide = segment_lumen(scan, case.segmentation.seed, lower=140.0)
    assert narrow.level == 230.0
    assert np.count_nonzero(narrow.labels) < np.count_nonzero(wide.labels)


@pytest.mark.parametrize(
    "seed",
    [(0.0, -4e-3, -10e-3), (19e-3, -4e-3, 0.0), (0.0, -23e-3, 22e-3)],
    ids=["soft tissue", "lung", "corner"],
)
def test_seed_in_the_background_names_the_nearest_vessel(seed: Vec3, scan: Image) -> None:
    with pytest.raises(SegmentationError, match="not inside a bright vessel") as error:
        segment_lumen(scan, seed)
    place = re.search(r"bright structure is at \((.*), (.*), (.*)\) mm, intensity (\d+)", str(error.value))
    assert place is not None, str(error.value)
    assert re.search(r"intensity -?\d+ at", str(error.value))
    i, j, k = np.rint(scan.to_index(MM * np.array([float(value) for value in place.groups()[:3]]))).astype(
        int
    )
    assert scan.voxels[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2].mean() > 120.0


def test_seed_outside_the_image_shows_its_extent(scan: Image) -> None:
    message = r"outside the image.*\(100\.0, 0\.0, 0\.0\) mm.*x from -19\.8 to 23\.8.*RAS"
    with pytest.raises(SegmentationError, match=message):
        segment_lumen(scan, (0.1, 0.0, 0.0))


def test_seed_below_a_given_limit_is_rejected(scan: Image, case: Case) -> None:
    with pytest.raises(SegmentationError, match=r"expected an intensity from 500"):
        segment_lumen(scan, case.segmentation.seed, lower=500.0)


def test_leak_is_rejected(scan: Image, case: Case) -> None:
    with pytest.raises(SegmentationError, match=r"leaks.*Raise 'segmentation.lower'"):
        segment_lumen(scan, case.segmentation.seed, lower=0.0)


def test_bone_that_touches_the_vessel_is_a_leak_until_an_upper_limit_is_set() -> None:
    tube = Branch(
        name="tube",
        control_points=MM * np.array([[0.0, 0.0, -20.0], [0.0, 0.0, 20.0]]),
        stations=np.array([0.0, MM]),
        station_radii=MM * np.array([2.5, 2.5]),
    )
    bone = Ellipsoid(
        name="bone",
        intensity=700.0,
        centre=MM * np.array([0.0, 4.5, 0.0]),
        semi_axes=MM * np.array([4.0, 3.0, 3.0]),
    )
    box = MM * np.array([[-10.0, -8.0, -12.0], [10.0, 12.0, 12.0]])
    anatomy = Anatomy(
        name="bone", branches=(tube,), field_of_view=box, blood=300.0, background=40.0, ellipsoids=(bone,)
    )
    image = voxelise(anatomy)
    with pytest.raises(SegmentationError, match=r"such as bone.*Set 'segmentation\.upper'"):
        segment_lumen(image, (0.0, 0.0, -8 * MM))
    labels = segment_lumen(image, (0.0, 0.0, -8 * MM), upper=400.0).labels
    volume = np.count_nonzero(labels) * image.voxel_volume
    assert volume == pytest.approx(np.pi * (2.5 * MM) ** 2 * 24 * MM, rel=0.1)
