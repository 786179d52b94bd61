"""Whether the installation can do its work: what is there, what works, and what to do about what is not."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hemoplan.errors import HemoplanError
from planning.run_guard import BASE_BYTES, VARIANT_BYTES
from planning.solver.launch import mpi_command, mpi_environment

LIMIT_SECONDS = 180.0
"""How long one of the checks may take: the first one compiles a form."""
_INSTALL = "run through `scripts/hemoplan`, which builds the whole environment"
_PACKAGES: tuple[tuple[str, str, bool, str], ...] = (
    ("numpy", "numpy", True, ""),
    ("scipy", "scipy", True, ""),
    ("numba", "numba", True, ""),
    ("SimpleITK", "SimpleITK", True, "reads scans"),
    ("scikit-image", "skimage", True, "iso-surfaces"),
    ("vtk", "vtkmodules", True, ""),
    ("pyvista", "pyvista", True, "pictures"),
    ("vmtk", "vmtk", True, "centrelines"),
    ("mmgpy", "mmgpy", True, "surface meshes"),
    ("gmsh", "gmsh", True, "volume meshes"),
    ("meshio", "meshio", True, ""),
    ("h5py", "h5py", True, ""),
    ("matplotlib", "matplotlib", True, "figures"),
)
"""Name on the package index, module, whether it is needed, what for."""

_RANKS_PROGRAM = (
    "from mpi4py import MPI; c = MPI.COMM_WORLD; print(f'sum {c.allreduce(c.rank + 1)}', flush=True)"
)
_POISSON_PROGRAM = """
import inspect
import dolfinx, numpy, ufl
from dolfinx.fem.petsc import LinearProblem
from mpi4py import MPI
mesh = dolfinx.mesh.create_unit_square(MPI.COMM_WORLD, 8, 8)
V = dolfinx.fem.functionspace(mesh, ("Lagrange", 2))
u, v, x = ufl.TrialFunction(V), ufl.TestFunction(V), ufl.SpatialCoordinate(mesh)
edges = dolfinx.mesh.exterior_facet_indices(mesh.topology) if not mesh.topology.create_connectivity(1, 2) else None
exact = dolfinx.fem.Function(V)
exact.interpolate(lambda p: p[0] ** 2 + 2 * p[1] ** 2)
boundary = dolfinx.fem.dirichletbc(exact, dolfinx.fem.locate_dofs_topological(V, 1, edges))
form = ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx
load = dolfinx.fem.Constant(mesh, -6.0) * v * ufl.dx
options = {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"}
names = inspect.signature(LinearProblem.__init__).parameters
prefix = {"petsc_options_prefix": "doctor_"} if "petsc_options_prefix" in names else {}
solution = LinearProblem(form, load, bcs=[boundary], petsc_options=options, **prefix).solve()
error = numpy.abs(solution.x.array - exact.x.array).max()
if MPI.COMM_WORLD.rank == 0:
    print("error", error, flush=True)
"""
_RENDER_PROGRAM = """
import sys, pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.add_mesh(pyvista.Sphere(), color="red")
picture = plotter.screenshot(None, return_img=True)
print("red", int((picture[..., 0].astype(int) - picture[..., 1] > 50).sum()), flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What it is.
        fine: Whether it is there and works.
        needed: Whether a run fails without it.
        detail: Version, result, or what is wrong.
        remedy: What to do where it is not fine.
    """

    what: str
    fine: bool
    needed: bool
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything; takes some seconds, the first time up to a minute."""
    packages = [_check_package(*entry) for entry in _PACKAGES]
    checks: list[Callable[[], Finding]] = [
        _check_mpi,
        _check_poisson,
        _check_rendering,
        _check_disk,
        _check_cache,
    ]
    return [_check_python(), *packages, *(check() for check in checks)]


def show(findings: list[Finding], console: Console) -> None:
    """Print a table, and what to do about what is missing."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "what", "found"):
        table.add_column(title)
    for finding in findings:
        mark = (
            "[green]ok[/]" if finding.fine else "[red]missing[/]" if finding.needed else "[yellow]absent[/]"
        )
        table.add_row(mark, escape(finding.what), escape(finding.detail))
    console.print(table)
    wrong = [finding for finding in findings if not finding.fine]
    for finding in wrong:
        console.print(f"{escape(finding.what)}: {escape(finding.remedy)}", highlight=False, soft_wrap=True)
    if not wrong:
        console.print("Everything that a run needs is there and works.")


def _check_python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(
        what="Python", fine=sys.version_info >= (3, 11), needed=True, detail=found, remedy=_INSTALL
    )


def _check_package(name: str, module: str, needed: bool, purpose: str) -> Finding:
    what = f"{name} ({purpose})" if purpose else name
    try:
        importlib.import_module(module)
        return Finding(what=what, fine=True, needed=needed, detail=_version(name, module))
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Finding(
            what=what, fine=False, needed=needed, detail=reason, remedy=f"{_INSTALL}, or `pip install {name}`"
        )


def _version(name: str, module: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return str(getattr(sys.modules[module], "__version__", "unknown version"))


def _check_mpi() -> Finding:
    remedy = "install Open MPI and mpi4py, or " + _INSTALL + "; a single process works with --ranks 1"
    return _try_program(
        "MPI, two processes", _RANKS_PROGRAM, r"sum 3\b", "both answered", ranks=2, remedy=remedy
    )


def _check_poisson() -> Finding:
    remedy = "install DOLFINx 0.9 or later with PETSc, MUMPS and a C compiler, or " + _INSTALL
    try:
        version = metadata.version("fenics-dolfinx")
    except metadata.PackageNotFoundError:
        version = "?"
    good = f"{version}, solves a Poisson problem on two processes"
    return _try_program("DOLFINx", _POISSON_PROGRAM, r"error \d\S*e-1\d", good, ranks=2, remedy=remedy)


def _check_rendering() -> Finding:
    remedy = "install OSMesa or EGL (Debian: libosmesa6 libegl1), or " + _INSTALL
    good, pattern = "draws a sphere", r"red [1-9]\d\d"
    return _try_program("off-screen rendering", _RENDER_PROGRAM, pattern, good, ranks=0, remedy=remedy)


def _try_program(what: str, program: str, pattern: str, good: str, *, ranks: int, remedy: str) -> Finding:
    """Run a small program, on its own or on some ranks, and look for a pattern in what it says."""
    arguments = ["-c", program]
    try:
        command = mpi_command(ranks, arguments) if ranks else [sys.executable, *arguments]
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env=mpi_environment(os.environ),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except HemoplanError as error:
        return Finding(what=what, fine=False, needed=True, detail=error.what, remedy=error.remedy)
    except subprocess.TimeoutExpired:
        detail = f"no answer in {LIMIT_SECONDS:.0f} s"
        return Finding(what=what, fine=False, needed=True, detail=detail, remedy=remedy)
    if answer.returncode == 0 and re.search(pattern, answer.stdout):
        return Finding(what=what, fine=True, needed=True, detail=good)
    said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    detail = said[-1] if said else f"exit code {answer.returncode}"
    return Finding(what=what, fine=False, needed=True, detail=detail, remedy=remedy)


def _check_disk() -> Finding:
    needed = BASE_BYTES + 3 * VARIANT_BYTES
    free = shutil.disk_usage(Path.cwd()).free
    return Finding(
        what="room in the current folder",
        fine=free >= needed,
        needed=True,
        detail=f"{free / 1e9:.1f} GB free",
        remedy=f"free {needed / 1e9:.1f} GB, or choose another folder with --out",
    )


def _check_cache() -> Finding:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    what, remedy = "cache of compiled forms", "point XDG_CACHE_HOME to a folder that can be written"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding(what=what, fine=True, needed=True, detail=str(folder))
    except OSError as error:
        return Finding(
            what=what, fine=False, needed=True, detail=f"{folder}: {error.strerror}", remedy=remedy
        )
