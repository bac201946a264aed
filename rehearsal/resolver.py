"""A name server that can be told to hang, and the processes that ask it and nobody else.

It answers what it was given with A records (RFC 1035), and says of other names that they do not
exist. /etc/resolv.conf is another one for those processes alone: each is started in a mount
namespace of its own (unshare(1), mount_namespaces(7)), which takes root.
"""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from noren_kit.stack.ports import LOOPBACK
from rehearsal.report import Report

PLACE = ("127.0.53.53", 53)
TTL_SECONDS = 1
# The C library's own options (resolv.conf(5)): 5 s, twice. No file knows the names.
FILES = {
    "resolv.conf": f"nameserver {PLACE[0]}\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_ENTER = 'for each in "$1"/*; do mount --bind "$each" "/etc/${each##*/}" || exit; done; shift'
_A, _IN, _NO_SUCH_NAME = 1, 1, 3
# RFC 1035, section 4.1: an answer of the one who knows; a name that stands after the head.
_ANSWER, _HEAD_BYTES, _SAME_NAME = 0x8400, 12, 0xC00C


class _Query(socketserver.BaseRequestHandler):
    server: Resolver

    def handle(self) -> None:
        query, line = self.request
        if not self.server.hangs:
            line.sendto(self.server.answer(query), self.client_address)


class Resolver(socketserver.ThreadingUDPServer):
    """Serves from the start; `hangs` has it take queries and answer none. Raises OSError."""

    daemon_threads = True

    def __init__(self, names: Iterable[str], files: Path) -> None:
        super().__init__(PLACE, _Query)
        self._names, self._files = frozenset(names), files
        self.hangs = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, query: bytes) -> bytes:
        """The answer to a query of one question."""
        end, labels = _HEAD_BYTES, []
        while length := query[end]:
            labels.append(query[end + 1 : end + 1 + length].decode())
            end += 1 + length
        question = query[_HEAD_BYTES : end + 5]
        (kind,) = struct.unpack("!H", query[end + 1 : end + 3])
        known = ".".join(labels).lower() in self._names
        record = b""
        if known and kind == _A:
            record = struct.pack("!3HIH", _SAME_NAME, _A, _IN, TTL_SECONDS, 4)
            record += socket.inet_aton(LOOPBACK)
        code = _ANSWER if known else _ANSWER | _NO_SUCH_NAME
        head = struct.pack("!5H", code, 1, bool(record), 0, 0)
        return query[:2] + head + question + record

    def asked_by(self, command: Sequence[str]) -> list[str]:
        """The command where this is the one name server; its process id is the command's."""
        return _entering(self._files, command)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


def _entering(files: Path, command: Sequence[str]) -> list[str]:
    script = [f'{_ENTER}; exec "$@"', "sh", str(files)]
    return ["unshare", "--mount", "sh", "-c", *script, *command]


def resolver_of(folder: Path, names: Iterable[str], report: Report) -> Resolver | None:
    """A resolver of these names; none, and a word about it, where the machine does not let us."""
    files = folder / "etc"
    files.mkdir(mode=0o755)
    for name, text in FILES.items():
        (files / name).write_text(text)
    try:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            raise PermissionError("this takes root, and unshare")
        subprocess.run(  # noqa: S603  our own command
            _entering(files, ["true"]), check=True, capture_output=True, text=True
        )
        return Resolver(names, files)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        report.note(f"no resolver of our own, so everything is reached by address: {said!s}")
        return None
