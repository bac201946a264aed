"""Files in a bucket of S3 or what speaks its protocol; imported where one is named."""

from __future__ import annotations

from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from noren_kit.core.errors import Unavailable
from noren_kit.files.keeping import IMMUTABLE

# Within a request's transaction: nobody waits for long.
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 2, 10, 2


class Bucket(S3Storage):
    """Raises `Unavailable` where the bucket can't be reached or refuses."""

    def get_default_settings(self) -> dict[str, Any]:
        return {
            **super().get_default_settings(),
            "default_acl": None,
            "file_overwrite": True,
            "querystring_auth": False,
            "object_parameters": {"CacheControl": IMMUTABLE},
            "transfer_config": TransferConfig(use_threads=False),
            "client_config": Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"total_max_attempts": _ATTEMPTS},
                signature_version="s3v4",
            ),
        }

    def _save(self, name: str, content: Any) -> str:
        try:
            return str(super()._save(name, content))
        except (BotoCoreError, ClientError, Boto3Error, OSError) as error:
            raise Unavailable from error
