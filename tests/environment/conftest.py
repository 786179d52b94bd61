"""A machine in miniature: stand-ins for mmdebstrap, bubblewrap and a Python without DOLFINx."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

MMDEBSTRAP = """\
#!/bin/sh
echo called >> "$MACHINE/mmdebstrap.calls"
[ -z "$FAIL_MMDEBSTRAP" ] || { echo "$FAIL_MMDEBSTRAP"; exit 1; }
for argument; do previous=$target; target=$argument; done
case $target in http*) target=$previous ;; esac
folder=$target
[ "$target" != - ] || folder=$(mktemp -d)
mkdir -p "$folder/usr/bin" "$folder/etc" "$folder/var/tmp"
for name in sh python3 sleep; do : > "$folder/usr/bin/$name"; done
sleep "${SLOW_MMDEBSTRAP:-0}" &
trap "kill $!; exit 1" TERM
wait $!
[ "$target" != - ] || tar -c -C "$folder" .
echo "I: success"
"""

UNSHARE = """\
#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
"""

BWRAP = """\
#!{python} -S
import json, os, sys
arguments = sys.argv[1:]
options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
if "/hemoplan" in options:
    entry = options[options.index("/hemoplan") - 1]
    if "venv" in command:
        os.makedirs(entry + "/venv/bin")
        raise SystemExit
    if "pip" in command or "dolfinx" in " ".join(command):
        if os.environ.get("FAIL_PIP"):
            print(os.environ["FAIL_PIP"])
            raise SystemExit(1)
        raise SystemExit
    os.chdir(options[options.index("--chdir") + 1])
if "--info-fd" in options:
    descriptor = int(options[options.index("--info-fd") + 1])
    os.write(descriptor, json.dumps({{"child-pid": os.getpid()}}).encode())
    os.close(descriptor)
os.execvpe(command[0], command, {{**os.environ, "PATH": "/usr/local/bin:/usr/bin:/bin"}})
"""

PYTHON = """\
#!/bin/sh
exec {python} -S "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A bare machine with an empty cache."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def start(self, *command: str, script: Path = SCRIPTS / "env", cwd: Path | None = None, **variables: str):
        return subprocess.Popen(
            [str(script), *command],
            cwd=cwd or self.folder,
            env={**self.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def env(self, *command: str, script: Path = SCRIPTS / "env", cwd: Path | None = None, **variables: str):
        process = self.start(*command, script=script, cwd=cwd, **variables)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def builds(self) -> int:
        calls = self.folder / "mmdebstrap.calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def environments(self) -> list[Path]:
        return sorted(path for path in self.cache.glob("env-*") if path.is_dir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    programs = tmp_path / "programs"
    programs.mkdir()
    texts = {
        "mmdebstrap": MMDEBSTRAP,
        "unshare": UNSHARE,
        "bwrap": BWRAP.format(python=sys.executable),
        "python3": PYTHON.format(python=sys.executable),
    }
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environ = {
        "HOME": str(tmp_path),
        "PATH": f"{programs}:{os.defpath}",
        "HEMOPLAN_CACHE": str(tmp_path / "cache"),
        "MACHINE": str(tmp_path),
    }
    return Machine(folder=tmp_path, environ=environ)
