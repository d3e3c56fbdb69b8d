"""What both drivers need: a client that can wait for answers, cases that are run in order, and their report."""

import argparse
import asyncio
import json
import os
import sys
import threading
import traceback
import urllib.request
from typing import Any

from pysignalr.client import SignalRClient
from pysignalr.protocol.json import JSONProtocol
from pysignalr.protocol.messagepack import MessagepackProtocol

SOON = 15.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--encoding", choices=["json", "messagepack"], required=True)
    parser.add_argument("--token", default="")
    return parser.parse_args()


class HubError(Exception):
    """The hub answered with an error."""


class Client:
    """A connection of the client package under test, with answers to wait for and calls kept in queues."""

    def __init__(self, url: str, encoding: str, token: str = "") -> None:
        protocol = JSONProtocol() if encoding == "json" else MessagepackProtocol()
        # The token goes into the headers: this package sends none on negotiate when it is given a token factory.
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.package = SignalRClient(url, protocol=protocol, headers=headers)
        self._opened = asyncio.Event()
        self.package.on_open(self._on_open)
        self.package.on_error(self._on_error)
        self._running: asyncio.Task[None] | None = None

    async def _on_open(self) -> None:
        self._opened.set()

    async def _on_error(self, _message: Any) -> None:
        """Each call looks at its own completion; the package only insists on a handler."""

    async def __aenter__(self) -> "Client":
        self._running = asyncio.create_task(self.package.run())
        opened = asyncio.create_task(self._opened.wait())
        done, _ = await asyncio.wait({self._running, opened}, timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self._running in done:
            self._running.result()
        if not done:
            raise TimeoutError("the connection was not opened in time")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def ended(self) -> BaseException | None:
        """Waits until the package gives the connection up, and tells why."""
        assert self._running is not None
        await asyncio.wait({self._running}, timeout=SOON)
        return self._running.exception()

    async def invoke(self, method: str, *values: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def on_completion(message: Any) -> None:
            answer.set_result(message)

        await self.package.send(method, list(values), on_completion)
        message = await asyncio.wait_for(answer, SOON)
        if message.error:
            raise HubError(message.error)
        return message.result

    async def send(self, method: str, *values: Any) -> None:
        await self.package.send(method, list(values))

    async def stream(self, method: str, *values: Any) -> tuple[list[Any], str | None]:
        items: list[Any] = []
        ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        async def on_next(item: Any) -> None:
            items.append(item)

        async def on_complete(_message: Any) -> None:
            ended.set_result(None)

        async def on_error(message: Any) -> None:
            ended.set_result(message.error)

        await self.package.stream(method, list(values), on_next, on_complete, on_error)
        return items, await asyncio.wait_for(ended, SOON)

    def calls(self, method: str) -> "asyncio.Queue[Any]":
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def on_call(values: Any) -> None:
            await queue.put(values)

        self.package.on(method, on_call)
        return queue


async def soon(queue: "asyncio.Queue[Any]") -> Any:
    return await asyncio.wait_for(queue.get(), SOON)


async def fails(awaitable: Any) -> str:
    """The text of the error that the hub must answer with."""
    try:
        value = await awaitable
    except HubError as error:
        return str(error)
    raise AssertionError(f"expected an error, got {value!r}")


def equal(got: Any, expected: Any) -> None:
    if got != expected:
        raise AssertionError(f"got {got!r}, expected {expected!r}")


def negotiate(url: str, query: str, token: str = "") -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/negotiate{query}", method="POST", data=b"")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=SOON) as response:
        return json.load(response)


def end_with_the_test() -> None:
    """The end of the input is the end of the test that started this driver, which must not be outlived."""
    sys.stdin.read()
    os._exit(2)


def run(cases: list[Any], options: argparse.Namespace) -> None:
    """Runs the cases, named by their first line of documentation, and ends the process: 0 only if all passed."""
    threading.Thread(target=end_with_the_test, daemon=True).start()
    failed = 0
    for case in cases:
        report: dict[str, Any] = {"case": case.__doc__.splitlines()[0], "passed": True}
        try:
            asyncio.run(asyncio.wait_for(case(options), 60))
        except Exception:
            failed += 1
            report |= {"passed": False, "error": traceback.format_exc()}
        print(json.dumps(report), flush=True)
    print(json.dumps({"passed": len(cases) - failed, "failed": failed}), flush=True)
    sys.exit(1 if failed or not cases else 0)
