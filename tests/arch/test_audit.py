"""`make audit` succeeds unchecked only where no service with advisories is reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / "deploy" / "audit.py"
SOUND = {"name": "django", "version": "5.2.19", "vulns": []}
VULNERABLE = {"name": "redis", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
UNKNOWN = {"name": "amqp", "skip_reason": "Dependency not found on PyPI and could not be audited"}
TRACEBACK = 'Traceback (most recent call last):\n  File "audit.py", line 1, in <module>\n'
POOL = "HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded"


def audit(folder: Path, output: str, errors: str = "", status: int = 0) -> tuple[int, str]:
    """The exit status and all output, where pip-audit ends in this way."""
    (folder / "output").write_text(output)
    (folder / "errors").write_text(errors)
    program = folder / "pip-audit"
    program.write_text(f'#!/bin/sh\ncd "{folder}"; cat output; cat errors >&2; exit {status}\n')
    program.chmod(0o755)
    python = folder / "python"
    python.symlink_to(sys.executable)
    done = subprocess.run(
        [str(python), str(AUDIT), "requirements.txt"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr.removeprefix(errors)
    return done.returncode, done.stdout + done.stderr


def listed(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_sound_packages(tmp_path: Path) -> None:
    status, told = audit(tmp_path, listed(SOUND), "No known vulnerabilities found\n")
    assert (status, told) == (0, "1 packages checked, 0 are vulnerable.\n")


def test_a_finding_fails(tmp_path: Path) -> None:
    status, told = audit(tmp_path, listed(SOUND, VULNERABLE), status=1)
    assert status == 1
    assert "redis 1.0: PYSEC-1, PYSEC-2\n2 packages checked, 1 are vulnerable." in told


@pytest.mark.parametrize(
    "errors",
    [
        f"{TRACEBACK}requests.exceptions.ConnectionError: {POOL} (NameResolutionError)\n",
        f"{TRACEBACK}requests.exceptions.ProxyError: {POOL} (Unable to connect to proxy)\n",
        f"{TRACEBACK}requests.exceptions.ReadTimeout: {POOL} Read timed out.\n\n",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service."
        " Try another service with `-s SERVICE`\n",
    ],
)
def test_no_service_is_reached(tmp_path: Path, errors: str) -> None:
    status, told = audit(tmp_path, "", errors, status=1)
    assert (status, told[:11]) == (0, "NOT CHECKED")
    assert errors.splitlines()[-1].strip() in told


def test_a_mirror_without_advisories(tmp_path: Path) -> None:
    status, told = audit(tmp_path, listed(UNKNOWN, {**UNKNOWN, "name": "billiard"}))
    assert (status, told[:11]) == (0, "NOT CHECKED")


@pytest.mark.parametrize(
    ("output", "errors", "status"),
    [
        ("", "ERROR:pip_audit._cli:invalid requirements input: requirements.txt\n", 1),
        ("", "usage: pip-audit [-h]\npip-audit: error: unrecognized arguments: --format\n", 2),
        ("", f"{TRACEBACK}pip_audit._service.interface.ServiceError\n", 1),
        ("", f"{TRACEBACK}requests.exceptions.SSLError: {POOL} (certificate verify failed)\n", 1),
        ("", "a requests.exceptions.ConnectionError was mentioned\nKeyError: 'vulns'\n", 1),
        ("", "", 137),
        ("", "", 0),
        ('{"dependencies": [', "", 0),
        ("{}", "", 0),
        ("[]", "", 0),
        (listed(), "", 0),
        (listed(SOUND), "", 2),
        (listed(SOUND, UNKNOWN), "", 0),
    ],
)
def test_anything_else_fails(tmp_path: Path, output: str, errors: str, status: int) -> None:
    failed, told = audit(tmp_path, output, errors, status)
    assert failed == 1
    assert "NOT CHECKED" not in told
    assert errors in told
