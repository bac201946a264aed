"""Make what compose.yaml's secrets are: a private folder with a file for each variable.

    python3 deploy/make_secrets.py [FOLDER]      # deploy/secrets; nothing there is replaced

The certificate of nginx (tls.crt, tls.key) is yours to put there.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

ROLES = {
    "DATABASE_URL": "noren_app",
    "DATABASE_OWNER_URL": "noren_owner",
    "DATABASE_RELAY_URL": "noren_relay",
    "DATABASE_PLATFORM_URL": "noren_platform",
    "DATABASE_BACKUP_URL": "noren_backup",
}


def values() -> dict[str, str]:
    """A new value for each variable; addresses are those of compose's own services."""
    admin, redis = (secrets.token_urlsafe(32) for _ in range(2))
    key = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    urls = {
        name: f"postgres://{role}:{secrets.token_urlsafe(32)}@postgres:5432/noren"
        for name, role in ROLES.items()
    }
    return {
        **urls,
        "POSTGRES_PASSWORD": admin,
        "DATABASE_ADMIN_URL": f"postgres://postgres:{admin}@postgres:5432/postgres",
        "REDIS_PASSWORD": redis,
        "REDIS_URL": f"redis://:{redis}@redis:6379/0",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "JWT_PRIVATE_KEY": key.stdout,
    }


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "secrets")
    folder.mkdir(mode=0o700, exist_ok=True)
    if any(folder.glob("DATABASE_*")):
        sys.exit(f"{folder} has secrets already; they are left as they are.")
    os.umask(0o022)  # The folder is private; the containers' users differ from yours.
    for name, value in values().items():
        (folder / name).write_text(value)
    print(f"Written to {folder}. Put tls.crt and tls.key there.")


if __name__ == "__main__":
    main()
