"""The first person of the platform's staff: nobody is there yet to make them over HTTP."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from noren_kit.accounts.models import User


class Command(BaseCommand):
    help = "Make a superuser of the platform; the password is asked for, or read from a pipe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="")
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        values = {name: options[name] for name in ("username", "email", "name")}
        user = User(**values, is_staff=True, is_superuser=True)
        password = self._password()
        try:
            user.fold_names()
            user.clean_fields(exclude=["password", "username_folded", "email_folded"])
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        user.set_password(password)
        try:
            user.save(force_insert=True)
        except IntegrityError as error:
            raise CommandError("Somebody has this user name or e-mail already.") from error
        self.stdout.write(f"{user.username} may sign in now.")

    @staticmethod
    def _password() -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise CommandError("The two differ.")
        return password
