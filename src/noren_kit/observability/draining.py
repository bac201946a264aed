"""Whether this server is about to stop: its processes say so from the moment it is asked to.

One byte that is shared by a server and the workers that it forks.
"""

from __future__ import annotations

import mmap

_asked = mmap.mmap(-1, 1)


def begin() -> None:
    """From now on readiness fails, here and in every process forked from this one."""
    _asked[0] = 1


def is_draining() -> bool:
    """Say whether the server has been asked to stop."""
    return _asked[0] != 0
