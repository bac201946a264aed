"""The database roles (see docs/guides/isolation.md): one name each, used by code and migrations."""

OWNER = "noren_owner"
APP = "noren_app"
RELAY = "noren_relay"
PLATFORM = "noren_platform"
BACKUP = "noren_backup"
LOOKUP = "noren_lookup"
AUDIT = "noren_audit"
