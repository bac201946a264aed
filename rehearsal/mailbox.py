"""A mail server that takes every mail and remembers what it said (RFC 5321, as far as needed)."""

from __future__ import annotations

import email
import email.policy
import re
import socketserver
import threading
from collections import Counter
from email.message import EmailMessage
from typing import Any

from noren_kit.stack.ports import LOOPBACK

NUMBER = re.compile(r"\b\d{4}-\d{6}\b")


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 rehearsal")
        for line in self.rfile:
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self._say("354 go on")
                self.server.keep(b"".join(iter(self._line, b".\r\n")))
            if verb == b"QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _line(self) -> bytes:
        line = self.rfile.readline()
        return line if line else b".\r\n"

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Mailbox(socketserver.ThreadingTCPServer):
    """Listens on a free loopback port while the block runs; `mails` is what has come."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Session)
        self.mails: list[EmailMessage] = []
        self.port = int(self.server_address[1])

    def keep(self, data: bytes) -> None:
        """Remember one mail."""
        parsed: Any = email.message_from_bytes(data, policy=email.policy.default)
        self.mails.append(parsed)

    def mentions(self, text: str) -> bool:
        """Whether any mail has this in its subject or its text."""
        return any(
            text in mail["Subject"] or text in mail.get_content() for mail in list(self.mails)
        )

    def numbers(self) -> Counter[str]:
        """How many mails name each order in their subject."""
        found = (NUMBER.search(mail["Subject"]) for mail in list(self.mails))
        return Counter(each[0] for each in found if each)

    def __enter__(self) -> Mailbox:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()
