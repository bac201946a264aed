"""Known vulnerabilities in what production installs: `deploy/audit.py requirements/production.txt`.

Fails for a finding, and where anything else kept a package from being checked. Only where no
service with advisories is reached does it say that nothing was checked, and succeed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

# Advisory: why it does not concern Noren.
IGNORED: dict[str, str] = {}

# The last line of what pip-audit tells then: a failure to connect, or its own advice after one.
_UNREACHED = re.compile(
    r"requests\.exceptions\.(ConnectionError|ConnectTimeout|ProxyError|ReadTimeout)\b"
    r"|ERROR:pip_audit\._cli:Tip: your network may be blocking this service\."
)


def main(requirements: str) -> int:
    """The exit status."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--requirement", requirements]
    command += [
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    ]
    for advisory in IGNORED:
        command += ["--ignore-vuln", advisory]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (KeyError, TypeError, ValueError):
        told = [line for line in done.stderr.splitlines() if line.strip()] or ["pip-audit failed"]
        if done.returncode and _UNREACHED.match(told[-1]):
            return _not_checked(told[-1])
        print("\n".join(told), file=sys.stderr)
        print(f"pip-audit ended with {done.returncode} and no list of packages.")
        return 1
    return _judge(packages, done.returncode)


def _judge(packages: list[dict[str, Any]], status: int) -> int:
    found = [each for each in packages if each.get("vulns")]
    for package in found:
        names = ", ".join(each["id"] for each in package["vulns"])
        print(f"{package['name']} {package['version']}: {names}")
    skipped = [each for each in packages if "skip_reason" in each]
    # Whoever knows none of them is a mirror of packages, which has no advisories.
    if packages and len(skipped) == len(packages):
        return _not_checked(f"{len(packages)} packages; {skipped[0]['skip_reason']}")
    for package in skipped:
        print(f"{package['name']} was not checked: {package['skip_reason']}")
    print(f"{len(packages) - len(skipped)} packages checked, {len(found)} are vulnerable.")
    return 1 if found or skipped or status or not packages else 0


def _not_checked(reason: str) -> int:
    print(f"NOT CHECKED for known vulnerabilities, no service was reached: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
