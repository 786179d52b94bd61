"""The extracted surface against the exact anatomy, and against a sphere."""

import numpy as np
import pytest
from scipy.special import erf

from geometry.idealised.anatomy import Anatomy
from geometry.imaging.image import Image
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.growing import segment_lumen
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.surface import Surface, check_closed, enclosed_volume
from hemoplan.arrays import FloatArray
from hemoplan.case import Case
from hemoplan.errors import SurfaceError

MM = 1.0e-3


def inside_image(surface: Surface, anatomy: Anatomy) -> FloatArray:
    """Points of a surface that are not on, or rounded by, the cut that the image's border makes."""
    lower, upper = anatomy.field_of_view
    seen = np.all((surface.points > lower + 2 * MM) & (surface.points < upper - 2 * MM), axis=1)
    return np.asarray(surface.points[seen])


def test_surface_is_closed(closed_surface: Surface) -> None:
    check_closed(closed_surface, where="test")


def test_distance_to_the_anatomy(closed_surface: Surface, anatomy: Anatomy) -> None:
    """The target is 0.1 mm on every radius; noise of 20 HU on an edge of 0.35 mm costs about 0.02 mm."""
    distance = anatomy.distance(inside_image(closed_surface, anatomy))
    assert abs(distance.mean()) < 0.01 * MM
    assert np.quantile(np.abs(distance), 0.95) < 0.06 * MM
    assert np.abs(distance).max() < 0.2 * MM


@pytest.mark.parametrize(
    ("name", "position", "tolerance"),
    [
        ("aorta", 10.0, 0.03),
        ("aorta", 35.5, 0.03),
        ("aorta", 39.5, 0.06),  # the throat, radius 1.1 mm: resistance goes with its fourth power
        ("aorta", 45.5, 0.03),
        ("aorta", 58.0, 0.03),
        ("brachiocephalic", 10.0, 0.03),
        ("left_carotid", 8.0, 0.03),
        ("left_subclavian", 8.0, 0.03),
    ],
)
def test_radius_at_a_station(
    name: str, position: float, tolerance: float, closed_surface: Surface, anatomy: Anatomy
) -> None:
    branch = anatomy.branch(name)
    centre = branch.point(position * MM)
    index = int(np.argmin(np.linalg.norm(branch.centreline - centre, axis=1)))
    offset = closed_surface.points - centre
    along = offset @ branch.tangents[index]
    radial = np.linalg.norm(offset - along[:, None] * branch.tangents[index], axis=1)
    exact = float(branch.radius(position * MM))
    ring = (np.abs(along) < 0.2 * MM) & (radial < 1.5 * exact)
    assert np.count_nonzero(ring) > 10
    assert branch.distance(closed_surface.points[ring]).mean() == pytest.approx(0.0, abs=tolerance * MM)


def test_volume(closed_surface: Surface, cover: FloatArray, scan: Image) -> None:
    assert enclosed_volume(closed_surface) == pytest.approx(cover.sum() * scan.voxel_volume, rel=0.01)


def test_the_same_scan_gives_the_same_surface(scan: Image, case: Case, closed_surface: Surface) -> None:
    again = extract_surface(scan, segment_lumen(scan, case.segmentation.seed))
    assert np.array_equal(again.points, closed_surface.points)
    assert np.array_equal(again.triangles, closed_surface.triangles)


@pytest.mark.parametrize("mirrored", [False, True])
def test_blurred_sphere_gets_its_radius_back(mirrored: bool) -> None:
    """A Gaussian blur moves the half maximum of a sphere inwards by about sigma²/R; the correction undoes that.

    The blurred ball is exact: with s = sigma sqrt 2, I(r) = [erf((R+r)/s) + erf((R-r)/s)]/2
    - sigma/(r sqrt(2 pi)) [exp(-((R-r)/s)²) - exp(-((R+r)/s)²)].
    """
    radius, sigma, spacing = 2.0 * MM, 0.4 * MM, np.array([0.4, 0.4, 0.5]) * MM
    direction = np.diag([-1.0, 1.0, 1.0]) if mirrored else np.eye(3)
    origin = direction @ (-15.5 * spacing)
    grid = origin + (np.indices((32, 32, 32)).reshape(3, -1).T * spacing) @ direction.T
    r = np.linalg.norm(grid, axis=1)
    s = sigma * np.sqrt(2.0)
    ball = 0.5 * (erf((radius + r) / s) + erf((radius - r) / s))
    tails = np.exp(-(((radius - r) / s) ** 2)) - np.exp(-(((radius + r) / s) ** 2))
    ball -= sigma / (r * np.sqrt(2.0 * np.pi)) * tails
    voxels = (40.0 + 260.0 * ball).reshape(32, 32, 32).astype(np.float32)
    image = Image(voxels=voxels, spacing=spacing, origin=origin, direction=direction)
    surface = extract_surface(image, segment_lumen(image, (0.0, 0.0, 0.0)))
    assert enclosed_volume(surface) > 0.0
    assert np.linalg.norm(surface.points, axis=1).mean() == pytest.approx(radius, abs=0.03 * MM)


def test_largest_part_is_kept(scan: Image, lumen: LabelMap, closed_surface: Surface) -> None:
    labels = lumen.labels.copy()
    labels[:6, :6, :6] = LUMEN
    more = LabelMap(
        labels=labels,
        spacing=lumen.spacing,
        origin=lumen.origin,
        direction=lumen.direction,
        names=lumen.names,
    )
    surface = extract_surface(scan, more)
    assert enclosed_volume(surface) == pytest.approx(enclosed_volume(closed_surface), rel=1e-3)


def test_map_without_lumen_is_rejected(scan: Image, lumen: LabelMap) -> None:
    empty = LabelMap(
        labels=np.zeros_like(lumen.labels),
        spacing=lumen.spacing,
        origin=lumen.origin,
        direction=lumen.direction,
        names=lumen.names,
    )
    with pytest.raises(SurfaceError, match="holds no lumen"):
        extract_surface(scan, empty)
