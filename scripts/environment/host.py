"""What the host's settings say about packages: pip's configuration, certificate bundles, apt's proxy.

Inside the environment pip must see what pip outside would see, so everything that these settings name is
found here and bound by :mod:`environment.sandbox` at its own path.
"""

import configparser
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)

APT_SETTINGS = re.compile(
    r"^(Acquire::(?:https?|ftp|Retries|ForceIPv[46]|Check-Date|Check-Valid-Until)\b[^ ]*) (\"[^\"]*\";)$"
)


def pip_configurations(environ: Mapping[str, str]) -> list[Path]:
    """The configuration files that the caller's pip would read, in its order: global, user, site, named."""
    home = Path(environ.get("HOME") or Path.home())
    system = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    files = [Path(folder) / "pip" / "pip.conf" for folder in system.split(":") if folder]
    files += [
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        site_configuration(),
    ]
    if named := environ.get("PIP_CONFIG_FILE"):
        files = [Path(named)] if named != os.devnull else []
    return [path for path in files if path.is_file()]


def site_configuration() -> Path:
    """The configuration file that belongs to the caller's Python, as pyenv and venvs have it."""
    return Path(sys.prefix) / "pip.conf"


def pip_values(environ: Mapping[str, str]) -> list[str]:
    """Every value that the caller has set for pip, from the environment and from its configuration files."""
    values = [value for name, value in environ.items() if name.startswith("PIP_")]
    for path in pip_configurations(environ):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself will say what is wrong with the file
        values += [value for section in parser.sections() for _, value in parser.items(section)]
    return values


def local_paths(values: Iterable[str]) -> list[Path]:
    """The existing absolute paths among values that hold paths, file:// addresses, or several of both."""
    found = []
    for word in (word for value in values for word in value.split()):
        if word.startswith("file://"):
            word = unquote(urlparse(word).path)
        if word.startswith("/") and Path(word).exists():
            found.append(Path(word))
    return found


def referenced_paths(environ: Mapping[str, str]) -> list[Path]:
    """Files and folders of the host that pip and TLS are told to use."""
    certificates = [environ[name] for name in CERTIFICATE_VARIABLES if name in environ]
    return [*pip_configurations(environ), *local_paths([*pip_values(environ), *certificates])]


def apt_options() -> list[str]:
    """The host's apt settings about proxies, certificates, dates and retries, as apt options."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    matches = (APT_SETTINGS.match(line) for line in dump.splitlines())
    return [f"{match[1]} {match[2]}" for match in matches if match and match[2] != '"";']
