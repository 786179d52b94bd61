"""Files of every format against each other, frames, units, and files that are no surface."""

from pathlib import Path

import meshio
import numpy as np
import pytest
import pyvista as pv

from geometry.surfaces.flat_caps import named
from geometry.surfaces.reading import read_any
from geometry.surfaces.surface import check_closed, enclosed_volume, to_polydata, write_surface
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role
from tests.geometry.surfaces.shapes import MM, cylinder


@pytest.fixture(scope="module")
def mesh() -> pv.PolyData:
    """A cylinder in millimetres, off the origin."""
    return to_polydata(cylinder()).scale(1e3).translate((5.0, -7.0, 11.0))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.stl", {}), ("a.stl", {"binary": False}), ("a.vtp", {}), ("a.ply", {}), ("a.obj", {}), ("a.vtk", {})],
)
def test_formats_agree(name: str, options: dict[str, bool], mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.save(tmp_path / name, **options)
    raw = read_any(tmp_path / name, unit="mm")
    assert (len(raw.points), len(raw.triangles)) == (mesh.n_points, mesh.n_cells)
    surface = named(raw)
    check_closed(surface, where="test")
    assert enclosed_volume(surface) == pytest.approx(1e-9 * mesh.volume, rel=1e-5)
    assert np.allclose(raw.points.mean(axis=0), 1e-3 * np.asarray(mesh.points).mean(axis=0), atol=1e-7)


@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
def test_units(unit: str, mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.scale({"m": 1e-3, "cm": 0.1, "mm": 1.0}[unit]).save(tmp_path / "a.vtp")
    raw = read_any(tmp_path / "a.vtp", unit=unit)  # type: ignore[arg-type]
    assert np.ptp(raw.points[:, 2]) == pytest.approx(20 * MM, rel=1e-5)


def test_millimetres_read_as_metres_are_told(mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.save(tmp_path / "a.stl")
    with pytest.raises(
        SurfaceError, match=r"too large.*× 20 m if its unit is 'm'.*Say unit .*'mm' \(20 mm from end"
    ):
        read_any(tmp_path / "a.stl", unit="m")


def test_metres_read_as_millimetres_are_told(mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.scale(1e-3).save(tmp_path / "a.stl")
    with pytest.raises(SurfaceError, match=r"too small.*2e-05 m if its unit is 'mm'.*Say unit 'm' \(20 mm"):
        read_any(tmp_path / "a.stl", unit="mm")


def test_unknown_unit(mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.save(tmp_path / "a.stl")
    with pytest.raises(SurfaceError, match=r"unknown unit.*did you mean 'mm'"):
        read_any(tmp_path / "a.stl", unit="mms")  # type: ignore[arg-type]


def test_frame_of_a_file_of_slicer_is_obeyed(mesh: pv.PolyData, tmp_path: Path) -> None:
    mesh.save(tmp_path / "ras.stl")
    content = bytearray((tmp_path / "ras.stl").read_bytes())
    content[:80] = b"3D Slicer output. SPACE=LPS".ljust(80, b"\0")
    (tmp_path / "lps.stl").write_bytes(content)
    ras, lps = (read_any(tmp_path / name, unit="mm") for name in ("ras.stl", "lps.stl"))
    assert np.allclose(lps.points.min(axis=0), np.append(-ras.points.max(axis=0)[:2], ras.points[:, 2].min()))
    check_closed(named(lps), where="test")  # a half turn about z, so the winding holds
    with pytest.raises(SurfaceError, match=r"another frame.*SPACE=LPS in the file, 'RAS' asked for"):
        read_any(tmp_path / "lps.stl", unit="mm", frame="RAS")
    asked = read_any(tmp_path / "ras.stl", unit="mm", frame="LPS")
    assert np.array_equal(np.sort(asked.points[:, 0]), np.sort(lps.points[:, 0]))


def test_own_file_keeps_its_names(tmp_path: Path) -> None:
    write_surface(tmp_path / "a.vtp", cylinder())
    raw = read_any(tmp_path / "a.vtp", unit="m")
    assert [(group.name, group.role) for group in raw.groups] == [
        ("inlet", Role.INLET),
        ("outlet", Role.OUTLET),
    ]


def test_volume_mesh_gives_its_boundary(tmp_path: Path) -> None:
    """A cube of six tetrahedra around a diagonal, some of them inside out."""
    corners = 20.0 * np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    cells = np.array([[0, 4, 6, 7], [0, 6, 2, 7], [0, 2, 3, 7], [0, 3, 1, 7], [0, 1, 5, 7], [0, 4, 5, 7]])
    meshio.write(tmp_path / "a.vtu", meshio.Mesh(corners, [("tetra", cells)]))
    raw = read_any(tmp_path / "a.vtu", unit="mm")
    assert len(raw.triangles) == 12
    surface = named(raw)
    check_closed(surface, where="test")
    assert enclosed_volume(surface) == pytest.approx((20 * MM) ** 3)


def test_groups_of_a_mesh_become_openings(shared_data: Path) -> None:
    """Published figures of the file: length 60 mm, radius 4 mm."""
    surface = named(read_any(shared_data / "stenosed_tube" / "coarct_40k.msh", unit="m"))
    check_closed(surface, where="test")
    assert [(patch.name, patch.role) for patch in surface.openings] == [
        ("inlet", Role.INLET),
        ("outlet", Role.OUTLET),
    ]
    for patch in surface.openings:
        assert patch.area == pytest.approx(np.pi * (4 * MM) ** 2, rel=0.01)
    assert abs(surface.patch("inlet").centre[0] - surface.patch("outlet").centre[0]) == pytest.approx(60 * MM)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.stl", b"", "the file is empty"),
        ("a.stl", b"what a fine day" * 30, "holds no triangles|cannot read"),
        ("a.vtp", b"<html></html>", "cannot read|holds no"),
        ("a.msh", b"$MeshFormat\n9 9 9\n", "cannot read"),
        ("a.png", b"x", "unknown kind of file"),
    ],
)
def test_files_that_are_no_surface(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SurfaceError, match=message):
        read_any(tmp_path / name, unit="mm")


def test_lines_are_no_surface(shared_data: Path) -> None:
    with pytest.raises(SurfaceError, match="holds no triangles"):
        read_any(shared_data / "vmtk_aorta" / "aorta-centerline.vtp", unit="mm")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SurfaceError, match="there is no such surface"):
        read_any(tmp_path / "none.stl", unit="mm")
