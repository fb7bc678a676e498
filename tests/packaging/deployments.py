"""What template.yaml deploys with given parameters: transformed by SAM, conditions decided, references named."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fleetsave.local.toolbox import ensure

PROJECT = Path(__file__).parents[2]
_NOTHING = {"Ref": "AWS::NoValue"}


@cache
def transformed() -> dict[str, Any]:
    """Return the CloudFormation template that SAM makes of template.yaml."""
    command = [str(ensure("sam") / "bin" / "python"), str(Path(__file__).with_name("transform.py")), "template.yaml"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    template: dict[str, Any] = json.loads(done.stdout)
    return template


@dataclass(frozen=True)
class Deployment:
    """A deployment in which a resource is known by its logical id, so that `!GetAtt Bucket.Arn` reads `Bucket.Arn`."""

    parameters: Mapping[str, str]

    @property
    def resources(self) -> dict[str, Any]:
        """Return the resources whose condition holds."""
        everything = transformed()["Resources"].items()
        return {name: self.resolve(resource) for name, resource in everything if self._holds(resource.get("Condition"))}

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the properties of each resource of a CloudFormation type."""
        return {name: resource["Properties"] for name, resource in self.resources.items() if resource["Type"] == kind}

    @property
    def broken_rules(self) -> list[str]:
        """Return what CloudFormation would say when it refuses these parameters."""
        rules = [rule for rule in transformed()["Rules"].values() if self._decide(rule["RuleCondition"])]
        assertions = [assertion for rule in rules for assertion in rule["Assertions"]]
        return [assertion["AssertDescription"] for assertion in assertions if not self._decide(assertion["Assert"])]

    def value(self, parameter: str) -> str:
        """Return what a parameter is given, or its default."""
        return str(self.parameters.get(parameter, transformed()["Parameters"][parameter]["Default"]))

    def resolve(self, node: Any) -> Any:
        """Return part of the template with conditions decided, parameters filled in, and references as text."""
        if isinstance(node, list):
            return [self.resolve(item) for item in node if self._chosen(item) != _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            function, argument = next(iter(node.items()))
            if function == "Fn::If":
                return self.resolve(self._chosen(node))
            if function == "Ref":
                return self.value(argument) if argument in transformed()["Parameters"] else argument
            if function == "Fn::GetAtt":
                return argument if isinstance(argument, str) else ".".join(argument)
            if function == "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                given = self.resolve(own)
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: given.get(match[1], self._named(match[1])), text)
            if function == "Fn::FindInMap":
                name, key, attribute = map(self.resolve, argument)
                return transformed()["Mappings"][name][key][attribute]
        return {name: self.resolve(item) for name, item in node.items() if self._chosen(item) != _NOTHING}

    def _named(self, reference: str) -> str:
        return self.value(reference) if reference in transformed()["Parameters"] else f"<{reference}>"

    def _chosen(self, node: Any) -> Any:
        while isinstance(node, dict) and "Fn::If" in node:
            condition, yes, no = node["Fn::If"]
            node = yes if self._holds(condition) else no
        return node

    def _holds(self, condition: str | None) -> bool:
        return condition is None or self._decide(transformed()["Conditions"][condition])

    def _decide(self, expression: Mapping[str, Any]) -> bool:
        function, arguments = next(iter(expression.items()))
        if function == "Fn::Not":
            return not self._decide(arguments[0])
        if function == "Fn::And":
            return all(map(self._decide, arguments))
        assert function == "Fn::Equals", f"the tests do not know {function}"
        left, right = map(self.resolve, arguments)
        return str(left) == str(right)


OWN = Deployment({})
"""A deployment with nothing but defaults: Amazon S3, in a bucket of its own."""

EXTERNAL = Deployment(
    {
        "StoreEndpoint": "https://store.example",
        "StoreRegion": "here",
        "StoreBucket": "backups",
        "StoreSecret": "fleetsave/store",
        "StoreProvider": "portable",
        "EventSource": "fleetsave.store",
    }
)
"""A deployment onto a store that is not Amazon's."""
