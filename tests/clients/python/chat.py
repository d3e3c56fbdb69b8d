"""A Python client against the chat hub: python chat.py --url URL --encoding json|messagepack --token TOKEN_OF_PEDRO"""

import argparse
import re
from typing import Any

from driver import Client, arguments, equal, fails, run, soon

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def chat(options: argparse.Namespace) -> Client:
    return Client(f"{options.url}/hubs/chat", options.encoding, options.token)


async def a_room(hub: Client, room_id: str) -> Any:
    return await hub.invoke("CreateRoom", {"roomId": room_id, "kind": "group", "name": "Garage"})


async def messages_come_back(options: argparse.Namespace) -> None:
    """a message comes back to its sender as everyone sees it"""
    async with chat(options) as hub:
        messages = hub.calls("ReceiveMessage")
        room = await a_room(hub, f"python-one-{options.encoding}")
        equal((room["kind"], room["name"], room["myRole"], room["memberCount"]), ("group", "Garage", "owner", 1))
        joined = await hub.invoke("JoinRoom", room["roomId"])
        equal(joined["head"], room["head"])
        sent = await hub.invoke("SendMessage", room["roomId"], {"id": "m1", "kind": "text", "text": " ¿Vamos? 🥁 "})
        equal((sent["id"], sent["sequence"]), ("m1", room["head"] + 1))
        assert TIME.match(sent["sentAt"]), sent
        [message] = await soon(messages)
        equal(
            {key: message[key] for key in ("roomId", "sequence", "number", "id", "senderId", "kind", "text", "sentAt")},
            {
                "roomId": room["roomId"], "sequence": sent["sequence"], "number": 1, "id": "m1", "senderId": "pedro",
                "kind": "text", "text": "¿Vamos? 🥁", "sentAt": sent["sentAt"],
            },
        )


async def another_connection_resumes(options: argparse.Namespace) -> None:
    """another connection reads everything after the place it names, in order"""
    room_id = f"python-two-{options.encoding}"
    async with chat(options) as hub:
        room = await a_room(hub, room_id)
        sent = [await hub.invoke("SendMessage", room_id, {"kind": "text", "text": f"{n}"}) for n in range(30)]
    async with chat(options) as hub:
        messages = hub.calls("ReceiveMessage")
        await hub.invoke("JoinRoom", room_id, sent[9]["sequence"])
        received = [(await soon(messages))[0] for _ in range(20)]
        equal([message["text"] for message in received], [f"{n}" for n in range(10, 30)])
        equal([message["sequence"] for message in received], list(range(room["head"] + 11, room["head"] + 31)))
        page = await hub.invoke("History", room_id, {"limit": 5})
        equal([message["text"] for message in page["messages"]], ["25", "26", "27", "28", "29"])


async def refusals_have_codes(options: argparse.Namespace) -> None:
    """what is wrong is said with a stable code"""
    async with chat(options) as hub:
        text = await fails(hub.invoke("SendMessage", "no-such-room", {"kind": "text", "text": "hello"}))
        assert "HubException: room_not_found: " in text, text
        room = await a_room(hub, f"python-three-{options.encoding}")
        text = await fails(hub.invoke("SendMessage", room["roomId"], {"kind": "text", "text": "  "}))
        assert "HubException: invalid_argument: " in text, text


run([messages_come_back, another_connection_resumes, refusals_have_codes], arguments())
