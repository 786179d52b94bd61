"""Run a command in a root file system through bubblewrap, with the user's files where they are.

The root of the sandbox is an empty file system in memory. ``/usr`` is the environment's and cannot be
written; ``/etc`` is the environment's too, except for what belongs to the host (users, names, certificates,
pip's settings). The environment itself appears at :data:`INSIDE`, so that it may lie anywhere on the host.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from environment import host
from environment.cache import Entry
from environment.errors import SetupError

INSIDE = Path("/hemoplan")
"""Where the environment lies in the sandbox."""

SYSTEM_FOLDERS = frozenset(
    "bin boot dev etc lib lib32 lib64 libx32 lost+found proc run sbin sys usr var hemoplan".split()
)
"""Folders at the top of the host that are not the user's."""

HOST_ETC = frozenset("resolv.conf hosts hostname passwd group localtime timezone machine-id".split())
"""Entries of /etc that describe the host."""

MERGED_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Links at the top of a Debian system that lead into /usr."""

OWN_FOLDERS = frozenset({"usr", "var", "etc", "dev", "proc", "sys", *MERGED_FOLDERS})
"""Folders that are the environment's or the kernel's inside."""

SHARED_MEMORY_ROOM = 256 * 2**20
"""Open MPI's ranks exchange messages through /dev/shm and crash where it is full [bytes]."""

FOREIGN_VARIABLES = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PETSC_DIR",
    "PETSC_ARCH",
    "LANGUAGE",
)
"""Variables that name parts of the host's Python or libraries."""


def outermost(paths: Iterable[Path]) -> list[Path]:
    """The paths that lie in no other path of the list."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def user_folders(environ: Mapping[str, str], top: Path = Path("/")) -> list[Path]:
    """Every folder of the host that the user's files may lie in, as far as one can guess.

    These are all folders at the top that are not the system's, removable media, and the home.
    """
    folders = [path for path in top.iterdir() if path.name not in SYSTEM_FOLDERS and path.is_dir()]
    folders += [Path(environ.get(name, "")) for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")]
    folders += [Path("/run/media"), Path("/var/tmp")]
    return [path for path in folders if path.is_absolute() and path.exists()]


def named_folders(environ: Mapping[str, str]) -> list[Path]:
    """The folders that ``HEMOPLAN_BIND`` names."""
    folders = [Path(name) for name in environ.get("HEMOPLAN_BIND", "").split(":") if name]
    for path in folders:
        if not path.is_absolute() or not path.exists():
            raise SetupError(f"HEMOPLAN_BIND names {path}; absolute paths of existing folders are expected")
    return folders


def mounts(entry: Entry, environ: Mapping[str, str], checkout: Path, *, writable: bool) -> list[str]:
    """The bubblewrap options that make up the file system."""
    rootfs = entry.rootfs
    options = ["--tmpfs", "/", "--bind" if writable else "--ro-bind", str(entry.folder), str(INSIDE)]
    options += ["--ro-bind", str(rootfs / "usr"), "/usr", "--ro-bind", str(rootfs / "var"), "/var"]
    options += ["--dir", "/run"]
    for name in MERGED_FOLDERS:
        if (rootfs / name).is_symlink():
            options += ["--symlink", f"usr/{name}", f"/{name}"]
    options += ["--proc", "/proc", "--ro-bind", "/sys", "/sys", "--dev-bind", "/dev", "/dev"]
    if _free_bytes(Path("/dev/shm")) < SHARED_MEMORY_ROOM:
        options += ["--perms", "1777", "--tmpfs", "/dev/shm"]
    referenced = [*host.referenced_paths(environ), Path("/usr/local/share/ca-certificates")]
    options += _etc(rootfs, [path for path in referenced if path.is_relative_to("/etc")])
    needed = [checkout, Path.cwd(), entry.cache, entry.compiled(environ), *named_folders(environ)]
    for folder in needed:
        if folder != Path("/") and not _can_be_shown(folder, rootfs):
            raise SetupError(
                f"{folder} cannot be shown inside the environment, which has its own /{folder.parts[1]}.\n"
                "Work in another folder, for instance below your home."
            )
    shown = [folder for folder in [*needed, *user_folders(environ)] if _can_be_shown(folder, rootfs)]
    for folder in outermost(shown):
        options += ["--bind", str(folder), str(folder)]
    for path in referenced:
        if path.exists() and path.parts[1] in {"usr", "var"} and _can_be_shown(path, rootfs):
            options += ["--ro-bind", str(path), str(path)]
    return options


def _etc(rootfs: Path, referenced: Sequence[Path]) -> list[str]:
    """Fill /etc: links into the environment, and the host's own entries bound over them."""
    hosts = {*HOST_ETC, *(path.parts[2] for path in referenced if len(path.parts) > 2)}
    if Path("/etc/ssl/certs/ca-certificates.crt").exists():
        hosts |= {"ssl"}
    hosts = {name for name in hosts if Path("/etc", name).exists()}
    options = []
    for name in sorted(os.listdir(rootfs / "etc")):
        if name not in hosts:
            options += ["--symlink", f"{INSIDE}/rootfs/etc/{name}", f"/etc/{name}"]
    for name in sorted(hosts):
        options += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    return options


def _can_be_shown(path: Path, rootfs: Path) -> bool:
    """Whether a path of the host can be bound at its place.

    Where the environment has unwritable folders of its own, a mount point can only be what is there already.
    """
    if len(path.parts) > 1 and path.parts[1] not in OWN_FOLDERS:
        return True
    return (
        len(path.parts) > 2 and path.parts[1] in {"usr", "var"} and (rootfs / path.relative_to("/")).exists()
    )


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def variables(entry: Entry, environ: Mapping[str, str], checkout: Path) -> dict[str, str]:
    """The variables of a command inside: the caller's, less those about the host's libraries, plus ours."""
    compiled = entry.compiled(environ)
    inside = {name: value for name, value in environ.items() if name not in FOREIGN_VARIABLES}
    inside |= {
        "PATH": f"{INSIDE}/venv/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": f"{checkout}:{checkout}/scripts",
        "LC_ALL": "C.UTF-8",
        "XDG_CACHE_HOME": str(compiled),  # where DOLFINx keeps the compiled forms
        "NUMBA_CACHE_DIR": str(compiled / "numba"),
        # One sandbox is one machine: ranks meet in shared memory, and looking for a network prints warnings.
        "OMPI_MCA_btl": "self,sm",
        # mpirun -n 2 must work on a machine with one core too.
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    }
    return inside | defaults(environ)


def defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that hold for any environment, as far as the caller has not set them."""
    chosen = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # the ranks are the parallelism
    if os.getuid() == 0:  # Open MPI refuses root, who in a sandbox or a container is the only user
        chosen |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        # With no display VTK first tries X and warns; this renders in software at once.
        chosen["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkOSOpenGLRenderWindow"
    return {name: environ.get(name, value) for name, value in chosen.items()}


def run(
    entry: Entry,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    checkout: Path,
) -> int:
    """Run a command inside, pass it the signals that reach this process, and return its exit code."""
    compiled = entry.compiled(environ)
    compiled.mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        # A terminal's Ctrl-C reaches bubblewrap too. If that ended, the command would be killed before it could save
        # anything, so bubblewrap is started deaf to it, and the command is made to hear again.
        command = ["env", "--default-signal=INT", *command]
    process = subprocess.Popen(
        wrapped(entry, command, environ=environ, checkout=checkout, information=write_end),
        env=variables(entry, environ, checkout),
        pass_fds=[write_end],
        preexec_fn=_ignore_interrupts,
    )
    os.close(write_end)
    _forward_signals(_child(read_end) or process.pid)
    code = process.wait()
    return 128 - code if code < 0 else code


def wrapped(
    entry: Entry,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    checkout: Path,
    information: int | None = None,
    writable: bool = False,
) -> list[str]:
    """The command line that runs ``command`` inside."""
    folder = str(Path.cwd())
    options = mounts(entry, environ, checkout, writable=writable)
    if information is not None:
        options += ["--info-fd", str(information)]
    # Ends with this process, however that ends; not with the shell behind it, so that nohup works.
    bwrap = shutil.which("bwrap", path=environ.get("PATH")) or "bwrap"
    return [bwrap, *options, "--die-with-parent", "--chdir", folder, "--", *command]


def _child(read_end: int) -> int | None:
    """The process that bubblewrap started, from the JSON that it writes to --info-fd."""
    text = b""
    while b"}" not in text and (piece := os.read(read_end, 4096)):
        text += piece
    os.close(read_end)
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError):
        return None


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _forward_signals(target: int) -> None:
    """Pass on what is sent to this process alone; what a terminal sends reaches the command by itself."""

    def forward(number: int, _frame: FrameType | None) -> None:
        try:
            os.kill(target, number)
        except ProcessLookupError:
            pass

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, forward)
    if any(os.isatty(descriptor) for descriptor in range(3)):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    elif signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, forward)
