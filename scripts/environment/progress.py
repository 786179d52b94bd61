"""Run a tool of the build, its words in a log, and show how far it is."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from environment.errors import SetupError

HEARTBEAT = 30.0
"""Seconds between two lines where the display cannot be redrawn."""

TAIL = 12
"""Lines of the log that are shown when a tool fails."""

NETWORK = re.compile(
    "Could not resolve|Temporary failure in name resolution|Temporary failure resolving|Could not connect|"
    "Failed to establish a new connection|Connection (?:timed out|refused|reset)|Network is unreachable|"
    "Failed to fetch|No address associated|Name or service not known|ReadTimeout|ConnectTimeout|"
    "CERTIFICATE_VERIFY_FAILED|Certificate verification failed|does not have a Release file|"
    "Could not find a version that satisfies"
)

Reader = Callable[[str], tuple[float | None, str] | None]
"""Reads a line of a tool: the fraction done, where that is known, and a few words; None: nothing to show."""


@dataclass(slots=True)
class Display:
    """One line that is redrawn on a terminal, or now and then a line where there is none."""

    title: str
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    started: float = field(default_factory=time.monotonic)
    shown: float = field(default_factory=time.monotonic)
    fraction: float | None = None
    words: str = ""

    def begin(self) -> None:
        """Show that the step has started."""
        if not self.stream.isatty():
            print(f"{self.title} …", file=self.stream, flush=True)
        self.update()

    def update(self) -> None:
        """Show where the step is; without a terminal only once in a while."""
        now = time.monotonic()
        percent = "" if self.fraction is None else f"{100 * self.fraction:3.0f} %  "
        line = f"{self.title}  {_clock(now - self.started)}  {percent}{self.words}"
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", file=self.stream, flush=True)
        elif now - self.shown >= HEARTBEAT:
            print(f"  {line}", file=self.stream, flush=True)
            self.shown = now

    def end(self, outcome: str) -> None:
        """Leave one line that says how the step ended."""
        start = "\r\033[K" if self.stream.isatty() else ""
        took = _clock(time.monotonic() - self.started)
        print(f"{start}{self.title}  {took}  {outcome}", file=self.stream, flush=True)


def _redraw(display: Display, stop: threading.Event) -> None:
    """Keep the clock of a display running while its tool is silent."""
    while not stop.wait(0.2):
        display.update()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def run_step(
    title: str,
    command: Sequence[str],
    *,
    log: Path,
    reader: Reader,
    lock: int,
    environ: Mapping[str, str] | None = None,
    advice: str = "",
    outlives: bool = False,
) -> None:
    """Run ``command`` to its end; raise a :class:`SetupError` with the end of its output where it fails.

    ``lock`` is a file descriptor that the command inherits, so that it is held as long as the command lives.
    The command is killed where this process dies, except where it ``outlives`` it.
    """
    display = Display(title)
    display.begin()
    with log.open("a", encoding="utf-8") as file:
        print(f"\n=== {title}: {' '.join(command)}", file=file, flush=True)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            pass_fds=[lock],
            process_group=0,
            preexec_fn=None if outlives else _end_with_parent,
        )
        assert process.stdout is not None
        stop = threading.Event()
        ticker = threading.Thread(target=_redraw, args=(display, stop), daemon=True)
        ticker.start()
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace")
                file.write(line)
                if (news := reader(line.strip())) is not None:
                    display.fraction = news[0] if news[0] is not None else display.fraction
                    display.words = news[1]
            code = process.wait()
            stop.set()
            ticker.join()
        except BaseException:
            stop.set()
            ticker.join()
            _end_group(process)
            display.end("interrupted")
            raise
    if code != 0:
        display.end("failed")
        raise SetupError(explain(title, command[0], code, log, advice))
    display.end("done")


def explain(title: str, program: str, code: int, log: Path, advice: str) -> str:
    """Say what failed: the last lines of the log, what they mean where that is known, and what to do."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = [line for line in lines if line.strip()][-TAIL:]
    text = "\n".join(tail)
    if NETWORK.search(text):
        meaning = "A server could not be reached, or does not have the package."
        hint = "Check the network, http(s)_proxy, and the settings of pip and apt; then run it again."
    elif "No space left on device" in text:
        meaning, hint = "The disk is full.", "Make room, or set HEMOPLAN_CACHE to a folder on another disk."
    else:
        meaning, hint = f"{Path(program).name} ended with exit code {code}.", ""
    indented = "\n".join(f"  | {line}" for line in tail)
    parts = [f"{title}: {meaning}", indented, f"The whole log: {log}", hint, advice]
    return "\n".join(part for part in parts if part)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a tool with all that it started; first kindly, so that mmdebstrap unmounts what it mounted."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)


def _end_with_parent() -> None:
    """Ask the kernel to end this process with the launcher, so that no build goes on unattended."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))
    if os.getppid() == 1:
        os._exit(1)


def apt_reader(*shares: float) -> Reader:
    """Read what apt and dpkg say: each package is fetched, unpacked and set up.

    ``shares`` are the parts of the whole that apt's runs make up, where it runs more than once.
    """
    left = list(shares) or [1.0]
    before = share = 0.0  # done in earlier runs, and what this run adds
    total = steps = 0

    def read(line: str) -> tuple[float | None, str] | None:
        nonlocal before, share, total, steps
        if match := re.search(r"(\d+) newly installed", line):
            before += share
            share = left.pop(0) if left else 0.0
            total, steps = int(match[1]), 0
        match = re.match(r"(Get:\d+|Unpacking|Setting up) (.*)", line)
        if match is None:
            return (None, line[3:]) if line.startswith("I: ") else None
        steps += 1
        fraction = before + share * min(steps / (3 * total), 1.0) if total else None
        words = match[2].split()
        if match[1].startswith("Get"):  # Get:1 http://mirror suite/main amd64 NAME arch version [size]
            return fraction, f"fetching {words[3] if len(words) > 3 else words[-1]}"
        return fraction, f"{match[1].lower()} {words[0]}"

    return read


def pip_reader(line: str) -> tuple[float | None, str] | None:
    """Read what pip says."""
    match = re.match(r"(Collecting|Downloading|Installing collected packages)(?::|\s)\s*(\S+)", line)
    if match is None:
        return None
    if match[1].startswith("Installing"):
        return None, "installing"
    return None, f"{match[1].lower()} {match[2].rsplit('/', 1)[-1]}"


def silent_reader(_line: str) -> tuple[float | None, str] | None:
    """Read nothing."""
    return None
