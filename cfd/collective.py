"""A failure on one rank must be raised on all, or the others wait for ever."""

from __future__ import annotations

from mpi4py import MPI

from hemoplan.errors import HemoplanError


def raise_everywhere(comm: MPI.Intracomm, error: HemoplanError | None) -> None:
    """Raise the error of the lowest rank that has one, on every rank. Collective.

    Args:
        comm: Communicator.
        error: What went wrong on this rank, or None.
    """
    errors = comm.allgather(error)
    for found in errors:
        if found is not None:
            raise found
