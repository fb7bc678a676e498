"""The environments of one revision of a function: one for each invocation in flight, some kept for the next."""

import http.client
import json
import threading
from collections.abc import Callable

from fleetsave.local.function_environment import Environment, Reply
from fleetsave.local.function_package import Package

_MOST_IDLE = 4
"""Environments a function keeps when idle: enough for a burst of messages, at some 60 MB each."""


class FunctionPool:
    """Runs invocations side by side; each environment takes one at a time, and one that broke is never used again."""

    def __init__(self, package: Package, start: Callable[[Package], Environment]) -> None:
        self.package = package
        self._start = start
        self._idle: list[Environment] = []
        self._busy: set[Environment] = set()
        self._lock = threading.Lock()
        self._is_retired = False

    def invoke(self, event: bytes) -> Reply:
        """Run the function once, in an idle environment or a new one. Raise RuntimeError if none can be started."""
        environment = self._take()
        is_reusable = False
        try:
            reply = environment.invoke(event)
            is_reusable = reply.is_reusable
        except (OSError, http.client.HTTPException) as error:
            return _lost(error)
        finally:
            self._give_back(environment, is_reusable=is_reusable)
        return reply

    def retire(self) -> None:
        """Stop idle environments now and busy ones after their invocation: the function has a newer revision."""
        with self._lock:
            self._is_retired = True
            idle, self._idle = self._idle, []
            is_unused = not self._busy
        for environment in idle:
            environment.stop()
        if is_unused:
            self.package.remove()

    def stop(self) -> None:
        """Stop every environment at once, busy or not."""
        with self._lock:
            self._is_retired = True
            environments = [*self._idle, *self._busy]
            self._idle = []
        for environment in environments:
            environment.begin_stop()
        for environment in environments:
            environment.stop()

    def _take(self) -> Environment:
        while True:
            with self._lock:
                environment = self._idle.pop() if self._idle else None
                if environment is not None:
                    self._busy.add(environment)
            if environment is None:
                break
            if environment.is_usable:
                return environment
            self._give_back(environment, is_reusable=False)
        environment = self._start(self.package)
        with self._lock:
            self._busy.add(environment)
        return environment

    def _give_back(self, environment: Environment, *, is_reusable: bool) -> None:
        with self._lock:
            self._busy.discard(environment)
            keeps = is_reusable and not self._is_retired and len(self._idle) < _MOST_IDLE
            if keeps:
                self._idle.append(environment)
            was_last = self._is_retired and not self._busy
        if not keeps:
            environment.stop()
        if was_last:
            self.package.remove()


def _lost(error: Exception) -> Reply:
    """Return what Lambda says when the environment ended under an invocation."""
    body = {"errorType": "Runtime.ExitError", "errorMessage": f"the execution environment broke: {error!r}"}
    return Reply(json.dumps(body).encode(), is_error=True, is_reusable=False)
