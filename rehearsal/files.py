"""Check files with the programs that will read them: nginx, systemd-analyze, promtool.

    python -m rehearsal.files deploy/systemd/*.service

Where one of the programs is not installed, that is said, and its files are not judged.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rehearsal.certificates import Authority
from rehearsal.servers import NAME, SHIPPED

# What is on the server that the units are for, and not here.
STARTED = re.compile(r"^ExecStart=/opt/noren/bin/\S+ ", re.MULTILINE)
ALERTS = SHIPPED.parent / "prometheus"
PROMETHEUS = (
    ["check", "config", "--syntax-only", "prometheus.yml"],
    ["check", "rules", "alerts.yml"],
    ["test", "rules", "alerts_test.yml"],
)
ACCOUNT = {"User=noren": "User=daemon", "Group=noren": "Group=daemon"}


def check_nginx(folder: Path) -> str:
    """What is wrong with the shipped configuration; a certificate and a name are put in."""
    program = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        print("nginx is not installed: deploy/nginx is not checked")
        return ""
    conf, run = folder / "nginx", folder / "run"
    shutil.copytree(SHIPPED, conf)
    run.mkdir()
    made = Authority(folder).sign(NAME)
    (conf / "site" / "certificate.conf").write_text(
        f"ssl_certificate {made.certificate};\nssl_certificate_key {made.key};\n"
    )
    upstream = conf / "site" / "upstream.conf"
    upstream.write_text(upstream.read_text().replace("server web:", "server 127.0.0.1:"))
    command = [program, "-t", "-q", "-p", str(run), "-c", str(conf / "nginx.conf"), "-e", "stderr"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stderr.strip()


def check_units(folder: Path, units: list[Path]) -> str:
    """What is wrong with the units, their program and their user put aside."""
    program = shutil.which("systemd-analyze")
    if program is None:
        print("systemd-analyze is not installed: deploy/systemd is not checked")
        return ""
    copies = []
    for unit in units:
        text = unit.read_text()
        for name, other in ACCOUNT.items():
            text = text.replace(name, other)
        copy = folder / unit.name
        copy.write_text(STARTED.sub("ExecStart=/bin/true ", text))
        copies.append(str(copy))
    command = [program, "verify", "--man=no", *copies]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stderr.strip()


def check_prometheus(_folder: Path) -> str:
    """What is wrong with the alerts, by what they were tested to do."""
    program = shutil.which("promtool")
    if program is None:
        print("promtool is not installed: deploy/prometheus is not checked")
        return ""
    for command in PROMETHEUS:
        result = subprocess.run(  # noqa: S603
            [program, *command], cwd=ALERTS, capture_output=True, text=True, check=False
        )
        if result.returncode:
            return (result.stdout + result.stderr).strip()
    return ""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="noren-files-") as name:
        folder = Path(name)
        units = [Path(each) for each in sys.argv[1:]]
        faults = [check_nginx(folder), check_units(folder, units), check_prometheus(folder)]
    found = [fault for fault in faults if fault]
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
