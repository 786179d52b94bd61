"""The 3D domain: a tetrahedral mesh with named boundary patches, read in parallel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dolfinx import mesh as dmesh
from dolfinx.io import XDMFFile
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.collective import raise_everywhere
from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError
from hemoplan.patch import Patch, Role, read_patches


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
    def inlet(self) -> Patch:
        """The one patch with a prescribed flow."""
        return next(patch for patch in self.patches if patch.role is Role.INLET)

    @property
    def outlets(self) -> tuple[Patch, ...]:
        """Patches with a prescribed pressure, in the order of their tags."""
        return tuple(patch for patch in self.patches if patch.role is Role.OUTLET)

    def facets(self, *patches: Patch) -> NDArray[np.int32]:
        """Local facets of some patches."""
        return np.sort(np.concatenate([self.facet_tags.find(patch.tag) for patch in patches]))


def read_domain(comm: MPI.Intracomm, folder: Path) -> Domain:
    """Read `mesh.xdmf`, `facets.xdmf` and `patches.json` of a folder and check them. Collective.

    Raises:
        MeshError: A file is missing, a tag has no patch, a patch has no facet, a boundary facet has no tag,
            there is not exactly one inlet, or a cell is inverted or flat.
    """
    mesh_file, facet_file = folder / "mesh.xdmf", folder / "facets.xdmf"
    missing = [str(path) for path in (mesh_file, facet_file) if not path.is_file()]
    if missing:
        raise MeshError(
            "the mesh is missing", where=", ".join(missing), remedy="make it with `hemoplan mesh CASE`"
        )
    patches = read_patches(folder / "patches.json")
    with XDMFFile(comm, str(mesh_file), "r") as file:
        mesh = file.read_mesh(name="Grid", ghost_mode=dmesh.GhostMode.none)
    mesh.topology.create_connectivity(2, 3)
    mesh.topology.create_connectivity(2, 0)
    with XDMFFile(comm, str(facet_file), "r") as file:
        facet_tags = file.read_meshtags(mesh, name="Grid")
    domain = Domain(mesh=mesh, facet_tags=facet_tags, patches=patches)
    _check(domain, where=str(folder))
    return domain


def _check(domain: Domain, *, where: str) -> None:
    comm = domain.comm
    inlets = [patch.name for patch in domain.patches if patch.role is Role.INLET]
    if len(inlets) != 1 or not domain.outlets:
        raise MeshError(
            "the mesh needs exactly one inlet and at least one outlet",
            where=where,
            value=f"{len(inlets)} inlets, {len(domain.outlets)} outlets",
        )
    for patch in domain.patches:
        if comm.allreduce(domain.facet_tags.find(patch.tag).size) == 0:
            raise MeshError("the patch has no facets in the mesh", where=where, value=patch.name)
    known = np.array([patch.tag for patch in domain.patches])
    exterior = dmesh.exterior_facet_indices(domain.mesh.topology)
    tagged = domain.facet_tags.indices[np.isin(domain.facet_tags.values, known)]
    untagged = comm.allreduce(int(np.setdiff1d(exterior, tagged).size))
    if untagged:
        raise MeshError(
            "part of the boundary belongs to no patch and would have no boundary condition",
            where=where,
            value=f"{untagged} facets",
        )
    volumes = cell_volumes(domain.mesh)
    poor = int((volumes <= 1e-6 * volumes.mean()).sum()) if volumes.size else 0
    raise_everywhere(
        comm,
        MeshError("the mesh has flat cells", where=where, value=f"{poor} cells", remedy="mesh again")
        if poor
        else None,
    )


def cell_volumes(mesh: dmesh.Mesh) -> FloatArray:
    """(n,) volumes of the local cells [m³]."""
    corners = mesh.geometry.x[mesh.geometry.dofmap]
    edges = corners[:, 1:] - corners[:, :1]
    return np.asarray(np.abs(np.linalg.det(edges)) / 6.0)
