"""The one list, its key, and the files that are made from it."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from environment import definition, recipes

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["Dockerfile", "hemoplan.def", "environment.yml", "pyproject.toml"])
def test_committed_file_is_what_the_list_gives(name):
    made = recipes.files(definition.load())[CHECKOUT / name]
    committed = (CHECKOUT / name).read_text(encoding="utf-8")
    assert committed == made, "run: scripts/env python -m environment.recipes"


def test_pyproject_and_images_name_every_package():
    packages = definition.load()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    stated = {*project["dependencies"], *(requirement for extra in extras for requirement in extra)}
    assert stated == {requirement.bounded for requirement in packages.pypi}
    for name in ("Dockerfile", "hemoplan.def"):
        words = set((CHECKOUT / name).read_text(encoding="utf-8").split())
        assert words >= {*packages.debian, *(requirement.pinned for requirement in packages.pypi)}


def test_gmsh_is_optional():
    assert [requirement.name for requirement in definition.load().groups()["mesh"]] == ["gmsh"]


def test_key_changes_with_what_is_built_and_with_nothing_else():
    packages = definition.load()
    key = definition.key(packages, "x86_64")
    newer = replace(packages.pypi[0], pin="99.0")
    assert definition.key(packages, "x86_64") == key
    assert definition.key(packages, "aarch64") != key
    assert definition.key(replace(packages, debian=packages.debian[1:]), "x86_64") != key
    assert definition.key(replace(packages, pypi=(newer, *packages.pypi[1:])), "x86_64") != key
    assert definition.key(replace(packages, conda=("other",)), "x86_64") == key
