"""Missing tools, an existing DOLFINx, and reading what the tools of a build say."""

import os
import sys

import pytest

from environment import build, definition, existing
from environment.errors import SetupError
from environment.progress import apt_reader, pip_reader


@pytest.fixture
def bare_machine(tmp_path, monkeypatch):
    """A PATH with nothing but an apt-get, which notes its calls and works once its lists are there."""
    apt = tmp_path / "apt-get"
    apt.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >> {tmp_path}/calls\n'
        f'[ "$1" != update ] || : > {tmp_path}/lists\n'
        f'[ -e {tmp_path}/lists ] || {{ echo "E: Unable to locate package"; exit 100; }}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def require_tools(folder):
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    try:
        build.require_tools(dict(os.environ), folder / "log", lock)
    finally:
        os.close(lock)


def test_root_gets_missing_tools_and_updates_only_when_needed(bare_machine, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    require_tools(bare_machine)
    calls = (bare_machine / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["install", "update", "install"]
    assert "mmdebstrap" in calls[0] and "bubblewrap" in calls[0]
    require_tools(bare_machine)
    assert len((bare_machine / "calls").read_text().splitlines()) == 4


def test_user_is_told_the_command_and_the_alternatives(bare_machine, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"apt-get install mmdebstrap bubblewrap(.|\n)*conda(.|\n)*docker"):
        require_tools(bare_machine)
    assert not (bare_machine / "calls").exists()


def test_system_without_apt_is_told_the_alternatives(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"package manager(.|\n)*conda"):
        require_tools(tmp_path)


@pytest.mark.parametrize(
    ("version", "numbers"), [("0.9.0", (0, 9, 0)), ("0.10.0.dev1", (0, 10, 0)), ("9", (9,)), ("", ())]
)
def test_release_numbers(version, numbers):
    assert existing.release(version) == numbers


def test_missing_and_old_packages_of_an_existing_python(monkeypatch, tmp_path):
    for name, version in {"alpha": "1.10", "beta": "0.9"}.items():
        (tmp_path / f"{name}.py").touch()
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (tmp_path / "gamma.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    listed = tmp_path / "packages.toml"
    head = '[platform]\nsuite = "s"\nrecipe = 1\n[debian]\n[conda]\nchannels = []\npackages = []\n'
    names = ("alpha", "beta", "gamma", "delta")
    entries = "".join(f'{name} = {{ pin = "2.0", minimum = "1.9" }}\n' for name in names)
    listed.write_text(f"{head}[pypi.core]\n{entries}")
    lacking = existing.missing(definition.load(listed))
    assert [requirement.name for requirement in lacking] == ["beta", "delta"]


def test_apt_is_read_as_a_fraction():
    read = apt_reader()
    assert read("I: downloading packages with apt...") == (None, "downloading packages with apt...")
    assert read("0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.") is None
    assert read("Get:1 http://mirror/debian trixie/main amd64 gcc amd64 4:14.2 [1 kB]") == (
        1 / 6,
        "fetching gcc",
    )
    assert read("Unpacking gcc (4:14.2) ...") == (2 / 6, "unpacking gcc")
    assert read("Setting up gcc (4:14.2) ...") == (3 / 6, "setting up gcc")
    assert read("Selecting previously unselected package gcc.") is None


def test_two_runs_of_apt_never_go_backwards():
    read = apt_reader(0.25, 0.75)
    lines = ["0 upgraded, 1 newly installed", "Get:1 a b c d e", "Unpacking d", "Setting up d"]
    lines += ["0 upgraded, 2 newly installed", *(["Get:1 a b c d e", "Unpacking d", "Setting up d"] * 2)]
    fractions = [news[0] for line in lines if (news := read(line)) is not None]
    assert fractions == sorted(fractions)
    assert fractions[2] == 0.25 and fractions[-1] == 1.0


def test_pip_is_read():
    assert pip_reader("Collecting vtk==9.6.2 (from vmtk)") == (None, "collecting vtk==9.6.2")
    assert pip_reader("Installing collected packages: vtk, vmtk") == (None, "installing")
    assert pip_reader("Using cached something") is None
