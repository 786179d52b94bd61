"""What the environment consists of, read from ``packages.toml``, and the key that names one version of it."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = Path(__file__).with_name("packages.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One distribution from PyPI.

    ``pin`` is the version that is installed, ``minimum`` the oldest that is accepted where it is there
    already, ``module`` the name to import, ``provided`` whether Debian or conda brings it with DOLFINx.
    """

    name: str
    group: str
    pin: str
    minimum: str
    module: str
    provided: bool

    @property
    def pinned(self) -> str:
        """The requirement as pip installs it, ``name==pin``."""
        return f"{self.name}=={self.pin}"

    @property
    def bounded(self) -> str:
        """The requirement as pyproject.toml states it, ``name>=minimum``."""
        return f"{self.name}>={self.minimum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The whole list: a Debian suite with its packages, conda's counterpart, and the packages from PyPI."""

    suite: str
    recipe: int
    debian: tuple[str, ...]
    channels: tuple[str, ...]
    conda: tuple[str, ...]
    pypi: tuple[Requirement, ...]

    def groups(self) -> dict[str, tuple[Requirement, ...]]:
        """The requirements by group, in the order of the list."""
        names = dict.fromkeys(requirement.group for requirement in self.pypi)
        return {name: tuple(r for r in self.pypi if r.group == name) for name in names}


def load(path: Path = PACKAGES) -> Definition:
    """Read the list."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    pypi = [
        Requirement(
            name=name,
            group=group,
            pin=entry["pin"],
            minimum=entry["minimum"],
            module=entry.get("module", name),
            provided=entry.get("provided", False),
        )
        for group, entries in table["pypi"].items()
        for name, entry in entries.items()
    ]
    return Definition(
        suite=table["platform"]["suite"],
        recipe=table["platform"]["recipe"],
        debian=tuple(package for part in table["debian"].values() for package in part),
        channels=tuple(table["conda"]["channels"]),
        conda=tuple(table["conda"]["packages"]),
        pypi=tuple(pypi),
    )


def key(definition: Definition, *circumstances: str) -> str:
    """Twelve hexadecimal digits that change with anything that changes what is built.

    ``circumstances`` are what the build depends on besides the list: the machine's architecture, the Python
    that is extended. The conda part is left out, since ``scripts/env`` builds nothing from it.
    """
    content = asdict(definition)
    del content["channels"], content["conda"]
    text = json.dumps([content, *circumstances], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
