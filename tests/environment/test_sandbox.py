"""What is shown inside, and under which variables a command runs there."""

import os
from pathlib import Path

import pytest

from environment import sandbox
from environment.cache import Entry
from environment.errors import SetupError


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    entry = Entry(cache=tmp_path, key="0" * 12)
    for name in ("usr/bin", "usr/src", "var/tmp", "etc"):
        (entry.rootfs / name).mkdir(parents=True)
    for name in ("passwd", "resolv.conf", "fstab"):
        (entry.rootfs / "etc" / name).touch()
    (entry.rootfs / "bin").symlink_to("usr/bin")
    return entry


def bound(options: list[str]) -> dict[str, str]:
    """What is bound where."""
    kinds = {"--bind", "--ro-bind"}
    return {options[i + 2]: options[i + 1] for i, word in enumerate(options) if word in kinds}


def test_outermost_drops_what_lies_inside():
    paths = [Path("/a/b"), Path("/a"), Path("/ab"), Path("/a/b/c")]
    assert sandbox.outermost(paths) == [Path("/a"), Path("/ab")]


def test_top_folders_of_the_user_are_shown_and_the_systems_are_not(tmp_path):
    for name in ("data", "work", "usr", "etc", "proc", "run"):
        (tmp_path / name).mkdir()
    shown = sandbox.user_folders({}, top=tmp_path)
    assert {tmp_path / "data", tmp_path / "work"} <= set(shown)
    assert not {tmp_path / "usr", tmp_path / "etc", tmp_path / "proc", tmp_path / "run"} & set(shown)


def test_file_system(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = sandbox.mounts(entry, {"HOME": str(tmp_path)}, tmp_path, writable=False)
    where = bound(options)
    assert where["/usr"] == str(entry.rootfs / "usr")
    assert where["/hemoplan"] == str(entry.folder)
    assert any(tmp_path.is_relative_to(path) for path in where if path.startswith("/") and path != "/")
    links = {options[i + 2]: options[i + 1] for i, word in enumerate(options) if word == "--symlink"}
    assert links["/bin"] == "usr/bin"
    assert links["/etc/fstab"] == "/hemoplan/rootfs/etc/fstab"
    assert where["/etc/passwd"] == "/etc/passwd"


def test_named_folder_that_is_missing_is_refused(entry, tmp_path):
    environ = {"HOME": str(tmp_path), "HEMOPLAN_BIND": f"{tmp_path}:/no/such/folder"}
    with pytest.raises(SetupError, match="HEMOPLAN_BIND names /no/such/folder"):
        sandbox.mounts(entry, environ, tmp_path, writable=False)


def test_folder_that_the_environment_hides_is_refused(entry, tmp_path):
    with pytest.raises(SetupError, match="/usr/share cannot be shown"):
        sandbox.mounts(entry, {"HOME": str(tmp_path)}, Path("/usr/share"), writable=False)


def test_small_shared_memory_is_replaced(entry, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "SHARED_MEMORY_ROOM", 2**62)
    options = sandbox.mounts(entry, {"HOME": str(tmp_path)}, tmp_path, writable=False)
    assert options[options.index("/dev/shm") - 1] == "--tmpfs"


def test_variables_keep_the_callers_settings_and_drop_the_hosts_libraries(entry):
    environ = {
        "HOME": "/home/ada",
        "PIP_CERT": "/etc/ca.pem",
        "OMP_NUM_THREADS": "4",
        "LD_LIBRARY_PATH": "/opt/lib",
        "PYTHONPATH": "/opt/python",
        "DISPLAY": ":0",
    }
    inside = sandbox.variables(entry, environ, Path("/home/ada/hemoplan"))
    assert inside["PIP_CERT"] == "/etc/ca.pem"
    assert inside["OMP_NUM_THREADS"] == "4" and inside["OPENBLAS_NUM_THREADS"] == "1"
    assert "LD_LIBRARY_PATH" not in inside
    assert inside["PYTHONPATH"].split(":") == ["/home/ada/hemoplan", "/home/ada/hemoplan/scripts"]
    assert inside["PATH"].startswith("/hemoplan/venv/bin:")
    assert "VTK_DEFAULT_OPENGL_WINDOW" not in inside
    assert ("OMPI_ALLOW_RUN_AS_ROOT" in inside) == (os.getuid() == 0)


def test_without_a_display_rendering_is_in_software(entry):
    inside = sandbox.variables(entry, {"HOME": "/home/ada"}, Path("/"))
    assert inside["VTK_DEFAULT_OPENGL_WINDOW"] == "vtkOSOpenGLRenderWindow"
