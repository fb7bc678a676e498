"""The paths of the API: each reads what was asked, calls one thing of the room, and shapes the reply."""

import posixpath
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel

from fleetsave.api import listing, room
from fleetsave.api.ports import ApiPorts
from fleetsave.api.requests import (
    CursorInQuery,
    FromInQuery,
    IdempotencyKey,
    KindInQuery,
    MaximumAge,
    NoBody,
    OnlyServerInQuery,
    RecoveryBody,
    RecoveryIdInPath,
    ServerIdInQuery,
    ToInQuery,
    VerifiedInQuery,
    read_age,
)
from fleetsave.api.resources import DryRun
from fleetsave.catalog.recoveries import Begun
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_keys import RecoveryId

RECOVER = "/backup/recover"
RETRY_AFTER_SECONDS = 2
UNKNOWN_CALLER = "unknown"

Reply = Response[Any]


class Routes:
    """The routes on one resolver; `ports` is asked at every request, so that nothing is made before the first."""

    def __init__(self, resolver: APIGatewayRestResolver, ports: Callable[[], ApiPorts]) -> None:
        self._resolver = resolver
        self._ports = ports

    def recover(
        self, body: Annotated[RecoveryBody, Body(description="what to restore")], idempotency_key: IdempotencyKey = None
    ) -> Reply:
        """POST /backup/recover."""
        asked, ports = room.Asked(self._caller(), idempotency_key), self._ports()
        if body.dry_run:
            return _reply(HTTPStatus.OK, DryRun(dry_run=True, plan=room.plan_recovery(body, asked, ports)))
        return self._accepted(room.begin_recovery(body, asked, ports), ports)

    def get_recovery(self, recovery_id: RecoveryIdInPath) -> Reply:
        """GET /backup/recover/{recovery_id}."""
        ports = self._ports()
        return self._recovery(HTTPStatus.OK, room.find_recovery(RecoveryId.parse(recovery_id), ports), ports)

    def list_recoveries(self, server_id: ServerIdInQuery, cursor: CursorInQuery = None) -> Reply:
        """GET /backup/recover."""
        return _reply(HTTPStatus.OK, listing.list_recoveries(server_id, cursor, self._ports()))

    def cancel(
        self, recovery_id: RecoveryIdInPath, body: Annotated[NoBody | None, Body(description="none is needed")] = None
    ) -> Reply:
        """POST /backup/recover/{recovery_id}/cancel."""
        del body
        ports = self._ports()
        recovery = room.cancel_recovery(RecoveryId.parse(recovery_id), self._caller(), ports)
        return self._recovery(HTTPStatus.ACCEPTED, recovery, ports)

    def undo(
        self,
        recovery_id: RecoveryIdInPath,
        body: Annotated[NoBody | None, Body(description="none is needed")] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Reply:
        """POST /backup/recover/{recovery_id}/undo."""
        del body
        asked, ports = room.Asked(self._caller(), idempotency_key), self._ports()
        return self._accepted(room.undo_recovery(RecoveryId.parse(recovery_id), asked, ports), ports)

    def list_backups(
        self,
        server_id: ServerIdInQuery,
        kind: KindInQuery = None,
        since: FromInQuery = None,
        until: ToInQuery = None,
        verified: VerifiedInQuery = None,
        cursor: CursorInQuery = None,
    ) -> Reply:
        """GET /backups."""
        wanted = listing.Wanted(server_id, kind, since, until, None if verified is None else verified == "true")
        return _reply(HTTPStatus.OK, listing.list_backups(wanted, cursor, self._ports()))

    def status(self, max_age: MaximumAge = "2h", server_id: OnlyServerInQuery = None) -> Reply:
        """GET /status."""
        return _reply(HTTPStatus.OK, listing.fleet_status(read_age(max_age), server_id, self._ports()))

    def _accepted(self, begun: Begun, ports: ApiPorts) -> Reply:
        headers = {"Idempotency-Replayed": "true"} if begun.is_replay else {}
        return self._recovery(HTTPStatus.ACCEPTED, begun.recovery, ports, headers)

    def _recovery(self, status: HTTPStatus, recovery: Recovery, ports: ApiPorts, headers: dict[str, str] | None = None) -> Reply:
        self._resolver.context["recovery_id"] = str(recovery.id)
        found = dict(headers or {})
        if status is HTTPStatus.ACCEPTED:
            found["Location"] = location_of(str(recovery.id), self._resolver.current_event.path)
        if status is HTTPStatus.ACCEPTED or not recovery.is_finished:
            found["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return _reply(status, room.show_recovery(recovery, ports), found)

    def _caller(self) -> str:
        return self._resolver.current_event.request_context.identity.user_arn or UNKNOWN_CALLER


def location_of(recovery_id: str, request_path: str) -> str:
    """Return where a recovery is, relative to the address that was asked (RFC 9110, 10.2.2).

    Only the client knows that address whole: a stage, a custom domain's base path or a proxy stands before what comes here.
    """
    folder = request_path[: request_path.index(RECOVER)] + RECOVER
    return posixpath.join(posixpath.relpath(folder, posixpath.dirname(request_path)), recovery_id)


def _reply(status: HTTPStatus, resource: BaseModel, headers: dict[str, str] | None = None) -> Reply:
    return Response(
        status.value, "application/json", resource.model_dump_json(), {"Cache-Control": "no-store", **(headers or {})}
    )
