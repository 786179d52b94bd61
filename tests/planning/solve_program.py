"""Run every request below a folder: `python -m tests.planning.solve_program FOLDER OUT`; OUT gets each rank's codes."""

import json
import sys
from pathlib import Path

from mpi4py import MPI

from planning.solver.program import main


def solve_all(folder: Path, out: Path) -> None:
    codes = {path.name: main([str(path / "solve.json")]) for path in sorted(folder.iterdir())}
    everybody = MPI.COMM_WORLD.gather(codes)
    if everybody is not None:
        out.write_text(json.dumps(everybody))


if __name__ == "__main__":
    solve_all(Path(sys.argv[1]), Path(sys.argv[2]))
