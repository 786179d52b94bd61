"""Read every mesh of a folder: `python -m tests.cfd.domain_program FOLDER OUT`; the errors of each rank go to OUT."""

import json
import sys
from pathlib import Path

from mpi4py import MPI

from cfd.domain import read_domain
from hemoplan.errors import HemoplanError


def attempt(folder: Path) -> str:
    try:
        read_domain(MPI.COMM_WORLD, folder, vessels=True)
    except HemoplanError as error:
        return f"{type(error).__name__}: {error}"
    return "sound"


def main(folder: Path, out: Path) -> None:
    answers = {path.name: attempt(path) for path in sorted(folder.iterdir())}
    everybody = MPI.COMM_WORLD.gather(answers)
    if everybody is not None:
        out.write_text(json.dumps(everybody))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
