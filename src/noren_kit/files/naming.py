"""Where kept files are read from: what settings need before there are any."""

from __future__ import annotations

from collections.abc import Sequence


def media_url(*, bucket: str, region: str, endpoint: str, origins: Sequence[str]) -> str:
    """What addresses of files begin with where nothing else is said: a bucket's, or `/media/`."""
    if bucket and endpoint:
        return f"{endpoint}{bucket}/"
    if bucket:
        return f"https://{bucket}.s3.{region or 'us-east-1'}.amazonaws.com/"
    return f"{origins[0] if origins else ''}/media/"
