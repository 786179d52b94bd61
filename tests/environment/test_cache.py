"""The cache folder: room on the disk, and where things lie."""

from pathlib import Path

import pytest

from environment import cache
from environment.cache import Entry
from environment.errors import SetupError


def test_full_disk_is_told_before_the_build(tmp_path):
    with pytest.raises(SetupError, match=r"GB free.*takes 1000000000 GB(.|\n)*HEMOPLAN_CACHE"):
        cache.require_room(tmp_path, needed_gb=1e9)
    cache.require_room(tmp_path, needed_gb=0.0)


def test_folder_follows_the_variables():
    assert cache.chosen_cache({"HOME": "/home/ada"}) == Path("/home/ada/.cache/hemoplan")
    assert cache.chosen_cache({"HOME": "/home/ada", "XDG_CACHE_HOME": "/fast"}) == Path("/fast/hemoplan")
    assert cache.chosen_cache({"HOME": "/home/ada", "HEMOPLAN_CACHE": "/data/env"}) == Path("/data/env")


def test_entry_is_ready_only_when_marked(tmp_path):
    entry = Entry(cache=tmp_path, key="0" * 12)
    assert not entry.ready
    entry.folder.mkdir()
    assert not entry.ready
    entry.mark_ready()
    assert entry.ready


def test_remove_does_not_follow_links(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "scan").touch()
    folder = tmp_path / "env"
    folder.mkdir()
    (folder / "link").symlink_to(precious)
    cache.remove(folder)
    assert not folder.exists() and (precious / "scan").exists()
