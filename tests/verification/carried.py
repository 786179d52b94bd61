"""Channels and flows that carry scalars, for the tests of transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd.domain import Domain
from cfd.elements import Elements, build_elements
from cfd.port_nodes import PortNodes
from cfd.stream import Stream, StreamBuilder
from cfd.transport import Transport
from hemoplan.arrays import FloatArray
from hemoplan.patch import Patch, Role

type Inside = Callable[[FloatArray], np.ndarray]


def channel(
    length: float,
    width: float,
    along: int,
    across: int,
    *,
    openings: Mapping[str, tuple[Role, Inside]],
    comm: MPI.Intracomm = MPI.COMM_WORLD,
) -> Domain:
    """The rectangle [0, length] x [0, width] [m] of triangles.

    Args:
        length, width: [m].
        along, across: Cells.
        openings: By name: role, and which of the points (n, 2) of its two ends are on it; the rest is wall.
        comm: Communicator.
    """
    mesh = dmesh.create_rectangle(
        comm, [[0.0, 0.0], [length, width]], [along, across], ghost_mode=dmesh.GhostMode.none
    )
    mesh.topology.create_connectivity(1, 2)
    mesh.topology.create_connectivity(1, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    points = dmesh.compute_midpoints(mesh, 1, facets)[:, :2]
    at_end = np.minimum(points[:, 0], length - points[:, 0]) < 1e-9 * length
    tags = np.ones(len(facets), dtype=np.int32)
    patches = [Patch(name="wall", role=Role.WALL, tag=1, area=1.0, centre=(0, 0, 0), normal=(0, 0, 0))]
    for tag, (name, (role, inside)) in enumerate(openings.items(), start=2):
        on = at_end & inside(points)
        tags[on] = tag
        right = comm.allreduce(float(points[on, 0].max(initial=0.0)), op=MPI.MAX) > 0.5 * length
        normal = (1.0 if right else -1.0, 0.0, 0.0)
        patches.append(Patch(name=name, role=role, tag=tag, area=1.0, centre=(0, 0, 0), normal=normal))
    return Domain(mesh=mesh, facet_tags=dmesh.meshtags(mesh, 1, facets, tags), patches=tuple(patches))


def through(length: float, width: float, along: int, across: int) -> Domain:
    """A channel that is open at both ends."""
    ends: dict[str, tuple[Role, Inside]] = {
        "inlet": (Role.INLET, lambda points: points[:, 0] < 0.5 * length),
        "outlet": (Role.OUTLET, lambda points: points[:, 0] > 0.5 * length),
    }
    return channel(length, width, along, across, openings=ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What carries scalars on one mesh with a steady flow."""

    vertices: Elements
    transport: Transport
    stream: Stream

    @classmethod
    def of(
        cls,
        domain: Domain,
        velocity: Callable[[FloatArray], FloatArray],
        flows: FloatArray,
        *,
        degree: int = 1,
        diffusivity: float = 0.0,
    ) -> Carrier:
        """With a velocity (n, d) at points (n, d) and the flows out of the openings."""
        vertices = build_elements(domain, 1)
        elements = vertices if degree == 1 else build_elements(domain, degree)
        ports = PortNodes(vertices)
        return cls(
            vertices=vertices,
            transport=Transport(vertices, ports, diffusivity=diffusivity),
            stream=StreamBuilder(elements, vertices, ports).build(velocity(elements.coordinates), flows),
        )
