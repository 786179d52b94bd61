"""Pictures of the stages: places and sides are right, and every outline is drawn."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from geometry.centerlines.centerline import Centerline
from geometry.imaging.image import Image
from geometry.imaging.label_map import LabelMap
from geometry.meshing.volume import VolumeMesh
from hemoplan.patch import Patch, Role
from planning.pictures.cells import draw_cells
from planning.pictures.saving import save_picture
from planning.pictures.slices import draw_slices
from planning.pictures.vessels import Plane, draw_planes, draw_vessels
from tests.geometry.vessels import straight, tube

MM = 1.0e-3
SIZES = np.array([0.5, 0.7, 1.1]) * MM


def bright_spot(direction: np.ndarray) -> tuple[Image, LabelMap, np.ndarray]:
    """A cube of 3 × 3 × 3 bright voxels in a scan with the given axes, its label, and its middle."""
    shape = (24, 20, 16)
    voxels = np.zeros(shape, dtype=np.float32)
    inside = (slice(5, 8), slice(11, 14), slice(8, 11))
    voxels[inside] = 100.0
    grid = {"spacing": SIZES, "origin": np.array([10.0, -20.0, 30.0]) * MM, "direction": direction}
    image = Image(voxels=voxels, **grid)
    labels = LabelMap(labels=(voxels > 50.0).astype(np.uint8), names={1: "lumen"}, **grid)
    return image, labels, image.to_world(np.array([6.0, 12.0, 9.0]))


def turned_axes() -> list[np.ndarray]:
    return [
        np.eye(3)[:, list(order)] * signs
        for order, signs in product(permutations(range(3)), ([1, 1, 1], [-1, -1, 1], [1, -1, -1]))
    ]


@pytest.mark.parametrize("direction", turned_axes())
def test_a_spot_is_drawn_where_it_lies_however_the_scan_is_turned(direction: np.ndarray) -> None:
    image, labels, middle = bright_spot(direction)
    figure = draw_slices(image, labels)
    views = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}
    seen = set()
    for axis in figure.axes:
        name = axis.get_title("left").split(",")[0]
        seen.add(name)
        picture = axis.images[0]
        values = np.asarray(picture.get_array())
        left, right, bottom, top = picture.get_extent()
        rows, columns = np.nonzero(values > 50.0)
        place = (
            left + (columns.mean() + 0.5) / values.shape[1] * (right - left),
            bottom + (rows.mean() + 0.5) / values.shape[0] * (top - bottom),
        )
        assert place == pytest.approx(1e3 * middle[list(views[name])], abs=1e-6)
        low, high = axis.get_xlim()
        assert low > high, "the patient's right, and the front, lie on the left"
        outlines = [each for each in axis.collections if not isinstance(each, LineCollection)]
        assert outlines, "the label's outline"
    assert seen == set(views)


def line_through(length: float, radius: float) -> Centerline:
    steps = np.linspace(0.0, length, 20)
    return Centerline(
        points=np.column_stack([np.zeros(20), np.zeros(20), steps]),
        radius=np.full(20, radius),
        offsets=np.array([0, 20]),
        outlets=("outlet",),
    )


def test_a_tube_with_its_centreline_and_its_planes() -> None:
    surface = tube(straight(20 * MM), lambda t: np.full_like(t, 3 * MM), size=1 * MM, length=20 * MM)
    angles = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    ring = 3 * MM * np.column_stack([np.cos(angles), np.sin(angles), np.full(40, 10.0 / 3.0)])
    for figure in (
        draw_vessels(surface, line_through(20 * MM, 3 * MM)),
        draw_planes(surface, [Plane(label="1", outline=ring)]),
    ):
        titles = [axis.get_title("left") for axis in figure.axes if axis.get_title("left")]
        assert len(titles) == 2
        assert len(set(titles)) == 2
        names = {text.get_text() for text in figure.axes[0].texts}
        assert {"inlet", "outlet"} <= names


def test_the_worst_cell_is_named(tmp_path: Path) -> None:
    # A regular tetrahedron and one that is flat: heights of 1 : 0.02.
    points = MM * np.array(
        [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0], [1.04, 1.04, -1.04]]
    )
    cells = np.array([[0, 2, 1, 3], [0, 1, 2, 4]])
    faces = np.array([[0, 1, 2]])
    patches = (Patch(name="wall", role=Role.WALL, tag=1, area=1e-6, centre=(0, 0, 0), normal=(0, 0, 0)),)
    mesh = VolumeMesh(
        points=points, tetrahedra=cells, facets=faces, facet_tags=np.array([1]), patches=patches
    )
    figure = draw_cells(mesh, focus=np.zeros(3), radius=1 * MM)
    assert isinstance(figure, Figure)
    notes = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert len([note for note in notes if note.startswith("worst")]) == 2
    save_picture(figure, tmp_path / "cells.png")
    assert (tmp_path / "cells.png").stat().st_size > 10_000
