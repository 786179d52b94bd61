"""Entry point of ``scripts/env``: ``python3 scripts/environment CMD…``."""

import sys
from pathlib import Path


def start() -> int:
    """Make the package importable under its own name, from whatever folder, and start the launcher."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python reaches
        found = sys.version.split()[0]
        sys.stderr.write(f"hemoplan: Python 3.11 or newer is needed to start, and python3 is {found}\n")
        return 125
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from environment.launcher import main

    return main(sys.argv[1:])


sys.exit(start())
