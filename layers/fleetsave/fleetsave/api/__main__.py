"""`python -m fleetsave.api > docs/openapi.json`: print the OpenAPI document; nothing is asked of any service."""

import json
import sys

from fleetsave.api.door import Api
from fleetsave.api.openapi import document
from fleetsave.api.ports import ApiPorts


def _no_ports() -> ApiPorts:
    raise RuntimeError("printing the document answers no request")


sys.stdout.write(json.dumps(document(Api(_no_ports).resolver), indent=2, ensure_ascii=False) + "\n")
