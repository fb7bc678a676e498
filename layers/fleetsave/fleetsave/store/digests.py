"""What a store must say of bytes it has taken whole: the digests sent with them, and the ETags they lead to."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fleetsave.store.base import PartReceipt

_MD5_ETAG = re.compile(r"[0-9a-f]{32}(-\d+)?")


def sent_with(body: bytes) -> dict[str, str]:
    """Return the digests of a body as S3 parameters. Values, never algorithms: those would bring back chunked trailers."""
    return {
        "ContentMD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "ChecksumSHA256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }


def sha256_hex(sent: Mapping[str, str]) -> str:
    """Return the SHA-256 among the digests sent with a body, in hex."""
    return base64.b64decode(sent["ChecksumSHA256"]).hex()


def base64_of(sha256: str) -> str:
    """Return a SHA-256 in hex as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def etag_of(body: bytes) -> str:
    """Return the ETag of an object or part with this content."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def etag_of_parts(parts: Sequence[PartReceipt]) -> str:
    """Return the ETag of an object made of these parts: the MD5 of their MD5s, and their number."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def is_opaque(answer: Mapping[str, Any]) -> bool:
    """Tell whether the ETag in an answer says nothing of the content: so it is under SSE-KMS and SSE-C, by Amazon's word."""
    encryption = str(answer.get("ServerSideEncryption", ""))
    return encryption.startswith("aws:kms") or "SSECustomerAlgorithm" in answer


def is_of_parts(etag: str, parts: Sequence[PartReceipt], answer: Mapping[str, Any]) -> bool:
    """Tell whether an object with this ETag can be made of these parts; where ETags are opaque, only their number shows."""
    if is_opaque(answer) or not all(_MD5_ETAG.fullmatch(part.etag) for part in parts):
        return etag.endswith(f"-{len(parts)}")
    return etag == etag_of_parts(parts)
