"""A Python client against the echo hub: python echo.py --url URL --encoding json|messagepack --token TOKEN"""

import argparse
import asyncio

from driver import Client, arguments, equal, fails, negotiate, run, soon


def echo(options: argparse.Namespace) -> Client:
    return Client(f"{options.url}/hubs/echo", options.encoding)


async def values_come_back(options: argparse.Namespace) -> None:
    """values of every kind come back as they were"""
    async with echo(options) as hub:
        for text in ["", "ñandú 🎸", "x" * 20_000, None]:
            equal(await hub.invoke("Echo", text), text)
        value = {"list": [1, [2, [None]], {}], "float": 0.1, "big": 2**53 + 1, "minus": -(2**62), "yes": True, "text": "a"}
        equal(await hub.invoke("EchoComplexObject", value), value)
        if options.encoding == "messagepack":
            wide = {"bytes": bytes(range(256)), "largest": 2**64 - 1, "smallest": -(2**63)}
            equal(await hub.invoke("EchoComplexObject", wide), wide)
        equal(await hub.invoke("VoidMethod"), None)
        equal(await hub.invoke("Add", 40, 2), 42)
        equal(len(await hub.invoke("BigString", 500_000)), 500_000)


async def errors_have_their_texts(options: argparse.Namespace) -> None:
    """errors have the texts that applications know"""
    async with echo(options) as hub:
        unexpected = "An unexpected error occurred invoking '{}' on the server."
        equal(await fails(hub.invoke("NoSuchMethod")), "Unknown hub method 'NoSuchMethod'")
        equal(await fails(hub.invoke("Add", "a", "b")), "Failed to invoke 'Add' due to an error on the server.")
        equal(await fails(hub.invoke("ThrowException", "secret")), unexpected.format("ThrowException"))
        equal(
            await fails(hub.invoke("ThrowHubException", "not today")),
            unexpected.format("ThrowHubException") + " HubException: not today",
        )
        equal(await hub.invoke("Echo", "alive"), "alive")


async def the_hub_calls_back(options: argparse.Namespace) -> None:
    """the hub calls its caller, in order, and takes the caller's results"""
    async with echo(options) as hub:
        messages, bursts = hub.calls("Message"), hub.calls("Burst")
        await hub.invoke("InvokeWithString", "for you")
        equal(await soon(messages), ["for you"])
        await hub.invoke("SendBurst", 200, 0)
        equal([await soon(bursts) for _ in range(200)], [[number] for number in range(200)])
        await hub.invoke("SendBurst", 2, 0, 3)
        equal([await soon(bursts), await soon(bursts)], [[0, "ppp"], [1, "ppp"]])

        async def result(values: list[object]) -> object:
            return {"got": values[0]}

        hub.package.on("GetClientResult", result)
        equal(await hub.invoke("InvokeClientResult", [1, "two"]), {"got": [1, "two"]})


async def sent_in_order(options: argparse.Namespace) -> None:
    """what is sent without waiting arrives in order"""
    async with echo(options) as hub:
        for number in range(100):
            await hub.send("Record", number)
        equal(await hub.invoke("GetRecorded"), list(range(100)))


async def streams_flow(options: argparse.Namespace) -> None:
    """streams flow both ways and end or fail as they should"""
    async with echo(options) as hub:
        equal(await hub.stream("Stream"), (["a", "b", "c"], None))
        equal(await hub.stream("EmptyStream"), ([], None))
        equal(await hub.stream("StreamCounter", 300, 0), (list(range(300)), None))
        equal(await hub.stream("StreamThenThrow", "secret"), (["a", "b"], "An error occurred on the server while streaming results."))
        equal(
            await fails(hub.invoke("Stream")),
            "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.",
        )
        # This package cannot ask for the result of an upload; that it goes through must not disturb anything.
        async with hub.package.client_stream("StreamingConcat") as upload:
            for word in ["one", "two"]:
                await upload.send(word)
        equal(await hub.invoke("Echo", "after the upload"), "after the upload")


async def negotiation_versions(options: argparse.Namespace) -> None:
    """both versions of the negotiation give a way in, and only the token connects"""
    hub = f"{options.url}/hubs/echo"
    zero, one = negotiate(hub, ""), negotiate(hub, "?negotiateVersion=1")
    assert "connectionToken" not in zero, zero
    equal((one["negotiateVersion"], one["connectionId"] != one["connectionToken"]), (1, True))
    equal([t["transport"] for t in one["availableTransports"]], ["WebSockets"])
    equal(negotiate(hub, "?NEGOTIATEVERSION=7")["negotiateVersion"], 1)
    assert set(negotiate(hub, "?negotiateVersion=x")) == {"error"}
    assert "useStatefulReconnect" not in one or one["useStatefulReconnect"] is False, one


async def authentication(options: argparse.Namespace) -> None:
    """the hub with authentication takes the header that this package sends"""
    async with Client(f"{options.url}/hubs/echo-auth", options.encoding, options.token) as hub:
        equal(await hub.invoke("Echo", "known"), "known")
        await hub.send("VoidMethod")
        equal(await asyncio.wait_for(hub.invoke("Echo", "still"), 5), "still")


run(
    [
        values_come_back,
        errors_have_their_texts,
        the_hub_calls_back,
        sent_in_order,
        streams_flow,
        negotiation_versions,
        authentication,
    ],
    arguments(),
)
