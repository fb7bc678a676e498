"""Runs in SAM's own venv: print the CloudFormation template that SAM makes of a SAM template, as JSON."""

import importlib
import json
import os
import sys
from pathlib import Path


class NoManagedPolicies:
    """The template names no managed policies, so there are none to look up on AWS."""

    def load(self) -> dict[str, str]:
        return {}


def main(template: Path) -> None:
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    parse = importlib.import_module("samcli.yamlhelper").yaml_parse
    transform = importlib.import_module("samtranslator.translator.transform").transform
    given = parse(template.read_text())
    # As `sam package` does: code lies in a bucket by the time AWS sees the template.
    given["Globals"]["Function"]["CodeUri"] = "s3://artifacts/functions"
    for resource in given["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://artifacts/layer"
    json.dump(transform(given, {}, NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
