"""Typed variables of the environment, from which a project's settings are read.

A variable is declared once, with its type, default and meaning; settings, the check before start,
and the documented table all come from that declaration. `NAME_FILE` may name a file that holds the
value of `NAME`, as orchestrators mount secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
Environment = Mapping[str, str]
FILE_SUFFIX = "_FILE"
HIDDEN = "********"
_IN_QUERY = re.compile(r"((?:^|&)[^=&]*(?:password|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)


class _Required:
    """The default of a variable that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


class UnsafeSettings(ImproperlyConfigured):
    """What the environment says is not fit to serve with; the message names every fault."""


@dataclass(frozen=True, eq=False)
class Variable(Generic[T]):
    """One variable. `parse` raises ValueError with a sentence that does not hold the value.

    `needed_by` names the processes that can't do without it; empty where nothing needs it.
    `unsafe` yields what production refuses about a value that can be read.
    """

    name: str
    kind: str
    parse: Callable[[str], T]
    meaning: str
    default: T = REQUIRED
    secret: bool = False
    needed_by: tuple[str, ...] = ()
    unsafe: Callable[[T], Iterable[str]] = field(default=lambda value: ())

    def text(self, environment: Environment | None = None) -> str | None:
        """What is given, by NAME or by the file that NAME_FILE names; None if neither is.

        Raises `ImproperlyConfigured` where both are, or the file can't be read.
        """
        environment = os.environ if environment is None else environment
        given, file = environment.get(self.name), environment.get(self.name + FILE_SUFFIX)
        if given and file:
            raise ImproperlyConfigured(f"{self.name}: given by {self.name}{FILE_SUFFIX} as well.")
        if not file:
            return given or None
        try:
            return Path(file).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ImproperlyConfigured(
                f"{self.name}{FILE_SUFFIX}: {file} can't be read: {reason}."
            ) from error

    def read(self, environment: Environment | None = None, *, default: T | None = None) -> T:
        """The value, or the default (here or declared).

        Raises `ImproperlyConfigured` naming the variable.
        """
        text = self.text(environment)
        if text is None:
            chosen = self.default if default is None else default
            if chosen is REQUIRED:
                raise ImproperlyConfigured(f"{self.name}: is not set.")
            return chosen
        try:
            return self.parse(text)
        except ValueError as error:
            raise ImproperlyConfigured(f"{self.name}: {error}.") from error

    def shown(self, environment: Environment) -> str:
        """What is given, with nothing secret in it."""
        text = self.text(environment)
        if text is None:
            return "" if self.default is REQUIRED else written(self.default)
        try:
            self.parse(text)
        except ValueError:
            return HIDDEN  # Whatever it is, it may hold a secret.
        return HIDDEN if self.secret else without_passwords(text)

    def source(self, environment: Environment) -> str:
        """Where the value comes from: `environment`, `file`, `default` or `missing`."""
        if environment.get(self.name):
            return "environment"
        if environment.get(self.name + FILE_SUFFIX):
            return "file"
        return "missing" if self.default is REQUIRED else "default"


@dataclass(frozen=True)
class Section:
    """Variables that belong together, under a heading."""

    title: str
    variables: tuple[Variable[Any], ...]


@dataclass(frozen=True)
class Table:
    """All variables of a project."""

    sections: tuple[Section, ...]

    def __iter__(self) -> Iterator[Variable[Any]]:
        for section in self.sections:
            yield from section.variables

    def faults(
        self, environment: Environment, *, process: str | None = None, production: bool = True
    ) -> list[str]:
        """Everything that is wrong, one sentence each, which begins with the variable's name.

        `process` asks for what that process needs too; `production` for what it refuses.
        """
        return [
            fault
            for variable in self
            for fault in _faults_of(variable, environment, process, production)
        ]

    def refuse_unsafe(self, environment: Environment, *, process: str | None = None) -> None:
        """Raises `UnsafeSettings` naming all that production refuses."""
        faults = self.faults(environment, process=process)
        if faults:
            raise UnsafeSettings("\n".join(faults))

    def take_in_files(self, environment: MutableMapping[str, str]) -> None:
        """Put what NAME_FILE variables name in the place of NAME; faulty ones stay as they are."""
        for variable in self:
            try:
                text = variable.text(environment)
            except ImproperlyConfigured:
                continue
            if text is not None and variable.name + FILE_SUFFIX in environment:
                del environment[variable.name + FILE_SUFFIX]
                environment[variable.name] = text

    def markdown(self) -> str:
        """The table as documentation."""
        return "\n".join(line for section in self.sections for line in _section_lines(section))


def _faults_of(
    variable: Variable[Any], environment: Environment, process: str | None, production: bool
) -> Iterator[str]:
    try:
        text = variable.text(environment)
        if text is None:
            if variable.default is REQUIRED or process in variable.needed_by:
                yield f"{variable.name}: is not set."
            return
        value = variable.read(environment)
    except ImproperlyConfigured as error:
        yield str(error)
        return
    if production:
        yield from (f"{variable.name}: {fault}." for fault in variable.unsafe(value))


def written(value: Any) -> str:
    """A default as it would stand in the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value) if value or isinstance(value, (int, float)) else ""


def without_passwords(text: str) -> str:
    """The same text; where it is a URL, without the passwords in it."""
    parts = urlsplit(text)
    credentials, at, server = parts.netloc.rpartition("@")
    user, colon, _password = credentials.partition(":")
    netloc = f"{user}{colon and ':' + HIDDEN}{at}{server}"
    query = _IN_QUERY.sub(rf"\1{HIDDEN}", parts.query)
    if (netloc, query) == (parts.netloc, parts.query):
        return text
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def _section_lines(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield "| variable | type | default | needed by | meaning |"
    yield "|---|---|---|---|---|"
    for variable in section.variables:
        name = f"`{variable.name}`" + (" (secret)" if variable.secret else "")
        if variable.default is REQUIRED:
            default, needed = "none", "all"
        else:
            default = f"`{given}`" if (given := written(variable.default)) else "empty"
            needed = ", ".join(variable.needed_by) or "–"
        meaning = variable.meaning.replace("|", "\\|")
        yield f"| {name} | {variable.kind} | {default} | {needed} | {meaning} |"
    yield ""
