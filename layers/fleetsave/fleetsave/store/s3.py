"""The object store on Amazon S3 and everything that speaks like it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.store import digests
from fleetsave.store.base import ObjectInfo, OpenUpload, PartReceipt
from fleetsave.store.errors import error_code, missing_bucket, translated
from fleetsave.store.profiles import declares_checksums
from fleetsave.store.reading import Reading


class S3Store:
    """One bucket, behind a client of `store.profiles`.

    With `conditional_writes` the store itself refuses to replace an object; without, we look before we write. `page_size`
    is how many entries one page of a listing holds.
    """

    def __init__(self, client: Any, bucket: str, *, conditional_writes: bool, page_size: int = 1000) -> None:
        self._client = client
        self._bucket = bucket
        self._conditional_writes = conditional_writes
        self._page_size = page_size
        self._bucket_is_there = False

    def put(self, key: str, body: bytes, *, metadata: Mapping[str, str] | None = None, if_absent: bool = False) -> ObjectInfo:
        """Store a small object; `last_modified` in the answer is the store's clock at its reply."""
        if if_absent:
            self._look_before_writing("put", key)
        with translated("put", key):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                Metadata=dict(metadata or {}),
                ContentType="application/octet-stream",
                **digests.sent_with(body),
                **self._condition(if_absent),
            )
        etag = _etag(answer)
        if etag != digests.etag_of(body) and not digests.is_opaque(answer):
            raise _altered("put", key, etag)
        return ObjectInfo(key, len(body), etag, _date("put", key, answer), _lower(metadata or {}))

    def head(self, key: str) -> ObjectInfo:
        """Describe an object."""
        return _described(key, self._head(key))

    def get(self, key: str, *, limit: int = 16 << 20) -> bytes:
        """Read a small object whole; what is larger is given up as soon as it is seen to be."""
        body = bytearray()
        for chunk in self.read(key):
            body += chunk
            if len(body) > limit:
                raise StoreError("get", key, f"it is larger than {limit} bytes", "It is not what it should be; look at it.")
        return bytes(body)

    def read(self, key: str, *, offset: int = 0) -> Iterator[bytes]:
        """Read an object, from `offset` to its end."""
        return Reading(self._client, self._bucket, key, offset).chunks()

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List every object under `prefix`, or those after a key; stores with folders begin a little before it (SeaweedFS)."""
        after = {} if start_after is None else {"StartAfter": start_after}
        for entry in self._pages("list_objects_v2", "Contents", prefix, **after):
            if start_after is None or entry["Key"] > start_after:
                yield _listed(entry)

    def folders(self, prefix: str) -> Iterator[str]:
        """List the names under `prefix` that end with a `/`."""
        for entry in self._pages("list_objects_v2", "CommonPrefixes", prefix, Delimiter="/"):
            yield entry["Prefix"].removeprefix(prefix).removesuffix("/")

    def files(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects under `prefix` that are in no folder there."""
        yield from map(_listed, self._pages("list_objects_v2", "Contents", prefix, Delimiter="/"))

    def delete(self, key: str) -> None:
        """Delete an object; one call each, since look-alikes differ about DeleteObjects."""
        with translated("delete", key):
            try:
                self._client.delete_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error_code(error) != "NoSuchKey":
                    raise

    def begin_upload(self, key: str, *, metadata: Mapping[str, str] | None = None) -> str:
        """Begin a multipart upload."""
        algorithm = {"ChecksumAlgorithm": "SHA256"} if declares_checksums(self._client) else {}
        with translated("begin upload", key):
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                Metadata=dict(metadata or {}),
                ContentType="application/octet-stream",
                **algorithm,
            )
        return str(answer["UploadId"])

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> PartReceipt:
        """Upload one part."""
        sent = digests.sent_with(body)
        with translated("upload part", f"{key} part {number}"):
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body, **sent
            )
        etag = _etag(answer)
        if etag != digests.etag_of(body) and not digests.is_opaque(answer):
            raise _altered("upload part", f"{key} part {number}", etag)
        return PartReceipt(number, len(body), etag, digests.sha256_hex(sent))

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[PartReceipt]) -> ObjectInfo:
        """Make the object appear, or find that it has appeared already."""
        if not self._conditional_writes:
            there = self._there_already(key, parts)
            if there is not None:
                return there
        try:
            self._complete(key, upload_id, parts)
        except (ObjectExistsError, ObjectNotFoundError) as error:
            there = self._there_already(key, parts)
            if there is None:
                raise error from None
            return there
        answer = self._head(key)
        if not _is_made_of(answer, parts):
            raise _altered("complete upload", key, _etag(answer))
        return _described(key, answer)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw an upload and its parts away."""
        with translated("abort upload", key):
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if error_code(error) not in ("NoSuchUpload", "NoSuchKey"):
                    raise

    def list_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """List the open uploads under `prefix`."""
        for entry in self._pages("list_multipart_uploads", "Uploads", prefix):
            yield OpenUpload(entry["Key"], entry["UploadId"], entry["Initiated"])

    def now(self) -> datetime:
        """Return the store's clock."""
        with translated("read the clock of", self._bucket):
            return _date("read the clock of", self._bucket, self._head_bucket())

    def _complete(self, key: str, upload_id: str, parts: Sequence[PartReceipt]) -> None:
        declares = declares_checksums(self._client)
        wanted = [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
            | ({"ChecksumSHA256": digests.base64_of(part.sha256)} if declares else {})
            for part in parts
        ]
        with translated("complete upload", key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": wanted},
                **self._condition(self._conditional_writes),
            )

    def _condition(self, wanted: bool) -> dict[str, str]:  # noqa: FBT001 - private, and read as a sentence at both places
        return {"IfNoneMatch": "*"} if wanted and self._conditional_writes else {}

    def _look_before_writing(self, operation: str, key: str) -> None:
        if self._conditional_writes:
            return
        try:
            self._head(key)
        except ObjectNotFoundError:
            return
        raise ObjectExistsError(operation, key, "an object is there already", "It is never replaced; look at what is there.")

    def _there_already(self, key: str, parts: Sequence[PartReceipt]) -> ObjectInfo | None:
        """Return the object at `key` if these parts made it, None if there is none. Raise ObjectExistsError for another."""
        try:
            answer = self._head(key)
        except ObjectNotFoundError:
            return None
        if not _is_made_of(answer, parts):
            raise ObjectExistsError(
                "complete upload", key, "another object is there already", "It is never replaced; look at what is there."
            )
        return _described(key, answer)

    def _head(self, key: str) -> Any:
        with translated("head", key):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error_code(error) in ("404", "NoSuchKey"):
                    self._check_bucket()
                raise
        self._bucket_is_there = True
        return answer

    def _check_bucket(self) -> None:
        """Tell a missing bucket from a missing key, which look alike in the answer to a HEAD; once is enough."""
        if not self._bucket_is_there:
            self._head_bucket()
            self._bucket_is_there = True

    def _head_bucket(self) -> Any:
        try:
            return self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchBucket"):
                raise missing_bucket("head", self._bucket) from None
            raise

    def _pages(self, operation: str, entries: str, prefix: str, **narrowed: str) -> Iterator[Any]:
        paginator = self._client.get_paginator(operation)
        size = {"PageSize": self._page_size}
        with translated("list", f"{self._bucket}/{prefix}"):
            for page in paginator.paginate(Bucket=self._bucket, Prefix=prefix, PaginationConfig=size, **narrowed):
                yield from page.get(entries, [])


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')


def _date(operation: str, target: str, answer: Mapping[str, Any]) -> datetime:
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        return parsedate_to_datetime(said)
    except ValueError:
        raise StoreError(
            operation, target, f"its answer has no date, or one that is none: {said[:40]!r}",
            "S3 dates every answer; is there a proxy before the store that takes headers away?",
        ) from None  # fmt: skip


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in metadata.items()}


def _listed(entry: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(entry["Key"], entry["Size"], _etag(entry), entry["LastModified"], {})


def _described(key: str, answer: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(key, answer["ContentLength"], _etag(answer), answer["LastModified"], _lower(answer["Metadata"]))


def _is_made_of(answer: Mapping[str, Any], parts: Sequence[PartReceipt]) -> bool:
    return answer["ContentLength"] == sum(part.size for part in parts) and digests.is_of_parts(_etag(answer), parts, answer)


def _altered(operation: str, target: str, etag: str) -> StoreError:
    return StoreError(
        operation,
        target,
        f"the store reports ETag {etag} and it is not that of the bytes sent",
        "The store altered the bytes, or does not compute ETags as S3 does; docs/stores.md says what is needed.",
    )
