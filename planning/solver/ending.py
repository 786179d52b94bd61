"""How the processes of a simulation end when something goes wrong: all of them, with one message and one exit code."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

from mpi4py import MPI

from cfd.collective import all_arrive
from hemoplan.errors import HemoplanError, ResourceError

PATIENCE_SECONDS = 10.0
"""How long a rank that has failed waits for the others to fail as well, before it ends them."""
DEFECT = 70


class DefectError(HemoplanError):
    """Something that only a programmer can put right; the traceback is printed beside it."""

    exit_code = DEFECT


def end_together(alarm: MPI.Intracomm, note: Path, error: Exception) -> int:
    """Report a failure once, and return the exit code; where the other ranks go on, end all of them at once.

    Most failures are raised on all ranks together. One that only this rank has, such as a full memory, leaves the
    others in a collective operation that never ends. To be called while the exception is handled: as long as its
    frames live, no destructor communicates.

    Args:
        alarm: A communicator for this purpose alone.
        note: The `error.json` that the caller of the solver reads.
        error: What was raised on this rank.
    """
    problem = _explain(error, alarm)
    if all_arrive(alarm, PATIENCE_SECONDS):
        problems = alarm.allgather(problem)
        # An error for the user explains more than what it may have led to elsewhere.
        teller = min(range(alarm.size), key=lambda rank: (isinstance(problems[rank], DefectError), rank))
        if alarm.rank == teller:
            _report(note, problem, error)
        return int(problems[teller].exit_code)
    _report(note, problem, error)
    sys.stderr.flush()
    alarm.Abort(problem.exit_code)


def _explain(error: Exception, alarm: MPI.Intracomm) -> HemoplanError:
    """The error for the user."""
    rank = f"rank {alarm.rank} of {alarm.size}"
    match error:
        case HemoplanError():
            return error
        case OSError():
            where = str(error.filename or rank)
            return ResourceError(
                "cannot read or write a file", where=where, value=error.strerror or str(error)
            )
        case MemoryError():
            return ResourceError(
                "there is not enough memory",
                where=rank,
                value=str(error) or None,
                remedy="choose a coarser mesh, or a machine with more memory",
            )
        case _:
            return DefectError(
                "the solver has a defect",
                where=rank,
                value=f"{type(error).__name__}: {error}",
                remedy="please report it with the case file and solve.log, which holds the traceback",
            )


def _report(note: Path, problem: HemoplanError, error: Exception) -> None:
    """Say what is wrong, unless another rank has said it: the first to make the note may speak."""
    kind = HemoplanError if isinstance(problem, DefectError) else type(problem)
    content = {"type": kind.__name__, "message": str(problem), "exit_code": problem.exit_code}
    try:
        with note.open("x", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
    except FileExistsError:
        return
    except OSError as failure:
        print(f"the error could not be noted in {note}: {failure}", file=sys.stderr)
    if isinstance(problem, DefectError):
        traceback.print_exception(error)
    print(problem, file=sys.stderr)
