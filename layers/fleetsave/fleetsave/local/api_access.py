"""The deployed API on this machine: its address, and callers of it who may do no more than they are allowed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fleetsave.local.emulator import REGION

_STAGE = "v1"
_POLICY = "call-the-api"


def api_url(endpoint: str, outputs: Mapping[str, str]) -> str:
    """Return the address of the API of a stack with these `outputs`; it changes when a deployment changes the API's routes.

    Raise KeyError if the stack has no output ApiId.
    """
    return f"{endpoint}/_aws/execute-api/{outputs['ApiId']}/{_STAGE}"


def create_caller(iam: Any, api_id: str, name: str, allow: Sequence[str]) -> tuple[str, str]:
    """Make an IAM user who may call the API with the methods in `allow`, and nothing else; no policy at all for none.

    Return an access key id and its secret. A user of that name who is there already gets these permissions in place of those
    it had, and one key more. `iam` is an IAM client.
    """
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName=policy)
    if allow:
        iam.put_user_policy(UserName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(_policy(api_id, allow)))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _policy(api_id: str, allow: Sequence[str]) -> dict[str, Any]:
    resources = [f"arn:aws:execute-api:{REGION}:*:{api_id}/{_STAGE}/{method}/*" for method in allow]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}],
    }
