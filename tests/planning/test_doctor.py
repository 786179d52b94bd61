"""The doctor: what it finds, and what it says of what is missing."""

from __future__ import annotations

import io
from importlib.util import find_spec

import pytest
from rich.console import Console

from hemoplan.errors import ResourceError
from planning import doctor
from planning.doctor import Finding, show


def test_a_missing_package_comes_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr("importlib.import_module", refuse)
    finding = doctor._check_package("gmsh", "gmsh", True, "volume meshes")
    assert not finding.fine
    assert "pip install gmsh" in finding.remedy


def test_missing_mpirun_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(ranks: int, arguments: list[str]) -> list[str]:
        raise ResourceError("there is no mpirun", remedy="install Open MPI")

    monkeypatch.setattr(doctor, "mpi_command", refuse)
    finding = doctor._check_mpi()
    assert (finding.fine, finding.detail, finding.remedy) == (False, "there is no mpirun", "install Open MPI")


def test_the_table_ends_with_what_to_do() -> None:
    console = Console(file=io.StringIO(), width=100)
    show(
        [Finding(what="MPI", fine=False, needed=True, detail="no [mpirun]", remedy="install Open MPI")],
        console,
    )
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "missing" in text
    assert "no [mpirun]" in text
    assert "MPI: install Open MPI" in text


@pytest.mark.slow
@pytest.mark.mpi
def test_all_checks_pass_here() -> None:
    if (
        find_spec("dolfinx") is None
    ):  # not imported: its HDF5 and that of h5py do not go together in one process
        pytest.skip("no DOLFINx here")
    assert [finding for finding in doctor.examine() if not finding.fine] == []
