"""Write the files of the other routes from the one list: ``scripts/env python -m environment.recipes``.

Dockerfile, hemoplan.def (Apptainer), environment.yml (conda) and the dependencies in pyproject.toml.
"""

import re
import sys
from pathlib import Path

from environment.definition import Definition, load

CHECKOUT = Path(__file__).resolve().parents[2]

SOURCE = "scripts/environment/packages.toml"

NOTE = f"Made from {SOURCE} by `python -m environment.recipes`; edit that list instead."

BEGIN = f"# {NOTE}"
END = "# End of what is made from the list."

IMAGE_VARIABLES = {
    "PATH": "/opt/hemoplan/venv/bin:/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "VTK_DEFAULT_OPENGL_WINDOW": "vtkOSOpenGLRenderWindow",
}
"""As :func:`environment.sandbox.defaults` has them."""

ROOT_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
"""In a Docker container the user is root, which Open MPI refuses otherwise."""

VENV = "/usr/bin/python3 -m venv --system-site-packages /opt/hemoplan/venv"

CLEAN = "rm -rf /var/lib/apt/lists/*"

SELF = "/opt/hemoplan/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation /opt/hemoplan/source"


def _pip(definition: Definition) -> list[str]:
    """The pip command of both images, one requirement a line."""
    return [
        "/opt/hemoplan/venv/bin/pip install --no-cache-dir --only-binary=:all:",
        *(requirement.pinned for requirement in definition.pypi),
    ]


def _continued(lines: list[str], indent: str) -> str:
    return f" \\\n{indent}".join(lines)


def dockerfile(definition: Definition) -> str:
    """The Dockerfile."""
    install = ["apt-get install --yes --no-install-recommends", *definition.debian]
    variables = [f'{name}="{value}"' for name, value in (IMAGE_VARIABLES | ROOT_MPI).items()]
    return f"""\
# {NOTE}
#   docker build -t hemoplan .
#   docker run --rm --shm-size=1g -v "$PWD:$PWD" -w "$PWD" hemoplan hemoplan run cases/neonatal_coarctation
FROM debian:{definition.suite}-slim

RUN apt-get update \\
    && {_continued(install, "        ")} \\
    && {CLEAN}

RUN {VENV} \\
    && {_continued(_pip(definition), "        ")}

ENV {_continued(variables, "    ")}

COPY . /opt/hemoplan/source
RUN {SELF}

CMD ["hemoplan", "--help"]
"""


def apptainer(definition: Definition) -> str:
    """The Apptainer definition."""
    install = ["apt-get install --yes --no-install-recommends", *definition.debian]
    exports = "\n".join(f'    export {name}="{value}"' for name, value in IMAGE_VARIABLES.items())
    return f"""\
# {NOTE}
#   apptainer build hemoplan.sif hemoplan.def
#   apptainer run hemoplan.sif run cases/neonatal_coarctation
Bootstrap: docker
From: debian:{definition.suite}-slim

%files
    . /opt/hemoplan/source

%post
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    {_continued(install, "        ")}
    {CLEAN}
    {VENV}
    {_continued(_pip(definition), "        ")}
    {SELF}

%environment
{exports}

%runscript
    exec hemoplan "$@"
"""


def conda(definition: Definition) -> str:
    """The conda environment: conda-forge for DOLFINx and what it was built with, PyPI's pins for the rest."""
    provided = [f"{r.name}>={r.minimum}" for r in definition.pypi if r.provided]
    channels = "\n".join(f"  - {channel}" for channel in definition.channels)
    packages = "\n".join(f"  - {package}" for package in [*definition.conda, *provided])
    pins = "\n".join(f"      - {r.pinned}" for r in definition.pypi if not r.provided)
    return f"""\
# {NOTE}
#   conda env create -f environment.yml && conda activate hemoplan && scripts/env hemoplan --help
name: hemoplan
channels:
{channels}
dependencies:
{packages}
  - pip:
{pins}
"""


def dependencies(definition: Definition) -> str:
    """The dependencies in pyproject.toml; DOLFINx is on no Python registry and is missing from them."""
    groups = definition.groups()
    lines = [BEGIN, "dependencies = ["]
    lines += [f'    "{requirement.bounded}",' for requirement in groups.pop("core")]
    lines += ["]", "", "[project.optional-dependencies]"]
    for name, requirements in groups.items():
        lines += [f"{name} = [", *(f'    "{requirement.bounded}",' for requirement in requirements), "]"]
    return "\n".join([*lines, END])


def pyproject(definition: Definition, text: str) -> str:
    """pyproject.toml with its dependencies brought up to date."""
    block = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not block.search(text):
        raise ValueError(f"pyproject.toml has no block between {BEGIN!r} and {END!r}")
    return block.sub(lambda _: dependencies(definition), text)


def files(definition: Definition, checkout: Path = CHECKOUT) -> dict[Path, str]:
    """Every file that is made from the list, with the text that it must have."""
    project = checkout / "pyproject.toml"
    return {
        checkout / "Dockerfile": dockerfile(definition),
        checkout / "hemoplan.def": apptainer(definition),
        checkout / "environment.yml": conda(definition),
        project: pyproject(definition, project.read_text(encoding="utf-8")),
    }


def main() -> int:
    """Write the files that differ and name them."""
    for path, text in files(load()).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
