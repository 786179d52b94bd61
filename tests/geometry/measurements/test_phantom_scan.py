"""The shipped phantom, measured on the surface that was segmented from its scan."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from geometry.centerlines.centerline import compute_centerline
from geometry.idealised.anatomy import Anatomy
from geometry.imaging.image import Image
from geometry.measurements.survey import Survey, survey_vessels
from geometry.surfaces.surface import Surface


@pytest.fixture(scope="module")
def survey(open_surface: Surface) -> Survey:
    return survey_vessels(open_surface, compute_centerline(open_surface), surface_area=0.221)


def test_diameters_are_within_half_a_voxel(survey: Survey, anatomy: Anatomy, scan: Image) -> None:
    aorta = anatomy.branch("aorta")
    tree = cKDTree(aorta.centreline)
    voxel = float(np.max(scan.spacing))
    assert len(survey.table.measurements) >= 8
    for found in survey.table.measurements:
        gap, nearest = tree.query(found.centre)
        exact = 2.0 * float(aorta.radius(aorta.arc_length[nearest]))
        assert gap < 0.5 * voxel, found.name
        assert found.diameters.equivalent == pytest.approx(exact, abs=max(0.02 * exact, 0.5 * voxel)), (
            found.name
        )
        assert found.normal @ aorta.tangents[nearest] > np.cos(np.radians(10.0)), found.name


def test_the_coarctation_is_at_its_place_and_far_below_normal(
    survey: Survey, anatomy: Anatomy, scan: Image
) -> None:
    aorta = anatomy.branch("aorta")
    throat = aorta.centreline[int(np.argmin(aorta.radius(aorta.arc_length)))]
    found = survey.table.get("narrowest")
    assert np.linalg.norm(found.centre - throat) < float(np.max(scan.spacing))
    assert survey.narrowing is not None
    assert survey.narrowing.against_distal == pytest.approx(1.0 - 2.2 / 6.5, abs=0.05)
    assert all(-2.5 < score.value < 0.5 for score in survey.table.scores("isthmus"))
    assert survey.arch is not None
    assert 0.4 < survey.arch.ratio < 0.8
