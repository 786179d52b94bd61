"""Run a request in which one rank fails: `python -m tests.planning.failing_solve REQUEST RANK KIND`."""

import sys

from mpi4py import MPI

import planning.solver.ending
import planning.solver.program
from hemoplan.errors import ResourceError

FAILURES = {
    "memory": MemoryError("Unable to allocate 1.00 TiB"),
    "defect": ZeroDivisionError("division by zero"),
    "disk": OSError(28, "No space left on device", "fields/flow.bp"),
    "user": ResourceError("cannot write the progress", where="progress.jsonl"),
}


def main(request: str, rank: int, kind: str) -> int:
    collect = planning.solver.program._Run._collect

    def fail(self, moment):
        collect(self, moment)
        if moment.step == 3 and rank in (MPI.COMM_WORLD.rank, -1):
            raise FAILURES[kind]

    planning.solver.program._Run._collect = fail
    planning.solver.ending.PATIENCE_SECONDS = 1.0
    return planning.solver.program.main([request])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
