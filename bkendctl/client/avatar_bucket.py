"""Avatars in a bucket that speaks S3: of Amazon, or of whoever the URL's endpoint is (docs/adr/0017).

Loaded only where BKENDCTL_AVATARS_URL names one. What it is given was drawn anew before: no byte of a user's
file comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from bkendctl.contract.errors import Failure

if TYPE_CHECKING:
    from obstore.store import S3Store

TIMEOUT_SECONDS = 10
"""Of one request; all tries of a call end after twice that."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(/[A-Za-z0-9!_.*'()-]+)*/?")
_LOOKS = "s3://bucket/prefix?endpoint=https://…&region=…"


class AvatarBucket:
    """Keeps files below a prefix of one bucket. Names are ours: ids, never a user's text."""

    is_shared = True

    def __init__(self, url: str) -> None:
        bucket, prefix, options = _parts(url)
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store = _opened(bucket, prefix, options)

    def write(self, name: str, content: bytes) -> None:
        """Keep a file. common/unavailable."""
        with self._translated():
            self._store.put(name, content)

    def read(self, name: str) -> bytes | None:
        """A file, None where there is none. common/unavailable."""
        with self._translated():
            try:
                return self._store.get(name).bytes().to_bytes()
            except FileNotFoundError as missing:
                if "NoSuchBucket" in str(missing):
                    raise
                return None

    def remove(self, name: str) -> None:
        """Remove a file; fine where there is none. common/unavailable."""
        with self._translated():
            self._store.delete(name)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the store as our own: these reach users, so nothing of the bucket is in them."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise Failure("common/unavailable", retry_after=5) from error


def reason_of(failure: Failure) -> str:
    """For who runs the server: the code in an answer of S3, else what kept it from coming."""
    said = str(failure.__cause__)
    code = re.search(r"<Code>(\w{1,64})</Code>", said)
    status = re.search(r"status code: (\d{3})", said)
    if code is not None:
        return f"the service says {code[1]}"
    return f"the service answers {status[1]}" if status is not None else "the service cannot be reached"


def _parts(url: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix and options of a URL. cli/usage, which quotes nothing of it."""
    try:
        parts = urlsplit(url)
        given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise _refused("is no URL") from None
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        raise _refused("names no bucket")
    if not _PREFIX.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")) or parts.fragment:
        raise _refused("has a prefix of other characters than letters, digits and !_.*'()-")
    if given.keys() - {"endpoint", "region"} or any(len(values) > 1 for values in given.values()):
        raise _refused("takes endpoint and region, each once; keys are in AWS_ACCESS_KEY_ID and its like")
    options = {name: values[0] for name, values in given.items()}
    endpoint = urlsplit(options.get("endpoint", "https://s3"))
    if endpoint.scheme not in ("http", "https") or not endpoint.hostname or "@" in endpoint.netloc:
        raise _refused("has an endpoint that is no http or https URL, or carries a password")
    return parts.netloc, parts.path.strip("/"), options


def _refused(why: str) -> Failure:
    return Failure("cli/usage", f"BKENDCTL_AVATARS_URL {why}.", hint=_LOOKS)


def _opened(bucket: str, prefix: str, options: dict[str, Any]) -> S3Store:
    """The store, with credentials from the usual AWS_ variables. cli/not-offered without the library."""
    try:
        from obstore.store import S3Store
    except ImportError:
        raise Failure(
            "cli/not-offered",
            "Buckets need obstore, which is not installed.",
            hint="pip install 'bkendctl[s3]'",
        ) from None
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": options.get("endpoint", "").startswith("http://"),
            "timeout": f"{TIMEOUT_SECONDS}s",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=2 * TIMEOUT_SECONDS)},
        **options,
    )
