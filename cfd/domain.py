"""The 3D domain: a tetrahedral mesh with named boundary patches, read in parallel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.collective import on_root
from cfd.dolfinx_versions import read_tagged_mesh
from cfd.mesh_check import check_mesh, check_vessel_size
from cfd.mesh_file import GRID, read_mesh_content
from hemoplan.errors import MeshError
from hemoplan.patch import Patch, Role, read_patches

CELLS_PER_RANK = 50
"""Fewer leave a rank without cells, and every step to communication."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A mesh whose boundary facets carry the tags of named patches.

    Attributes:
        mesh: DOLFINx mesh of tetrahedra [m].
        facet_tags: Tags of the boundary facets.
        patches: Name, role and tag of every patch.
    """

    mesh: dmesh.Mesh
    facet_tags: dmesh.MeshTags
    patches: tuple[Patch, ...]

    @property
    def comm(self) -> MPI.Intracomm:
        """Communicator of the mesh."""
        comm: MPI.Intracomm = self.mesh.comm
        return comm

    @property
    def wall(self) -> tuple[Patch, ...]:
        """Patches without flow."""
        return tuple(patch for patch in self.patches if patch.role is Role.WALL)

    @property
    def inlet(self) -> Patch | None:
        """The one patch with a prescribed flow, if there is one."""
        return next((patch for patch in self.patches if patch.role is Role.INLET), None)

    @property
    def outlets(self) -> tuple[Patch, ...]:
        """Patches with a prescribed pressure, in the order of their tags."""
        return tuple(patch for patch in self.patches if patch.role is Role.OUTLET)

    def facets(self, *patches: Patch) -> NDArray[np.int32]:
        """Local facets of some patches."""
        return np.sort(np.concatenate([self.facet_tags.find(patch.tag) for patch in patches]))


def read_domain(comm: MPI.Intracomm, folder: Path, *, vessels: bool = False) -> Domain:
    """Read `mesh.xdmf`, `facets.xdmf` and `patches.json` of a folder and check them. Collective.

    Args:
        comm: Communicator.
        folder: Where they lie.
        vessels: Whether the mesh must have the size of blood vessels too, to catch one in millimetres.

    Raises:
        MeshError: A file is missing or damaged, the mesh cannot be computed on (see `cfd.mesh_check`), or has too few
            cells for the ranks.
    """
    patches, cells, facets = on_root(comm, lambda: _inspect(folder, vessels=vessels))
    if comm.size > 1 and cells < CELLS_PER_RANK * comm.size:
        raise _too_many_ranks(comm, folder, cells)
    mesh, facet_tags = read_tagged_mesh(comm, folder / "mesh.xdmf", folder / "facets.xdmf", grid=GRID)
    if comm.allreduce(mesh.topology.index_map(3).size_local, op=MPI.MIN) == 0:
        raise _too_many_ranks(comm, folder, cells)
    domain = Domain(mesh=mesh, facet_tags=facet_tags, patches=patches)
    found = comm.allreduce(facet_tags.indices.size)
    if found != facets:
        raise MeshError(
            "not all tagged facets were found in the mesh",
            where=str(folder),
            value=found,
            expected=f"{facets}",
        )
    return domain


def _inspect(folder: Path, *, vessels: bool) -> tuple[tuple[Patch, ...], int, int]:
    """Patches, number of cells and of tagged facets of a mesh without faults."""
    content = read_mesh_content(folder)
    patches = read_patches(folder / "patches.json")
    if vessels:
        check_vessel_size(content.points, content.cells, where=str(folder))
    check_mesh(content, patches, where=str(folder))
    return patches, len(content.cells), len(content.facets)


def _too_many_ranks(comm: MPI.Intracomm, folder: Path, cells: int) -> MeshError:
    return MeshError(
        "the mesh has too few cells for so many ranks",
        where=str(folder),
        value=f"{cells} cells on {comm.size} ranks",
        expected=f"at least {CELLS_PER_RANK} cells on each",
        remedy=f"use at most {max(1, cells // CELLS_PER_RANK)} ranks, or a finer mesh",
    )
