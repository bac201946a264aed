"""Reading a CSV file as a stream: plain or packed with zstd, in bounded memory.

UTF-8 (RFC 3629) with or without a byte order mark, comma-separated with a header (RFC 4180).
Line numbers are the file's own: the header is line 1.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import zstandard

from noren_kit.jobs.errors import SourceUnreadable

MAX_LINE_BYTES = 16 * 1024
MAX_RECORD_LINES = 100
_CHUNK = 1 << 16
# A kilobyte of zstd unpacks to at most some 30 MB, whatever it is made of.
_PACKED_CHUNK = 1 << 10


class Record(NamedTuple):
    """One record of the file and the lines on which it begins and ends."""

    line: int
    last_line: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the unpacked content is known by: bytes and SHA-256 (FIPS 180-4), in hexadecimal."""

    size: int
    sha256: str


class _Unpacked(io.RawIOBase):
    """The content of a zstd file; a truncated one raises, where the library reads to its end."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._started = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        while not self._ready and self._fill():
            pass
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _fill(self) -> bool:
        """Unpack some more; false at the end of the file."""
        chunk = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._started = False
        chunk = chunk or self._packed.read(_PACKED_CHUNK)
        if not chunk:
            if self._started:
                raise SourceUnreadable("The zstd file is cut off.")
            return False
        self._started = True
        self._ready = memoryview(self._frame.decompress(chunk))
        return True


class CsvSource:
    """A `.csv` or `.csv.zst` file with the columns that its reader expects."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = list(columns)

    @property
    def name(self) -> str:
        return self.path.name

    def fingerprint(self) -> Fingerprint:
        """Read the whole content once. Raises `SourceUnreadable`."""
        digest, size = hashlib.sha256(), 0
        with self._open() as content:
            while chunk := self._guarded_read(content):
                digest.update(chunk)
                size += len(chunk)
        return Fingerprint(size, digest.hexdigest())

    def records(self) -> Iterator[Record]:
        """The records after the header. Raises `SourceUnreadable` at the first broken line."""
        with self._open() as content:
            yield from _Records(content, self.columns)

    def _open(self) -> io.BufferedReader:
        packed = self.path.name.endswith(".zst")
        if not packed and not self.path.name.endswith(".csv"):
            raise SourceUnreadable(f"{self.name}: only .csv and .csv.zst are read.")
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise SourceUnreadable(f"{self.path}: {error.strerror}.") from error
        if not packed:
            return file
        return _Closing(_Unpacked(file), file)

    def _guarded_read(self, content: io.BufferedReader) -> bytes:
        try:
            return content.read(_CHUNK)
        except (OSError, zstandard.ZstdError) as error:
            raise SourceUnreadable(f"{self.name} can't be read: {error}.") from error


class _Closing(io.BufferedReader):
    """A buffer over unpacked content, that closes the packed file too."""

    def __init__(self, raw: _Unpacked, packed: IO[bytes]) -> None:
        super().__init__(raw, buffer_size=_CHUNK)
        self._file = packed

    def close(self) -> None:
        super().close()
        self._file.close()


class _Records:
    """Decodes line by line, so that a fault is named by its line, and splits into fields."""

    def __init__(self, content: io.BufferedReader, columns: Sequence[str]) -> None:
        self._content = content
        self._columns = columns
        self._line = 0
        self._start = 1

    def __iter__(self) -> Iterator[Record]:
        reader = csv.reader(self._lines(), strict=True)
        try:
            header = next(reader, None)
            if header != self._columns:
                raise SourceUnreadable(
                    f"Line 1: the header must be {','.join(self._columns)},"
                    f" not {','.join(header or ['nothing'])[:200]}."
                )
            self._start = self._line + 1
            for values in reader:
                yield Record(self._start, self._line, values)
                self._start = self._line + 1
        except csv.Error as error:
            raise SourceUnreadable(f"Line {self._start}: {error}.") from error

    def _lines(self) -> Iterator[str]:
        while raw := self._read_line():
            self._line += 1
            if self._line == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if len(raw) > MAX_LINE_BYTES:
                raise SourceUnreadable(f"Line {self._line}: longer than {MAX_LINE_BYTES} bytes.")
            if self._line - self._start >= MAX_RECORD_LINES:
                raise SourceUnreadable(
                    f"Line {self._start}: a quotation goes on for {MAX_RECORD_LINES} lines."
                )
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                raise SourceUnreadable(
                    f"Line {self._line}: not UTF-8 (byte {error.start + 1} of the line)."
                ) from error

    def _read_line(self) -> bytes:
        try:
            return self._content.readline(MAX_LINE_BYTES + 1)
        except (OSError, zstandard.ZstdError) as error:
            raise SourceUnreadable(f"Line {self._line + 1} can't be read: {error}.") from error
