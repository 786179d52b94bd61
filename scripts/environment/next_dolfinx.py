"""The solver's tests with the newest DOLFINx, from Debian's unstable suite; not part of CI, since that suite moves.

    PYTHONPATH=scripts python3 -m environment.next_dolfinx [PYTEST ARGUMENT …]

The first call puts a root file system (2 GB) into the cache, beside that of ``scripts/env``. Where no test is
named, the tests of the solver, of ``lumped`` and of the program that MPI starts are run.
"""

from __future__ import annotations

import os
import platform
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace

from environment import build, cache, definition, sandbox
from environment.cache import Entry
from environment.definition import PACKAGES, Definition
from environment.errors import SetupError
from environment.launcher import CHECKOUT, OWN_FAILURE, ensure

TESTS = (
    "tests/cfd",
    "tests/lumped",
    "tests/planning/test_solve.py",
    "tests/planning/test_solve_bad_input.py",
)
# The fixtures of tests/planning import what draws reports, which is not there; these tests need none of them.
PYTEST = ("python3", "-m", "pytest", "-p", "no:cacheprovider", "--noconftest")


def next_definition() -> Definition:
    """What the root file system consists of: Debian's packages alone."""
    table = tomllib.loads(PACKAGES.read_text(encoding="utf-8"))
    groups = [table["debian"][name] for name in ("python", "solver", "compiler")]
    packages = tuple(package for group in [*groups, table["next"]["debian"]] for package in group)
    return replace(definition.load(), suite=table["next"]["suite"], debian=packages, pypi=())


def run_tests(arguments: Sequence[str]) -> int:
    """Build the root file system where it is missing, run pytest in it, and return its exit code."""
    environ, wanted = dict(os.environ), next_definition()
    folder = (
        cache.chosen_cache(environ) / "next"
    )  # apart, since scripts/env takes others beside its own for older ones
    entry = Entry(cache=folder, key=definition.key(wanted, "rootfs", platform.machine()))

    def construct(lock: int) -> None:
        build.require_tools(environ, entry.log, lock)
        build.require_sandbox()
        cache.require_room(entry.cache)
        entry.folder.mkdir()
        build.build_rootfs(
            entry, wanted, environ, lock, f"[1/1] Debian packages ({wanted.suite}), about 2 GB"
        )

    ensure(entry, construct)
    # Two versions of Python must not fight over the compiled files of one checkout.
    environ |= {"PYTHONDONTWRITEBYTECODE": "1"}
    tests = () if any((CHECKOUT / each.partition("::")[0]).exists() for each in arguments) else TESTS
    return sandbox.run(entry, [*PYTEST, *arguments, *tests], environ=environ, checkout=CHECKOUT)


if __name__ == "__main__":
    try:
        sys.exit(run_tests(sys.argv[1:]))
    except (SetupError, OSError) as error:
        print(f"hemoplan: {error}", file=sys.stderr)
        sys.exit(OWN_FAILURE)
