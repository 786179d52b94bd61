"""The MR angiography of an adult aorta, from image to named openings, against the published surface."""

from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.imaging.image import Image, read
from geometry.openings.cutting import cut_openings
from geometry.segmentation.growing import segment_lumen
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.surface import Surface, check_closed, to_polydata
from hemoplan.arrays import FloatArray
from hemoplan.case import Case
from hemoplan.case_file import load_case

MM = 1.0e-3
CASE = Path(__file__).resolve().parents[1] / "cases" / "vmtk_aorta"


@pytest.fixture(scope="module")
def case(shared_data: Path) -> Case:
    return load_case(CASE, [f"image.path={shared_data / 'vmtk_aorta' / 'aorta.mha'}"])


@pytest.fixture(scope="module")
def image(case: Case) -> Image:
    assert case.image.path is not None
    return read(case.image.path)


@pytest.fixture(scope="module")
def closed(image: Image, case: Case) -> Surface:
    return extract_surface(image, segment_lumen(image, case.segmentation.seed))


@pytest.fixture(scope="module")
def surface(closed: Surface, case: Case) -> Surface:
    return cut_openings(closed, case.openings)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> FloatArray:
    """Vertices of the published surface; its file is in RAS and millimetres."""
    mesh = pv.read(shared_data / "vmtk_aorta" / "aorta-surface.vtp")
    return np.asarray(mesh.points, dtype=np.float64) * MM


def test_three_openings_are_cut_where_the_case_says(surface: Surface, case: Case) -> None:
    check_closed(surface, where="test")
    assert [patch.name for patch in surface.openings] == ["abdominal_aorta", "right_iliac", "left_iliac"]
    for patch, entry in zip(surface.openings, case.openings, strict=True):
        assert np.linalg.norm(np.array(entry.near) - patch.centre) < 2.5 * MM, patch.name
    radii = {patch.name: np.sqrt(patch.area / np.pi) for patch in surface.openings}
    assert radii["abdominal_aorta"] == pytest.approx(8.0 * MM, rel=0.1)
    assert radii["left_iliac"] == pytest.approx(4.5 * MM, rel=0.1)


def test_distance_to_the_published_surface(closed: Surface, published: FloatArray) -> None:
    """The published level set lies inside of the half maximum: the middle intensity on it is 56 % of the contrast.

    So a bias of some tenths of a millimetre is expected; both are far below the voxel of 0.88 × 0.88 × 1.5 mm.
    """
    inside = pv.PolyData(published).compute_implicit_distance(to_polydata(closed))
    distance = np.asarray(inside["implicit_distance"])
    assert np.abs(distance).mean() < 0.5 * MM
    assert -0.45 * MM < distance.mean() < 0.0
