"""The whole local stack: a store, the function host, the emulator, and the project's own template deployed into it.

    with LocalStack(Profile.SEAWEEDFS, parameters={"DatabaseSchedule": "cron(* * * * ? *)"}) as stack:
        print([item.key for item in stack.store().list("catalog/")])

What is emulated, what is real, and what differs from AWS: docs/local-stack.md.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetsave.local.api_access import api_url, create_caller
from fleetsave.local.deployment import Deployment
from fleetsave.local.emulator import Emulator
from fleetsave.local.function_service import FunctionService
from fleetsave.local.state_folder import StateFolder
from fleetsave.local.stores import EmulatorStore, SeaweedFsStore, StackStore
from fleetsave.local.toolbox import PROJECT
from fleetsave.store.base import ObjectStore


class Profile(StrEnum):
    """Which store the stack backs up to: SeaweedFS, an external store, or the emulator's own S3, as on AWS."""

    SEAWEEDFS = "seaweedfs"
    MINISTACK = "ministack"


class LocalStack:
    """A local stack that runs between `start` and `stop`, or inside `with`; every process of it ends with this one.

    `state` is a folder, held until `stop`, that the next stack on it takes up again with everything in it; without one all is
    temporary, and removed unless the body of `with` raised. `parameters` are the template's, over those the profile needs.
    `project` is the folder of the template. `progress` is told what is being done. Everything below `stop` needs a running
    stack.
    """

    def __init__(
        self,
        profile: Profile = Profile.SEAWEEDFS,
        *,
        state: Path | None = None,
        parameters: Mapping[str, str] | None = None,
        project: Path = PROJECT,
        name: str = "fleetsave",
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.outputs: Mapping[str, str] = {}
        self._parameters = dict(parameters or {})
        self._name = name
        self._progress = progress
        self._resources: dict[str, str] = {}
        self._parts = ExitStack()
        self._folder = StateFolder(state)
        ports = self._folder.ports(("emulator", "functions"))
        endpoint = f"http://127.0.0.1:{ports['emulator']}"
        self._store: StackStore = (
            EmulatorStore(endpoint) if profile is Profile.MINISTACK else SeaweedFsStore(self.state / "store")
        )
        self._functions = FunctionService(
            port=ports["functions"],
            emulator=endpoint,
            folder=self.state / "functions",
            logs=self.logs,
        )
        self._emulator = Emulator(
            port=ports["emulator"],
            state=self.state / "emulator",
            functions_url=self._functions.url,
            log=self.logs / "emulator.log",
            keeps_state=state is not None,
        )
        self._deployment = Deployment(
            self._emulator, project=project, folder=self.state / "sam", log=self.logs / "sam.log"
        )  # fmt: skip

    def start(self) -> None:
        """Start every part, and deploy. Raise RuntimeError if one does not start; what had started is stopped then."""
        # The kernel ends children when the thread that started them ends: this one lives until they have been stopped.
        spawner = ThreadPoolExecutor(1, thread_name_prefix="local-stack")
        self._parts.callback(spawner.shutdown)
        try:
            # Queues kept from before are delivered as soon as the emulator runs: the functions must be there first.
            for name, part in (("store", self._store), ("function host", self._functions), ("AWS emulator", self._emulator)):
                self._progress(f"starting the {name}")
                self._parts.callback(part.stop)
                spawner.submit(part.start).result()
            # From the last to the first: tell the emulator to end, end the functions it waits for, then wait for it.
            self._parts.callback(self._functions.stop)
            self._parts.callback(self._emulator.begin_stop)
            parameters = {**self._store.prepare(self._emulator), **self._parameters}
            self._progress("sam build, sam deploy")
            self.outputs = self._deployment.deploy(self._name, parameters)
            self._resources = self._physical_names()
            self._progress("ready")
        except BaseException as error:
            self.stop(keep=not isinstance(error, KeyboardInterrupt))
            raise

    def stop(self, *, keep: bool = False) -> None:
        """Stop every part, in reverse order; temporary state is removed unless `keep`. Stopping twice is no error."""
        try:
            self._parts.close()
        finally:
            self._folder.release(keep=keep)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(keep=kind is not None and not issubclass(kind, KeyboardInterrupt))

    @property
    def state(self) -> Path:
        """Return the folder of all state."""
        return self._folder.path

    @property
    def logs(self) -> Path:
        """Return the folder of every log: of the parts, of sam, and one for each function."""
        return self._folder.logs

    @property
    def endpoint(self) -> str:
        """Return the address of the emulator, for AWS_ENDPOINT_URL."""
        return self._emulator.endpoint

    @property
    def store_endpoint(self) -> str:
        """Return the address of the store that is backed up to."""
        return self._store.endpoint

    def client(self, service: str) -> Any:
        """Return the boto3 client of an AWS service, as the emulator's root user."""
        return self._emulator.client(service)

    def store(self) -> ObjectStore:
        """Return the store that is backed up to, as its administrator sees it."""
        return self._store.open(self.outputs["BucketName"])

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function and return its result. Raise RuntimeError, with its error, if it failed."""
        reply = self.client("lambda").invoke(FunctionName=self.physical_name(function), Payload=json.dumps(event))
        payload = reply["Payload"].read().decode()
        if reply.get("FunctionError"):
            raise RuntimeError(f"{function} failed: {payload}")
        return json.loads(payload or "null")

    def fire(self, schedule: str) -> None:
        """Let the scheduler do at once, and once, what a schedule of the template does in its time; it does so within 2 s."""
        scheduler = self.client("scheduler")
        target = scheduler.get_schedule(Name=self.physical_name(schedule))["Target"]
        now = datetime.now(UTC)
        scheduler.create_schedule(
            Name=f"{schedule}-{now:%H%M%S%f}",
            ScheduleExpression=f"at({now:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
            ActionAfterCompletion="DELETE",
        )

    @property
    def api_url(self) -> str:
        """Return the address of the API, to which its paths are appended."""
        return api_url(self.endpoint, self.outputs)

    def api_credentials(self, name: str = "operator", allow: Sequence[str] = ("GET", "POST")) -> tuple[str, str]:
        """Return an access key id and its secret of an IAM user who may call the API with these methods, and nothing else."""
        return create_caller(self.client("iam"), self.outputs["ApiId"], name, allow)

    def put_secret(self, name: str, text: str) -> None:
        """Keep a secret under a name, in place of what was there."""
        self._emulator.put_secret(name, text)

    def queue_depth(self, queue: str) -> int:
        """Return how many messages a queue holds: waiting, in flight or delayed."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.physical_name(queue), AttributeNames=list(names))
        return sum(int(answer["Attributes"][name]) for name in names)

    def function_log(self, function: str) -> str:
        """Return everything a function has printed, and what the runtime said of each call; empty before the first."""
        log = self.logs / f"{self.physical_name(function)}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def physical_name(self, resource: str) -> str:
        """Return the name that a resource of the template was given; what is not in the template is returned as it is."""
        return self._resources.get(resource, resource)

    def _physical_names(self) -> dict[str, str]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self._name)
        return {
            item["LogicalResourceId"]: item["PhysicalResourceId"] for page in pages for item in page["StackResourceSummaries"]
        }  # fmt: skip
