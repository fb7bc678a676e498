"""The API of the template: the routes it has and no others, signed calls only, and no more of them than it can bear."""

import json
from typing import Any

import pytest

from tests.packaging.deployments import EXTERNAL, OWN, Deployment

ROUTES = {
    ("POST", "/backup/recover"),
    ("GET", "/backup/recover"),
    ("GET", "/backup/recover/{id}"),
    ("POST", "/backup/recover/{id}/cancel"),
    ("POST", "/backup/recover/{id}/undo"),
    ("GET", "/backups"),
    ("GET", "/status"),
    ("GET", "/openapi.json"),
}
BOTH = pytest.mark.parametrize("deployment", [OWN, EXTERNAL], ids=["own-bucket", "external-store"])


def operations(deployment: Deployment) -> dict[tuple[str, str], dict[str, Any]]:
    (api,) = deployment.of_type("AWS::ApiGateway::RestApi").values()
    return {
        (method.upper(), path): operation
        for path, methods in api["Body"]["paths"].items()
        for method, operation in methods.items()
    }


@BOTH
def test_the_api_has_its_routes_and_no_others(deployment: Deployment) -> None:
    assert set(operations(deployment)) == ROUTES


@BOTH
def test_every_route_leads_to_the_api_function_for_signed_calls_only(deployment: Deployment) -> None:
    for operation in operations(deployment).values():
        assert operation["security"] == [{"AWS_IAM": []}]
        integration = operation["x-amazon-apigateway-integration"]
        assert integration["type"] == "aws_proxy"
        assert "<ApiFunction.Arn>" in integration["uri"]
    (api,) = deployment.of_type("AWS::ApiGateway::RestApi").values()
    scheme = api["Body"]["components"]["securitySchemes"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_who_may_call_the_api_needs_no_permission_to_invoke_its_function() -> None:
    integrations = [operation["x-amazon-apigateway-integration"] for operation in operations(OWN).values()]
    assert [integration for integration in integrations if "credentials" in integration] == []


def test_only_this_apis_own_routes_may_invoke_the_function() -> None:
    permissions = OWN.of_type("AWS::Lambda::Permission").values()
    assert len(permissions) == len(ROUTES)
    assert {permission["Principal"] for permission in permissions} == {"apigateway.amazonaws.com"}
    assert {permission["Action"] for permission in permissions} == {"lambda:InvokeFunction"}
    sources = json.dumps([permission["SourceArn"] for permission in permissions])
    for method, path in ROUTES:
        assert f"/{method}{path.replace('{id}', '*')}" in sources


def test_there_is_one_stage_which_limits_calls_and_counts_them() -> None:
    (stage,) = OWN.of_type("AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "v1"
    (limits,) = stage["MethodSettings"]
    assert (limits["ResourcePath"], limits["HttpMethod"], limits["MetricsEnabled"]) == ("/*", "*", True)
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (20, 40)
    assert "AccessLogSetting" not in stage
    assert not OWN.of_type("AWS::ApiGateway::Account")


def test_the_function_gives_up_before_api_gateway_does() -> None:
    assert OWN.of_type("AWS::Lambda::Function")["ApiFunction"]["Timeout"] < 29
