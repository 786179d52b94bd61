"""Fingerprints: of files, of parts of a case, of the code that works on them. Equal fingerprints mean equal work."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel


def digest_bytes(content: bytes) -> str:
    """Fingerprint of some bytes: SHA-256."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """Fingerprint of a file's content, or of all files below a folder with their names; `missing` where there is none.

    Raises:
        OSError: The file cannot be read.
    """
    if path.is_dir():
        files = [entry for entry in sorted(path.rglob("*")) if entry.is_file()]
        parts = [f"{file.relative_to(path)} {digest_file(file)}" for file in files]
        return digest_bytes("\n".join(parts).encode())
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_model(*parts: BaseModel) -> str:
    """Fingerprint of parts of a case."""
    return digest_bytes("\n".join(part.model_dump_json() for part in parts).encode())


def digest_inputs(inputs: Mapping[str, str]) -> str:
    """One fingerprint of several, by name."""
    return digest_bytes("\n".join(f"{name} {inputs[name]}" for name in sorted(inputs)).encode())


@cache
def digest_code(*packages: str) -> str:
    """Fingerprint of the source files of packages or modules, such as `geometry` or `planning.solver.program`."""
    parts = []
    for package in packages:
        origin = Path(str(importlib.import_module(package).__file__))
        files = sorted(origin.parent.rglob("*")) if origin.name == "__init__.py" else [origin]
        files = [file for file in files if file.is_file() and file.parent.name != "__pycache__"]
        parts += [f"{package}/{file.name} {digest_file(file)}" for file in files]
    return digest_bytes("\n".join(parts).encode())
