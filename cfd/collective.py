"""A failure on one rank must end all of them, or the others wait for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from mpi4py import MPI

from hemoplan.errors import HemoplanError

POLL_SECONDS = 0.02


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


def on_root[T](comm: MPI.Intracomm, work: Callable[[], T]) -> T:
    """Do some work on rank 0 alone, and have its result on every rank. Collective.

    So a file is read once, and no two ranks can differ over what is in it, or over whether it can be read.

    Args:
        comm: Communicator.
        work: Returns something that can be pickled.

    Raises:
        HemoplanError: What `work` raises, on every rank.
    """
    result: T | None = None
    error: HemoplanError | None = None
    if comm.rank == 0:
        try:
            result = work()
        except HemoplanError as raised:
            error = raised
    error, result = comm.bcast((error, result))
    if error is not None:
        raise error
    return result


def all_arrive(comm: MPI.Intracomm, patience: float) -> bool:
    """Whether every rank comes here within a time; a rank that has failed asks this before it decides how to end.

    Where the others do not come they are at work or wait in some collective operation that this rank will never reach,
    and only `comm.Abort` ends them.

    Args:
        comm: A communicator for this purpose alone.
        patience: How long to wait [s].
    """
    deadline = time.monotonic() + patience
    request = comm.Ibarrier()
    while not request.Test():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
