"""A Python that has DOLFINx already is used, and left as it is."""

from pathlib import Path

import pytest

from environment import definition


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder of stand-ins for DOLFINx and for all packages of the list."""
    folder = tmp_path / "library"
    folder.mkdir()
    for requirement in definition.load().pypi:
        (folder / f"{requirement.module}.py").touch()
    (folder / "dolfinx.py").write_text('__version__ = "0.9.0.post1"\n')
    return folder


def test_python_with_dolfinx_is_used(machine, library):
    program = "import dolfinx, sys; print(dolfinx.__file__, sys.prefix); sys.exit(6)"
    result = machine.env("python", "-c", program, PYTHONPATH=str(library))
    assert result.returncode == 6, result.stderr
    module, prefix = result.stdout.split()
    assert module == str(library / "dolfinx.py")
    assert Path(prefix).parent == machine.environments()[0]
    assert machine.builds() == 0
    again = machine.env("python", "-c", program, PYTHONPATH=str(library))
    assert (again.returncode, again.stderr) == (6, "")


@pytest.mark.parametrize("text", ['__version__ = "0.8.0"\n', 'raise ImportError("no libmpi.so")\n'])
def test_old_or_broken_dolfinx_is_passed_over(machine, library, text):
    (library / "dolfinx.py").write_text(text)
    assert machine.env("sh", "-c", "exit 5", PYTHONPATH=str(library)).returncode == 5
    assert machine.builds() == 1
