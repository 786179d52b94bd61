"""What pip and TLS are told on the host is found, wherever it is told."""

import sys
from pathlib import Path

from environment import host


def test_paths_come_from_variables_and_configuration_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    wheels, index, bundle = tmp_path / "wheels", tmp_path / "an index", tmp_path / "ca.pem"
    wheels.mkdir()
    index.mkdir()
    bundle.touch()
    configuration = tmp_path / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True)
    address = f"file://{str(index).replace(' ', '%20')}"
    configuration.write_text(f"[global]\nextra-index-url = https://example.org/simple\n    {address}\n")
    environ = {
        "HOME": str(tmp_path),
        "PIP_FIND_LINKS": f"{wheels} {tmp_path / 'gone'}",
        "SSL_CERT_FILE": str(bundle),
    }
    found = host.referenced_paths(environ)
    assert {configuration, wheels, index, bundle} <= set(found)
    assert tmp_path / "gone" not in found


def test_named_configuration_replaces_the_others(tmp_path):
    named = tmp_path / "mine.conf"
    named.write_text("[global]\n")
    assert host.pip_configurations({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(named)}) == [named]
    assert host.pip_configurations({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}) == []


def test_broken_configuration_is_left_to_pip(tmp_path):
    named = tmp_path / "mine.conf"
    named.write_text("find-links = no section above\n")
    assert host.pip_values({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(named)}) == [str(named)]


def test_apt_settings_about_the_network_are_handed_on(tmp_path, monkeypatch):
    program = tmp_path / "apt-config"
    program.write_text(
        "#!/bin/sh\n"
        "echo 'APT::Architecture \"amd64\";'\n"
        "echo 'Acquire::http::Proxy \"http://proxy:3142\";'\n"
        "echo 'Acquire::https::CAInfo \"/etc/ca.pem\";'\n"
        "echo 'Acquire::http::Proxy::local \"\";'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert host.apt_options() == [
        'Acquire::http::Proxy "http://proxy:3142";',
        'Acquire::https::CAInfo "/etc/ca.pem";',
    ]


def test_a_machine_without_apt_has_no_apt_settings(monkeypatch):
    monkeypatch.setenv("PATH", str(Path("/nowhere")))
    assert host.apt_options() == []
