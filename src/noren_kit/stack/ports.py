"""Ports on the loopback address: what is free, and what may be used again."""

import socket

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Say whether nothing listens on this port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without it a port whose connections are in TIME_WAIT looks busy for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """Let the system choose a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def next_free(port: int, attempts: int = 100) -> int:
    """Return the first free port from this one upward, or any free one after `attempts`."""
    for candidate in range(port, min(port + attempts, 65536)):
        if is_free(candidate):
            return candidate
    return any_free()
