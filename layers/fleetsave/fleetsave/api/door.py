"""From a REST proxy event to its answer: the routes, and around them everything that makes a problem of what goes wrong."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.api import documents, problems
from fleetsave.api.body import as_json, read_json, refuse_unreadable
from fleetsave.api.openapi import document
from fleetsave.api.ports import ApiPorts
from fleetsave.api.routes import RECOVER, Routes, location_of
from fleetsave.model.errors import FleetsaveError
from fleetsave.observability import logger

Answer = dict[str, Any]
"""A REST proxy response: statusCode, multiValueHeaders, body, isBase64Encoded."""


class Api:
    """The API; one request at a time, as Lambda has it."""

    def __init__(self, ports: Callable[[], ApiPorts]) -> None:
        self.resolver = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=read_json)
        self._routes: list[tuple[str, str, re.Pattern[str]]] = []
        self._add_routes(Routes(self.resolver, ports))
        self.resolver.use(middlewares=[self._refuse_unknown_parameters, self._log])
        self.resolver.not_found(self._not_found)
        for kind, answer in (
            (RequestValidationError, self._invalid),
            (FleetsaveError, self._refused),
            (Exception, self._defect),
        ):
            self.resolver.exception_handler(kind)(answer)

    @property
    def paths(self) -> list[tuple[str, str]]:
        """Return the method and the path of every route."""
        return [(method, path) for method, path, _ in self._routes]

    def answer(self, event: Mapping[str, Any], context: LambdaContext) -> Answer:
        """Answer one request; whatever goes wrong with it is a problem body, and in the log."""
        unreadable = refuse_unreadable(event)
        if unreadable is None:
            answer: Answer = self.resolver.resolve(as_json(event), context)
            return answer
        request_id = str((event.get("requestContext") or {}).get("requestId"))
        _log_refusal(unreadable, {"method": event.get("httpMethod"), "request_id": request_id})
        response = _response(unreadable, request_id)
        return {
            "statusCode": response.status_code,
            "multiValueHeaders": {name: [value] for name, value in response.headers.items()},
            "body": response.body,
            "isBase64Encoded": False,
        }

    def _add_routes(self, routes: Routes) -> None:
        one = f"{RECOVER}/<recovery_id>"
        self._add("POST", RECOVER, routes.recover, documents.RECOVER)
        self._add("GET", RECOVER, routes.list_recoveries, documents.LIST_RECOVERIES)
        self._add("GET", one, routes.get_recovery, documents.GET_RECOVERY)
        self._add("POST", f"{one}/cancel", routes.cancel, documents.CANCEL)
        self._add("POST", f"{one}/undo", routes.undo, documents.UNDO)
        self._add("GET", "/backups", routes.list_backups, documents.LIST_BACKUPS)
        self._add("GET", "/status", routes.status, documents.STATUS)
        self._add("GET", "/openapi.json", self._openapi, documents.OPENAPI)

    def _add(self, method: str, path: str, route: Callable[..., Response[Any]], document_of: dict[str, Any]) -> None:
        self.resolver.route(path, method, **document_of)(route)
        self._routes.append((method, path, re.compile(re.sub(r"<\w+>", "[^/]+", path) + "/*")))

    def _openapi(self) -> Response[Any]:
        return Response(200, "application/json", json.dumps(document(self.resolver)))

    def _refuse_unknown_parameters(self, app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        """Refuse what no route reads: a misspelt filter must not widen a list, nor `?dry_run=true` begin a recovery."""
        route = app.context["_route"]
        if not self._is_own(route):
            return next_middleware(app)
        known = {field.alias for field in route.dependant.query_params}
        given = app.current_event.multi_value_query_string_parameters
        wrong: list[dict[str, Any]] = [
            {
                "type": "parameter",
                "loc": ("query", name),
                "msg": "give it once" if name in known else "there is no such parameter",
            }
            for name in sorted({*given, *app.current_event.query_string_parameters})
            if name not in known or len(given.get(name) or ()) > 1
        ]
        if app.current_event.path.endswith("\n"):  # which Powertools' routes overlook
            wrong.append({"type": "path", "loc": ("path",), "msg": "it ends with a line break"})
        if wrong:
            raise RequestValidationError(wrong)
        return next_middleware(app)

    def _log(self, app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
        response = next_middleware(app)
        if self._is_own(app.context["_route"]):
            logger().info("answered", extra={**self._told(), "status": response.status_code})
        return response

    def _invalid(self, error: RequestValidationError) -> Response[Any]:
        return self._refuse(problems.refusal_of_fields(error.errors()))

    def _refused(self, error: FleetsaveError) -> Response[Any]:
        refusal = problems.refusal_of(error)
        if refusal.recovery_id is not None:
            location = location_of(refusal.recovery_id, self.resolver.current_event.path)
            refusal = replace(refusal, headers={**refusal.headers, "Location": location})
        return self._refuse(refusal)

    def _not_found(self, _: NotFoundError) -> Response[Any]:
        path = self.resolver.current_event.path
        allowed = sorted(method for method, _, pattern in self._routes if pattern.fullmatch(path))
        if not allowed:
            hint = "See GET /openapi.json."
            return self._refuse(problems.Refusal(problems.NOT_FOUND, "read", "path", "nothing is there", hint))
        if self.resolver.current_event.http_method in allowed:  # Powertools' routes take no such characters in an id
            wrong = {"type": "recovery_id", "loc": ("path", "recovery_id"), "msg": "it is not the id of a recovery"}
            return self._refuse(problems.refusal_of_fields([wrong]))
        hint = f"Use {' or '.join(allowed)}."
        headers = {"Allow": ", ".join(allowed)}
        return self._refuse(
            problems.Refusal(problems.METHOD_NOT_ALLOWED, "read", "method", "the path does not take it", hint, headers=headers)
        )

    def _defect(self, error: Exception) -> Response[Any]:
        logger().error("unexpected failure: report it with this stack", exc_info=error, extra=self._told())
        return self._refuse(problems.defect())

    def _refuse(self, refusal: problems.Refusal) -> Response[Any]:
        told = self._told()
        _log_refusal(refusal, told)
        return _response(refusal, told["request_id"])

    def _is_own(self, route: Route) -> bool:
        """Tell whether a route is one of the API's, not the one that Powertools makes where nothing was found."""
        return (route.method, route.path) in self.paths

    def _told(self) -> dict[str, Any]:
        """Return what is logged of a request: never its headers or its body."""
        event, route = self.resolver.current_event, self.resolver.context["_route"]
        return {
            "method": event.http_method,
            "route": route.openapi_path if self._is_own(route) else None,
            "request_id": str(event.request_context.request_id),
            "recovery_id": self.resolver.context.get("recovery_id"),
        }


def _response(refusal: problems.Refusal, request_id: str) -> Response[Any]:
    headers = {"Cache-Control": "no-store", **refusal.headers}
    body = refusal.body(request_id).model_dump_json(exclude_none=True)
    return Response(refusal.status.value, problems.CONTENT_TYPE, body, headers)


def _log_refusal(refusal: problems.Refusal, told: Mapping[str, Any]) -> None:
    extra = {**told, "status": refusal.status.value, "reason": refusal.reason}
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        failure = {"operation": refusal.operation, "target": refusal.target, "cause": refusal.cause, "hint": refusal.hint}
        logger().error("failed", extra={**extra, **failure})
    else:
        logger().info("refused", extra=extra)
