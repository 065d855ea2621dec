"""Results put into a store of the caller's: Amazon S3 and what speaks like it, and Google's.

Both take one PUT. A request to S3 is signed with AWS Signature Version 4 [1]_; Google's is shown
the token that the caller has.

References
----------
.. [1] Amazon Web Services, "Signature Version 4 signing process",
   https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from pimenton.web.fetching import NotFetched, PublicNetwork, ServerFailed, ask, host_of

_MAX_SECONDS = 60.0
_MAX_ANSWER = 1 << 20
_HEADERS = re.compile(r"(?i)cache-control|expires|content-disposition|x-(amz|goog)-meta-[\w-]+")
_ACLS = ("public-read", "private", "no-acl", "authenticated-read", "bucket-owner-read",
         "bucket-owner-full-control")  # fmt: skip


@dataclass(frozen=True)
class Store:
    """Where a result goes.

    Attributes
    ----------
    service : str
        s3 or gcs.
    path : str
        Bucket and name, with a slash between them.
    secrets : mapping
        What opens it.
    region : str
        Of S3.
    acl : str
        Who may read it there; no-acl leaves this to the bucket.
    headers : mapping
        Headers that are kept with the object.
    """

    service: str
    path: str
    secrets: Mapping[str, str] = field(repr=False)
    region: str = ""
    acl: str = "public-read"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bucket, _, name = self.path.strip("/").partition("/")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", bucket) or not name:
            raise ValueError(f"path must be a bucket and a name, bucket/name; got {self.path!r}")
        if any(part in (".", "..") for part in name.split("/")):
            raise ValueError(f"path must not lead elsewhere; got {self.path!r}")
        if self.service == "s3" and not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,40}", self.region):
            raise ValueError(f"region must be one of AWS's; got {self.region!r}")
        if self.acl not in _ACLS:
            raise ValueError(f"acl must be one of {', '.join(_ACLS)}; got {self.acl!r}")
        for name, value in {**self.headers, **self.secrets}.items():
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"{name} must be printable ASCII")
        for name in self.headers:
            if not _HEADERS.fullmatch(name):
                raise ValueError(
                    f"headers may be Cache-Control, Expires, Content-Disposition, or metadata of "
                    f"the store; got {name!r}"
                )


async def put(
    store: Store,
    data: bytes,
    media_type: str,
    *,
    endpoints: Mapping[str, str],
) -> str:
    """Put a result where it is to go; give its address.

    Parameters
    ----------
    store : Store
        Where.
    data : bytes
        The result.
    media_type : str
        What it is.
    endpoints : mapping
        Address of a service, in place of its own: ``{"s3": "http://127.0.0.1:9000"}``. Its host
        need not be public.

    Raises
    ------
    NotFetched
        If the store refuses; `ServerFailed` if it cannot be reached or has a fault.
    """
    base = endpoints.get(store.service) or ENDPOINTS[store.service].format(region=store.region)
    url = f"{base.rstrip('/')}/{quote(store.path.strip('/'), safe='/-_.~')}"
    exempt = [urlsplit(base).hostname or ""] if endpoints.get(store.service) else []
    kept = {"Content-Type": media_type, **store.headers}
    headers = SIGNED[store.service](store, url, data, kept)
    network = PublicNetwork(exempt)
    try:
        async with asyncio.timeout(_MAX_SECONDS):
            answer = await ask(
                "PUT", url, network=network, max_bytes=_MAX_ANSWER, headers=headers, body=data
            )
    except TimeoutError as error:
        raise ServerFailed(f"{store.service} took more than {_MAX_SECONDS:g} seconds") from error
    if answer.status // 100 == 2:
        return url
    code = re.search(rb"<Code>([\w.]{1,60})</Code>", answer.body)
    reason = f"{answer.status} {code[1].decode() if code else ''}".strip()
    failure = ServerFailed if answer.status >= 500 else NotFetched
    raise failure(f"{store.service} answered with {reason}")


def signed_for_s3(
    store: Store, url: str, data: bytes, headers: Mapping[str, str], *, at: float | None = None
) -> dict[str, str]:
    """Give the headers of a PUT with their signature.

    Parameters
    ----------
    store : Store
        With the keys.
    url : str
        Where it goes; its path is encoded.
    data : bytes
        What is sent.
    headers : mapping
        What is sent beside it.
    at : float, optional
        When, in seconds since 1970; now by default.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    digest = hashlib.sha256(data).hexdigest()
    signed = {**headers, "Host": host_of(url), "X-Amz-Content-Sha256": digest, "X-Amz-Date": moment}
    if store.acl != "no-acl":
        signed["X-Amz-Acl"] = store.acl
    if store.secrets.get("aws_session_token"):
        signed["X-Amz-Security-Token"] = store.secrets["aws_session_token"]
    canonical = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join(name for name, _ in canonical)
    lines = "".join(f"{name}:{value}\n" for name, value in canonical)
    asked = "\n".join(["PUT", urlsplit(url).path, "", lines, names, digest])
    scope = f"{moment[:8]}/{store.region}/s3/aws4_request"
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(asked.encode()).hexdigest()]
    )
    key = b"AWS4" + store.secrets["aws_secret_access_key"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{store.secrets['aws_access_key_id']}/{scope}"
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def signed_for_gcs(
    store: Store, url: str, data: bytes, headers: Mapping[str, str]
) -> dict[str, str]:
    """Give the headers of a PUT with the caller's token."""
    token = store.secrets["gcp_access_token"]
    signed = {**headers, "Host": host_of(url), "Authorization": f"Bearer {token}"}
    return signed


ENDPOINTS = {
    "s3": "https://s3.{region}.amazonaws.com",
    "gcs": "https://storage.googleapis.com",
}
SIGNED: dict[str, Callable[[Store, str, bytes, Mapping[str, str]], dict[str, str]]] = {
    "s3": signed_for_s3,
    "gcs": signed_for_gcs,
}
# What the caller must say to each, and may.
SECRETS = {
    "s3": (("aws_access_key_id", "aws_secret_access_key"), ("aws_session_token",)),
    "gcs": (("gcp_access_token",), ()),
}
