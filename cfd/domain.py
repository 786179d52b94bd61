"""The 3D domain: a tetrahedral mesh with named boundary patches, read in parallel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.collective import on_root
from cfd.dolfinx_versions import read_tagged_mesh
from cfd.mesh_check import check_mesh, check_vessel_size
from cfd.mesh_file import GRID, read_mesh_content
from hemoplan.errors import BoundaryError, MeshError
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
        open_inlets: Names of the inlets whose flow is not prescribed: ports of the circuit, as the outlets are.
    """

    mesh: dmesh.Mesh
    facet_tags: dmesh.MeshTags
    patches: tuple[Patch, ...]
    open_inlets: tuple[str, ...] = ()

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
    def inlets(self) -> tuple[Patch, ...]:
        """Patches with a prescribed flow, in the order of their tags."""
        return tuple(
            patch for patch in self.patches if patch.role is Role.INLET and patch.name not in self.open_inlets
        )

    @property
    def outlets(self) -> tuple[Patch, ...]:
        """Patches whose pressure the circuit gives: open inlets first, then outlets, in the order of their tags."""
        opened = [patch for patch in self.patches if patch.name in self.open_inlets]
        return (*opened, *(patch for patch in self.patches if patch.role is Role.OUTLET))

    @property
    def openings(self) -> tuple[Patch, ...]:
        """All patches that blood passes: those with a prescribed flow first, then those of the circuit."""
        return (*self.inlets, *self.outlets)

    @property
    def entrances(self) -> tuple[Patch, ...]:
        """Openings by which blood is meant to enter: all with the role of an inlet; else the first opening."""
        named = tuple(patch for patch in self.openings if patch.role is Role.INLET)
        return named or self.openings[:1]

    def with_ports(self, ports: Collection[str]) -> Self:
        """The same domain with the inlets among some ports of a circuit open to it.

        Raises:
            BoundaryError: An outlet is no port, or a port no opening.
        """
        names = [patch.name for patch in self.patches if patch.role is not Role.WALL]
        bare = [patch.name for patch in self.patches if patch.role is Role.OUTLET and patch.name not in ports]
        strange = [name for name in ports if name not in names]
        if bare or strange:
            raise BoundaryError(
                "an outlet has no boundary condition"
                if bare
                else "a boundary condition names no opening of the mesh",
                value=", ".join(bare or strange),
                expected=f"the openings are {', '.join(names)}",
                remedy="give every outlet, and no other patch than openings, a port of the circuit",
            )
        inlets = [patch.name for patch in self.patches if patch.role is Role.INLET]
        return replace(self, open_inlets=tuple(name for name in inlets if name in ports))

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
