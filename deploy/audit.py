"""Known vulnerabilities in what production installs: `deploy/audit.py requirements/production.txt`.

Fails for a finding. Where no service with advisories answers, nothing was checked, and it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# Advisory: why it does not concern Noren.
IGNORED: dict[str, str] = {}


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
    except ValueError:
        told = done.stderr.strip().splitlines()
        print(f"NOT CHECKED for known vulnerabilities: {told[-1] if told else 'pip-audit failed'}")
        return 0
    found = [each for each in packages if each.get("vulns")]
    for package in found:
        names = ", ".join(each["id"] for each in package["vulns"])
        print(f"{package['name']} {package['version']}: {names}")
    skipped = [each for each in packages if "skip_reason" in each]
    if skipped:
        print(
            f"NOT CHECKED for known vulnerabilities: {len(skipped)} of {len(packages)} packages;"
            f" {skipped[0]['skip_reason']}"
        )
    print(f"{len(packages) - len(skipped)} packages checked, {len(found)} are vulnerable.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
