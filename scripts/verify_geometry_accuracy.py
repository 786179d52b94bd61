"""How exact segmentation, centrelines and measurements are, on anatomies whose every radius is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geometry.centerlines.centerline import Centerline, compute_centerline
from geometry.idealised.anatomy import Anatomy, Branch
from geometry.idealised.catalogue import build
from geometry.idealised.phantom import voxelise
from geometry.idealised.triangulation import to_surface
from geometry.measurements.survey import survey_vessels
from geometry.segmentation.accuracy import compare_with_anatomy
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import Method, Settings
from geometry.surfaces.extract import extract_surface
from hemoplan.errors import HemoplanError

SWEEP = (
    (0.3e-3, 20.0, 0.35e-3),
    (0.4e-3, 20.0, 0.35e-3),
    (0.5e-3, 20.0, 0.35e-3),
    (0.6e-3, 20.0, 0.35e-3),
    (0.4e-3, 10.0, 0.35e-3),
    (0.4e-3, 60.0, 0.35e-3),
    (0.4e-3, 20.0, 0.2e-3),
    (0.4e-3, 20.0, 0.6e-3),
)
"""Voxel [m], noise [HU], standard deviation of the blur [m]; the contrast is 260 HU."""
WIDTHS = (2.0e-3, 3.0e-3, 5.0e-3, 8.0e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table, as text."""

    cells: tuple[str, ...]


SEGMENTATION = (
    "anatomy",
    "method",
    "voxel [mm]",
    "noise [HU]",
    "blur [mm]",
    "mean distance [voxel]",
    "bias [voxel]",
    "bias [mm]",
    "95 % within [mm]",
    "s",
)


def segmentation_rows() -> Iterator[Row]:
    """The arch of a newborn with coarctation in scans of all kinds, and tubes of all widths."""
    arch = build("coarctation")
    for method in Method:
        for voxel, noise, blur in SWEEP:
            yield _segment(arch, "coarctation", method, voxel, noise, blur)
        for width in WIDTHS:
            tube = build("straight_tube", diameter=width)
            yield _segment(tube, f"tube of {1e3 * width:.0f} mm", method, 0.4e-3, 20.0, 0.35e-3)


def _segment(anatomy: Anatomy, name: str, method: Method, voxel: float, noise: float, blur: float) -> Row:
    image = voxelise(anatomy, voxel, noise=noise, blur=blur)
    settings = (name, str(method), f"{1e3 * voxel:.1f}", f"{noise:.0f}", f"{1e3 * blur:.2f}")
    x, y, z = (float(value) for value in anatomy.seed)
    start = time.perf_counter()
    try:
        found = segment(image, Settings(seeds={"seed": (x, y, z)}, method=method))
        surface = extract_surface(image, found.labels, distance=found.distance)
    except HemoplanError as error:
        return Row(cells=(*settings, f"refused: {error.what}", "", "", "", ""))
    seconds = time.perf_counter() - start
    deviation = compare_with_anatomy(surface, anatomy, image)
    return Row(
        cells=(
            *settings,
            f"{deviation.mean_in_voxels:.3f}",
            f"{deviation.bias_in_voxels:+.3f}",
            f"{1e3 * deviation.bias:+.3f}",
            f"{1e3 * deviation.quantile_95:.3f}",
            f"{seconds:.1f}",
        )
    )


CENTERLINES = (
    "anatomy",
    "points",
    "mean error [mm]",
    "largest [mm]",
    "mean radius error [%]",
    "least radius: exact, found [mm]",
    "s",
)


def centerline_rows() -> Iterator[Row]:
    """Families whose centrelines are exact."""
    for name, values in (
        ("straight_tube", {}),
        ("stenosed_tube", {"severity": 0.8}),
        ("bend", {}),
        ("aneurysm", {}),
        ("bifurcation", {}),
        ("aortic_arch", {}),
        ("coarctation", {}),
    ):
        anatomy = build(name, **values)
        surface = to_surface(anatomy, size=0.35e-3)
        start = time.perf_counter()
        lines = compute_centerline(surface)
        seconds = time.perf_counter() - start
        yield _compare_lines(name, anatomy, lines, len(surface.points), seconds)


def _compare_lines(name: str, anatomy: Anatomy, lines: Centerline, count: int, seconds: float) -> Row:
    """Points of the lines against the nearest exact centreline, away from junctions, where there is none."""
    gaps, errors = [], []
    for branch in anatomy.branches:
        inside = _own_points(anatomy, branch, lines)
        distance, _ = cKDTree(branch.centreline).query(lines.points[inside])
        gaps.append(distance)
        exact = np.array([_inscribed(branch, point) for point in lines.points[inside]])
        errors.append(lines.radius[inside] / exact - 1.0)
    gap, error = np.concatenate(gaps), np.concatenate(errors)
    least = min(float(branch.station_radii.min()) for branch in anatomy.branches)
    return Row(
        cells=(
            name,
            f"{count:,}",
            f"{1e3 * gap.mean():.3f}",
            f"{1e3 * gap.max():.3f}",
            f"{100.0 * np.abs(error).mean():.2f}",
            f"{1e3 * least:.2f}, {1e3 * float(lines.radius.min()):.2f}",
            f"{seconds:.2f}",
        )
    )


def _inscribed(branch: Branch, point: np.ndarray) -> float:
    """Distance of a point from the circles that a tube is made of: the radius of the largest sphere around it [m]."""
    offset = point - branch.centreline
    along = np.einsum("ij,ij->i", offset, branch.tangents)
    across = np.linalg.norm(offset - along[:, None] * branch.tangents, axis=1)
    return float(np.hypot(along, branch.radius(branch.arc_length) - across).min())


def _own_points(anatomy: Anatomy, branch: Branch, lines: Centerline) -> np.ndarray:
    """Points that lie on one branch alone: within half its radius of its centreline, and outside of every other."""
    distance, nearest = cKDTree(branch.centreline).query(lines.points)
    own = distance < 0.5 * branch.radius(branch.arc_length[nearest])
    for other in anatomy.branches:
        if other is not branch:
            own &= other.distance(lines.points) > 0.3 * float(other.station_radii.max())
    return np.asarray(np.flatnonzero(own))


MEASUREMENTS = (
    "anatomy",
    "station",
    "exact [mm]",
    "area-equivalent [mm]",
    "error [%]",
    "least, greatest [mm]",
)


def measurement_rows() -> Iterator[Row]:
    """Stations on vessels whose radius is exact there."""
    for name, values in (
        ("aortic_arch", {}),
        ("coarctation", {"severity": 0.5}),
        ("coarctation", {"severity": 0.75}),
        ("pulmonary_arteries", {}),
    ):
        anatomy = build(name, **values)
        surface = to_surface(anatomy, size=0.4e-3)
        table = survey_vessels(surface, compute_centerline(surface)).table
        for measured in table.measurements:
            exact = _exact_diameter(anatomy, measured.centre)
            if exact is None or measured.spoilt:
                continue
            found = measured.diameters
            yield Row(
                cells=(
                    name + "".join(f", {key} {value:g}" for key, value in values.items()),
                    measured.name.replace("_", " "),
                    f"{1e3 * exact:.2f}",
                    f"{1e3 * found.equivalent:.2f}",
                    f"{100.0 * (found.equivalent / exact - 1.0):+.1f}",
                    f"{1e3 * found.least:.2f}, {1e3 * found.greatest:.2f}",
                )
            )


def _exact_diameter(anatomy: Anatomy, point: np.ndarray) -> float | None:
    """Diameter of the one branch that a point lies in the middle of; None near a junction."""
    inside = [branch for branch in anatomy.branches if branch.distance(point[None])[0] < 0.0]
    if len(inside) != 1:
        return None
    branch = inside[0]
    _, nearest = cKDTree(branch.centreline).query(point)
    return 2.0 * float(branch.radius(branch.arc_length[int(nearest)]))
