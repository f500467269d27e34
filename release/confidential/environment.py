"""What is checked of the process before anything is charged, and what is switched off for its life.

OpenDP's randomness comes from OpenSSL, seeded by the kernel. It can't be seeded by a call, but a preloaded library or
a foreign OpenSSL configuration could replace it; a core dump or a debugging switch could show records.
"""

import ctypes
import os
import resource
from collections.abc import Mapping
from pathlib import Path

from release.errors import EnvironmentRefusedError

_REFUSED = {
    "LD_PRELOAD": "loads foreign code into the process",
    "LD_AUDIT": "loads foreign code into the process",
    "LD_LIBRARY_PATH": "may load a foreign library in place of the system's",
    "OPENSSL_CONF": "may replace the source of randomness",
    "OPENSSL_CONF_INCLUDE": "may replace the source of randomness",
    "OPENSSL_MODULES": "may replace the source of randomness",
    "OPENSSL_ENGINES": "may replace the source of randomness",
    "GCONV_PATH": "loads foreign code into the process",
    "PYTHONINSPECT": "leaves an interpreter open beside the records",
    "PYTHONDUMPREFS": "dumps objects at the end",
    "PYTHONDUMPREFSFILE": "dumps objects at the end",
    "PYTHONSTARTUP": "runs foreign code beside the records",
}
_REFUSED_PREFIXES = {
    "OPENDP_": "may load a foreign library in place of OpenDP's",
    "POLARS_": "changes how records are read or prints about them",
}
_PR_SET_DUMPABLE = 4


def check_environment(variables: Mapping[str, str], *, preload_file: Path = Path("/etc/ld.so.preload")) -> None:
    """Refuse a process whose noise or memory could be tampered with.

    Raises:
        EnvironmentRefusedError: names each variable or file.
    """
    findings = [f"{name} is set: it {why}" for name, why in _REFUSED.items() if variables.get(name)]
    findings += [
        f"{name} is set: it {why}"
        for prefix, why in _REFUSED_PREFIXES.items()
        for name in sorted(variables)
        if name.startswith(prefix)
    ]
    if preload_file.exists() and preload_file.read_bytes().strip():
        findings.append(f"{preload_file} isn't empty: it loads foreign code into the process")
    if findings:
        raise EnvironmentRefusedError(findings)


def started_with() -> dict[str, str]:
    """Return the variables of this process together with those it was started with: removing one hides nothing."""
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        raw = b""
    pairs = (item.decode("utf-8", "replace").partition("=") for item in raw.split(b"\0") if item)
    return {**{name: value for name, _, value in pairs}, **os.environ}


def forbid_dumps() -> None:
    """Switch off core dumps and reading of this process' memory by others of the same user."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
