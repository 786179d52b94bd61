from dataclasses import replace

import numpy as np
import pytest

from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.quality import measure_quality
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import describe_mesh
from geometry.surfaces.surface import WALL_TAG, describe_patch, enclosed_volume
from hemoplan.patch import Role
from tests.geometry.vessels import bend, fork, straight, tube

SETTINGS = {"size": 6e-4, "min_size": 4e-4, "edges_per_radius": 5.0}


def pipe(size=7e-4, radius=3e-3, length=1.2e-2):
    return tube(straight(length), lambda t: np.full_like(t, radius), size=size, length=length)


def squeezed_tube():
    """Elliptic, 6 x 2 mm."""
    surface = pipe(size=4e-4)
    return flatten(surface, [1.0, 1.0 / 3.0, 1.0])


def kissing():
    """A hairpin of 6 mm whose inner walls lie 0.5 mm apart."""
    return tube(bend(3.25e-3), lambda t: np.full_like(t, 3e-3), size=4e-4, length=1.02e-2)


def flatten(surface, factors):
    points = surface.points * factors
    patches = tuple(
        describe_patch(
            points, surface.triangles[surface.patch_id == p.tag], name=p.name, role=p.role, tag=p.tag
        )
        for p in surface.patches
    )
    return replace(surface, points=points, patches=patches)


def dented(depth, width, angle=0.0):
    """A pipe with a groove (depth > 0, the wall comes inwards) or a ridge along its middle."""
    surface = pipe(size=3e-4)
    points = surface.points.copy()
    turn = np.arctan2(points[:, 1], points[:, 0]) - angle
    height = np.clip(np.minimum(points[:, 2], 1.2e-2 - points[:, 2]) / 3.6e-3, 0.0, 1.0)
    share = (np.hypot(points[:, 0], points[:, 1]) / 3e-3) ** 2 * height**2 * (3.0 - 2.0 * height)
    points[:, :2] *= (1.0 - depth * share * np.exp(-((turn / width) ** 2)))[:, None]
    return replace(surface, points=points)


def inner_depths(mesh, radius):
    """Distance from the wall of the vertices opposite to the wall in the cells that stand on it."""
    on_wall = np.zeros(len(mesh.points), dtype=bool)
    on_wall[mesh.facets[mesh.facet_tags == WALL_TAG]] = True
    first = mesh.tetrahedra[on_wall[mesh.tetrahedra].sum(axis=1) == 3]
    inner = np.unique(first[~on_wall[first]])
    return radius - np.hypot(mesh.points[inner, 0], mesh.points[inner, 1])


@pytest.mark.parametrize("vessel", ["pipe", "bend", "fork"])
@pytest.mark.parametrize("layers", [1, 3])
def test_layers_fill_the_same_lumen_with_the_same_openings(vessel, layers):
    surface = {
        "pipe": pipe,
        "bend": lambda: tube(bend(8e-3), lambda t: 3e-3 - 1e-3 * t, size=7e-4, length=np.pi * 8e-3),
        "fork": lambda: fork(size=7e-4),
    }[vessel]()
    mesh = tetrahedralise(surface, **SETTINGS, boundary_layers=layers)
    assert measure_quality(mesh.points, mesh.tetrahedra).volume == pytest.approx(
        enclosed_volume(surface), rel=1e-9
    )
    for old, new in zip(surface.patches, mesh.patches, strict=True):
        assert (new.name, new.tag) == (old.name, old.tag)
        assert new.area == pytest.approx(old.area, rel=1e-6)


def test_first_layer_is_thin_and_even_on_a_straight_tube():
    mesh = tetrahedralise(pipe(), **SETTINGS, boundary_layers=3)
    # 0.6 mm / (1 + 1.3 + 1.69) deep.
    assert inner_depths(mesh, 3e-3) == pytest.approx(6e-4 / 3.99, rel=0.15)


@pytest.mark.parametrize("height", [2e-5, 6e-5])
def test_first_height_is_what_was_asked(height):
    surface = pipe(size=5e-4)
    mesh = tetrahedralise(
        surface, **SETTINGS, boundary_layers=BoundaryLayers(count=4, first_height=height, growth=1.4)
    )
    # The facets of the polygonal tube lie inside of the circle by up to size² / (8 R); its vertices do not.
    assert inner_depths(mesh, 3e-3) == pytest.approx(height, rel=0.05)
    report = describe_mesh(mesh).layers
    assert report.first_height_mean == pytest.approx(height, rel=1e-6)
    assert report.full_share == pytest.approx(1.0)
    assert report.bare_share == 0.0


def test_layers_take_no_more_than_their_share_of_a_throat():
    surface = tube(
        straight(2e-2),
        lambda t: 3e-3 * (1.0 - 0.75 * np.exp(-(((t - 0.5) / 0.12) ** 2))),
        size=2.5e-4,
        length=2e-2,
    )
    layers = BoundaryLayers(count=3, thickness=1e-3, share_of_radius=0.2)
    mesh = tetrahedralise(surface, size=6e-4, min_size=1.5e-4, edges_per_radius=5.0, boundary_layers=layers)
    throat = np.abs(mesh.points[:, 2] - 1e-2) < 1e-4
    radii = np.hypot(mesh.points[throat, 0], mesh.points[throat, 1])
    # 1.5 mm wide: three layers within 0.15 mm, and none of the vertices of layers deeper.
    assert (radii > 0.79 * 0.75e-3).sum() > 3 * ((radii > 0.99 * 0.75e-3).sum() - 1)
    report = describe_mesh(mesh).layers
    assert report.first_height_min == pytest.approx(0.2 * 0.75e-3 / 3.99, rel=0.2)


@pytest.mark.parametrize(
    "surface",
    [
        pytest.param(kissing, id="kissing"),
        pytest.param(lambda: fork(size=4e-4), id="carina"),
        pytest.param(squeezed_tube, id="elliptic"),
        pytest.param(lambda: dented(0.45, 0.3), id="groove"),
        pytest.param(lambda: dented(-0.45, 0.2), id="ridge"),
    ],
)
def test_layers_give_way_where_there_is_no_room_for_them(surface):
    surface = surface()
    layers = BoundaryLayers(count=4, thickness=1.2e-3, share_of_radius=0.4)
    mesh = tetrahedralise(surface, size=5e-4, min_size=2e-4, edges_per_radius=5.0, boundary_layers=layers)
    quality = describe_mesh(mesh)
    assert quality.jacobian_min > 0.0
    assert quality.volume_error < 1e-9
    assert quality.core_dihedral_min > 5.0
    assert quality.core_radius_ratio_min > 0.1
    assert quality.layers.full_share > 0.3
    assert quality.layers.bare_share < 0.01


def test_sharp_crease_gets_no_layer_and_its_surroundings_do():
    surface = pipe(size=5e-4)
    points = surface.points.copy()
    tip = int(np.linalg.norm(points - [3e-3, 0.0, 6e-3], axis=1).argmin())
    # A leaf of the wall that hangs into the lumen, 0.2 mm below the wall downstream of it.
    points[tip] += [-2e-4, 0.0, 1.2e-3]
    mesh = tetrahedralise(
        replace(surface, points=points), **SETTINGS, boundary_layers=BoundaryLayers(count=3, thickness=5e-4)
    )
    report = describe_mesh(mesh).layers
    assert 0.0 < report.bare_share < 0.1
    assert report.full_share > 0.6
    assert report.cells < 9 * (mesh.facet_tags == WALL_TAG).sum()


def test_every_patch_of_the_wall_gets_layers():
    surface = pipe()
    is_wall = surface.patch_id == WALL_TAG
    upper = is_wall & (surface.points[surface.triangles].mean(axis=1)[:, 2] > 8e-3)
    tags = np.where(upper, 4, surface.patch_id)
    patches = tuple(
        describe_patch(surface.points, surface.triangles[tags == tag], name=name, role=role, tag=tag)
        for tag, name, role in (
            (1, "wall", Role.WALL),
            (4, "extension_outlet", Role.WALL),
            (2, "inlet", Role.INLET),
            (3, "outlet", Role.OUTLET),
        )
    )
    split = tetrahedralise(replace(surface, patch_id=tags, patches=patches), **SETTINGS, boundary_layers=3)
    whole = tetrahedralise(surface, **SETTINGS, boundary_layers=3)
    assert np.array_equal(split.tetrahedra, whole.tetrahedra)
    assert [(patch.name, patch.tag) for patch in split.patches] == [
        (patch.name, patch.tag) for patch in patches
    ]
    assert sum(p.area for p in split.patches if p.role is Role.WALL) == pytest.approx(whole.patches[0].area)


def test_newborn_vessel_takes_fine_layers():
    surface = pipe(size=1.5e-4, radius=1e-3, length=5e-3)
    mesh = tetrahedralise(
        surface,
        size=2e-4,
        min_size=1.5e-4,
        edges_per_radius=7.0,
        boundary_layers=BoundaryLayers(count=5, first_height=2e-5, growth=1.3),
    )
    quality = describe_mesh(mesh)
    assert inner_depths(mesh, 1e-3) == pytest.approx(2e-5, rel=0.05)
    # 9.04 first heights together, less than a quarter of the radius.
    assert quality.layers.thickness_mean == pytest.approx(9.0431 * 2e-5, rel=1e-3)
    assert quality.layers.transition < 3.0
