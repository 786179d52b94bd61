import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import boundary_facets, check_mesh, read_mesh, write_mesh
from hemoplan.errors import MeshError
from tests.geometry.vessels import straight, tube

READ_WITH_DOLFINX = """
import json, sys
from mpi4py import MPI
import dolfinx, ufl
from dolfinx.io import XDMFFile

comm, folder = MPI.COMM_WORLD, sys.argv[1]
with XDMFFile(comm, folder + "/mesh.xdmf", "r") as file:
    mesh = file.read_mesh(name="Grid")
mesh.topology.create_connectivity(2, 3)
with XDMFFile(comm, folder + "/facets.xdmf", "r") as file:
    tags = file.read_meshtags(mesh, name="Grid")
one = dolfinx.fem.Constant(mesh, 1.0)
ds = ufl.Measure("ds", domain=mesh, subdomain_data=tags)
integrate = lambda form: comm.allreduce(dolfinx.fem.assemble_scalar(dolfinx.fem.form(form)))
result = {"volume": integrate(one * ufl.dx(domain=mesh)), "all": integrate(one * ds)}
result |= {str(tag): integrate(one * ds(tag)) for tag in (1, 2, 3)}
if comm.rank == 0:
    print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def mesh():
    surface = tube(straight(1e-2), lambda t: np.full_like(t, 3e-3), size=8e-4, length=1e-2)
    return tetrahedralise(surface, size=8e-4, min_size=8e-4, edges_per_radius=4.0)


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
def test_dolfinx_reads_the_mesh_with_all_patches(mesh, tmp_path, ranks):
    if importlib.util.find_spec("dolfinx") is None:
        pytest.skip("DOLFINx is not installed")
    if ranks > 1 and shutil.which("mpirun") is None:
        pytest.skip("mpirun is not installed")
    write_mesh(tmp_path, mesh)
    launch = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [*launch, sys.executable, "-c", READ_WITH_DOLFINX, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    for patch in mesh.patches:
        assert read[str(patch.tag)] == pytest.approx(patch.area, rel=1e-9)
    assert read["all"] == pytest.approx(sum(patch.area for patch in mesh.patches), rel=1e-9)
    assert read["volume"] == pytest.approx(
        json.loads((tmp_path / "quality.json").read_text())["volume"], rel=1e-9
    )


def test_files_give_back_the_same_mesh(mesh, tmp_path):
    write_mesh(tmp_path / "new" / "folder", mesh)
    again = read_mesh(tmp_path / "new" / "folder")
    for name in ("points", "tetrahedra", "facets", "facet_tags"):
        assert np.array_equal(getattr(again, name), getattr(mesh, name))
    assert again.patches == mesh.patches


def test_missing_files_are_an_error(tmp_path):
    with pytest.raises(MeshError, match="cannot read the mesh.*hemoplan mesh"):
        read_mesh(tmp_path)


def test_boundary_of_one_cell_is_outward():
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    a, b, c = (points[boundary_facets(np.array([[0, 1, 2, 3]]))[:, corner]] for corner in range(3))
    assert np.einsum("ij,ij->", np.cross(a, b), c) / 6.0 == pytest.approx(1.0 / 6.0)


def test_defects_are_named(mesh):
    turned = mesh.tetrahedra.copy()
    turned[7] = turned[7][[1, 0, 2, 3]]
    with pytest.raises(MeshError, match=r"inverted cells \(value: 1 cells; the worst lies near"):
        check_mesh(replace(mesh, tetrahedra=turned), where="mesh")
    with pytest.raises(MeshError, match="not the tagged surface"):
        check_mesh(replace(mesh, facets=mesh.facets[:, ::-1]), where="mesh")
    with pytest.raises(MeshError, match="a patch has no facets"):
        check_mesh(replace(mesh, facet_tags=np.minimum(mesh.facet_tags, 2)), where="mesh")
    with pytest.raises(MeshError, match="vertices that belong to no cell"):
        check_mesh(replace(mesh, points=np.vstack([mesh.points, [0.0, 0.0, 1.0]])), where="mesh")


def test_two_separate_tubes_are_not_one_lumen(mesh):
    n = len(mesh.points)
    both = replace(
        mesh,
        points=np.vstack([mesh.points, mesh.points + [0.1, 0.0, 0.0]]),
        tetrahedra=np.vstack([mesh.tetrahedra, mesh.tetrahedra + n]),
        facets=np.vstack([mesh.facets, mesh.facets + n]),
        facet_tags=np.tile(mesh.facet_tags, 2),
    )
    with pytest.raises(MeshError, match=r"falls into pieces.*value: 2 pieces"):
        check_mesh(both, where="mesh")


def test_cells_that_miss_a_part_of_the_lumen_are_refused(mesh):
    with pytest.raises(MeshError, match=r"do not fill what the surface encloses.*expected 0.3 mL"):
        check_mesh(replace(mesh, enclosed=3e-7), where="mesh")


def test_report_of_the_layers_is_written(tmp_path):
    surface = tube(straight(1e-2), lambda t: np.full_like(t, 3e-3), size=8e-4, length=1e-2)
    layered = tetrahedralise(surface, size=8e-4, min_size=8e-4, edges_per_radius=4.0, boundary_layers=2)
    write_mesh(tmp_path, layered)
    quality = json.loads((tmp_path / "quality.json").read_text())
    assert quality["layers"]["count"] == 2
    assert quality["layers"]["cells"] == 6 * (layered.facet_tags == 1).sum()
    assert quality["volume_error"] < 1e-9
    assert sum(quality["aspect_ratios"]["counts"]) == quality["cells"]
