// The official client against the echo hub: every method, values of every kind, streams both ways, client results, and
// the error texts that applications show and match on.
// node echo.mjs --url URL --encoding json|messagepack --token TOKEN

import { build, calls, closing, connect, drain, equal, ok, options, rejects, run, same, signalR, sleep, test, within } from "./lib.mjs";

const ECHO = "/hubs/echo";
const binary = options.encoding === "messagepack";
const onServer = (method) => `Failed to invoke '${method}' due to an error on the server.`;
const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;

const hub = await connect(ECHO);

test("strings and null come back as they were", async () => {
  for (const text of ["", "hello", "ñandú 🎸 \u0000\u001e\u2028 \"quoted\" \\", "x".repeat(30_000), null]) {
    equal(await hub.invoke("Echo", text), text);
  }
});

test("values of every kind come back as they were", async () => {
  const value = {
    text: "a", none: null, yes: true, no: false, zero: 0, minus: -1, int32: -2147483648, uint32: 4294967295,
    big: 9007199254740991, small: -9007199254740991, float: 1.5e-7, list: [1, [2, [3, []]], {}], nested: { a: { b: { c: "d" } } },
    "odd key \u001e": "ok",
  };
  same(await hub.invoke("EchoComplexObject", value), value);
  for (const plain of [null, true, 17, -0.25, "text", [], {}, [null]]) {
    same(await hub.invoke("EchoComplexObject", plain), plain);
  }
});

if (binary) {
  test("bytes and dates keep their types", async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, at) => at % 256);
    const back = await hub.invoke("EchoComplexObject", { bytes, empty: new Uint8Array(0) });
    ok(back.bytes instanceof Uint8Array && back.empty instanceof Uint8Array);
    same([...back.bytes], [...bytes]);
    equal(back.empty.length, 0);
    const date = new Date("2024-02-29T12:34:56.789Z");
    const dates = await hub.invoke("EchoComplexObject", [date]);
    ok(dates[0] instanceof Date);
    equal(dates[0].toISOString(), date.toISOString());
  });
}

test("a void method completes without a value", async () => {
  ok((await hub.invoke("VoidMethod")) == null);
});

test("numbers are added and other arguments do not bind", async () => {
  equal(await hub.invoke("Add", 40, 2), 42);
  equal(await hub.invoke("Add", -7, 7), 0);
  await rejects(hub.invoke("Add", "40", "2"), onServer("Add"));
  await rejects(hub.invoke("Add", 40), onServer("Add"));
  await rejects(hub.invoke("Add", 40, 2, 0), onServer("Add"));
  await rejects(hub.invoke("Echo"), onServer("Echo"));
  await rejects(hub.invoke("Echo", 17), onServer("Echo"));
});

test("errors show what is meant for the client and nothing else", async () => {
  await rejects(hub.invoke("ThrowException", "the password is 1234"), unexpected("ThrowException"));
  await rejects(hub.invoke("ThrowHubException", "not today"), `${unexpected("ThrowHubException")} HubException: not today`);
  await rejects(hub.invoke("NoSuchMethod", 1), "Unknown hub method 'NoSuchMethod'");
  equal(await hub.invoke("Echo", "still here"), "still here");
});

test("the hub calls methods of its caller", async () => {
  const messages = calls(hub, "Message");
  const objects = calls(hub, "CustomObject");
  await hub.invoke("InvokeWithString", "for you");
  same(await messages.next(), ["for you"]);
  await hub.invoke("SendCustomObject", { name: "bass", strings: [1, 2, 3, 4], on: true });
  same(await objects.next(), [{ name: "bass", strings: [1, 2, 3, 4], on: true }]);
});

test("the connection knows its id and its transport", async () => {
  equal(await hub.invoke("GetCallerConnectionId"), hub.connectionId);
  ok(hub.connectionId.length > 10);
  equal(await hub.invoke("GetActiveTransportName"), "WebSockets");
});

test("plain invocations are answered in their order", async () => {
  const order = [];
  const asked = [hub.invoke("SlowEcho", "slow", 200), hub.invoke("Echo", "fast"), hub.invoke("SlowEcho", "last", 1)];
  asked.forEach((promise) => promise.then((text) => order.push(text)));
  await within("all answers", Promise.all(asked));
  same(order, ["slow", "fast", "last"]);
});

test("long answers arrive whole", async () => {
  for (const length of [0, 1, 65_535, 65_536, 1_000_000]) equal((await hub.invoke("BigString", length)).length, length);
});

test("what is sent without waiting arrives in order", async () => {
  const sent = Array.from({ length: 200 }, (_, at) => at);
  await Promise.all(sent.map((number) => hub.send("Record", number)));
  same(await hub.invoke("GetRecorded"), sent);
  const other = await connect(ECHO);
  same(await other.invoke("GetRecorded"), [], "another connection has its own list");
  await other.stop();
});

test("a burst comes in order, with and without the optional argument", async () => {
  const bursts = calls(hub, "Burst");
  await hub.invoke("SendBurst", 100, 0);
  same(await bursts.take(100), Array.from({ length: 100 }, (_, at) => [at]));
  await hub.invoke("SendBurst", 3, 1, 5);
  same(await bursts.take(3), [[0, "ppppp"], [1, "ppppp"], [2, "ppppp"]]);
  await hub.invoke("SendBurst", 2, 0, 0);
  same(await bursts.take(2), [[0], [1]]);
});

test("a client's result is the call's result, and waiting for it holds up nothing", async () => {
  const client = await connect(ECHO);
  let answer;
  client.on("GetClientResult", (value) => new Promise((resolve) => { answer = () => resolve({ got: value }); }));
  const asked = client.invoke("InvokeClientResult", [1, "two"]);
  for (let number = 0; number < 20; number++) equal(await within("an echo beside", client.invoke("Echo", `${number}`)), `${number}`);
  answer();
  same(await within("the client's result", asked), { got: [1, "two"] });
  await client.stop();
});

test("a client's failure and a missing handler fail the call", async () => {
  const failing = await connect(ECHO);
  failing.on("GetClientResult", () => Promise.reject(new Error("no result today")));
  await rejects(failing.invoke("InvokeClientResult", 1), new RegExp(`^${unexpected("InvokeClientResult").replaceAll(".", "\\.")}`));
  equal(await failing.invoke("Echo", "alive"), "alive");
  await failing.stop();
  await rejects(hub.invoke("InvokeClientResult", 1), new RegExp(`^${unexpected("InvokeClientResult").replaceAll(".", "\\.")}`));
});

test("streams yield their items and end", async () => {
  same(await drain(hub.stream("Stream")), { items: ["a", "b", "c"] });
  same(await drain(hub.stream("EmptyStream")), { items: [] });
  same(await drain(hub.stream("StreamCounter", 500, 0)), { items: Array.from({ length: 500 }, (_, at) => at) });
});

test("streams fail with the texts that clients know", async () => {
  const early = await drain(hub.stream("StreamThrowException", "secret"));
  same(early, { items: [], error: unexpected("StreamThrowException") });
  const late = await drain(hub.stream("StreamThenThrow", "secret"));
  same(late, { items: ["a", "b"], error: "An error occurred on the server while streaming results." });
  equal((await drain(hub.stream("NoSuchStream"))).error, "Unknown hub method 'NoSuchStream'");
  equal((await drain(hub.stream("StreamCounter", "many"))).error, onServer("StreamCounter"));
  await rejects(hub.invoke("Stream"), "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.");
  equal((await drain(hub.stream("Echo", "a"))).error, "The client attempted to invoke the non-streaming 'Echo' method with a streaming invocation.");
});

test("streams run beside invocations and stop when cancelled", async () => {
  const cancelled = calls(hub, "StreamCanceled");
  const endless = hub.stream("InfiniteStream").subscribe({ next: () => {}, complete: () => {}, error: () => {} });
  const counted = [];
  const counting = hub.stream("StreamCounter", 100_000, 2).subscribe({ next: (item) => counted.push(item), complete: () => {}, error: () => {} });
  equal(await hub.invoke("Echo", "beside"), "beside");
  while (counted.length < 5) await sleep(5);
  counting.dispose();
  equal(cancelled.waiting, 0);
  endless.dispose();
  await cancelled.next();
  equal(await hub.invoke("Echo", "after"), "after");
  const stopped = counted.length;
  await hub.invoke("SlowEcho", "a while", 100);
  equal(counted.length, stopped, "no item after the stream was given up");
  same(counted, Array.from({ length: stopped }, (_, at) => at));
});

test("uploads reach the method in order", async () => {
  const words = new signalR.Subject();
  const joined = hub.invoke("StreamingConcat", words);
  for (const word of ["one ", "two ", "three"]) {
    words.next(word);
    equal(await hub.invoke("Echo", word), word, "an open upload holds up nothing");
  }
  words.complete();
  equal(await within("the joined words", joined), "one two three");

  const many = new signalR.Subject();
  const long = hub.invoke("StreamingConcat", many);
  for (let number = 0; number < 1000; number++) many.next(`${number},`);
  many.complete();
  equal(await within("the long text", long), Array.from({ length: 1000 }, (_, at) => `${at},`).join(""));
});

test("an upload is echoed item by item", async () => {
  const items = [1, "two", null, { three: [3] }, ...(binary ? [new Uint8Array([4, 5])] : [])];
  const upload = new signalR.Subject();
  const echoed = drain(hub.stream("StreamEcho", upload));
  for (const item of items) upload.next(item);
  upload.complete();
  const back = (await echoed).items.map((item) => (item instanceof Uint8Array ? new Uint8Array(item) : item));
  same(back, items);
});

test("a stateful connection takes more in a second than may be unacknowledged", async () => {
  const change = (builder) => builder.withStatefulReconnect({ bufferSize: 1_000_000 });
  const client = await connect(ECHO, { change });
  for (let page = 0; page < 20; page++) equal((await client.invoke("BigString", 118_000)).length, 118_000);

  const upload = new signalR.Subject();
  const echoed = drain(client.stream("StreamEcho", upload));
  const item = "x".repeat(20_000);
  for (let number = 0; number < 100; number++) upload.next(item);
  upload.complete();
  const { items } = await within("the echo", echoed);
  equal(items.length, 100);
  equal(await client.invoke("Echo", "alive"), "alive");
  await client.stop();
});

test("a failed upload and a wrong number of streams fail the call alone", async () => {
  const upload = new signalR.Subject();
  const joined = hub.invoke("StreamingConcat", upload);
  upload.next("half");
  upload.error(new Error("the tape broke"));
  await rejects(joined, new RegExp(`^${unexpected("StreamingConcat").replaceAll(".", "\\.")}`));
  await rejects(hub.invoke("StreamingConcat"), new RegExp("StreamingConcat.* on the server\\."));
  equal(await hub.invoke("Echo", "alive"), "alive");
});

test("a close without reconnect ends the connection for good", async () => {
  const client = await connect(ECHO, { change: (builder) => builder.withAutomaticReconnect([0, 0, 0]) });
  let reconnecting = false;
  client.onreconnecting(() => { reconnecting = true; });
  const closed = closing(client);
  client.invoke("CloseMe", false).catch(() => {});
  await within("the close", closed);
  equal(reconnecting, false);
  equal(client.state, signalR.HubConnectionState.Disconnected);
});

test("a close with reconnect brings the client back under another id", async () => {
  const client = await connect(ECHO, { change: (builder) => builder.withAutomaticReconnect([0, 10, 50, 200]) });
  const id = client.connectionId;
  await client.invoke("Record", 1);
  const back = new Promise((resolve) => client.onreconnected(resolve));
  client.invoke("CloseMe", true).catch(() => {});
  const newId = await within("the reconnect", back);
  ok(newId && newId !== id);
  equal(await client.invoke("GetCallerConnectionId"), newId);
  same(await client.invoke("GetRecorded"), [], "a new connection begins empty");
  await client.stop();
});

test("a message above the limit ends that connection with the known words", async () => {
  const client = await connect(ECHO);
  equal((await client.invoke("Echo", "x".repeat(32_000))).length, 32_000);
  const closed = closing(client);
  client.invoke("Echo", "x".repeat(33_000)).catch(() => {});
  const error = await within("the close", closed);
  equal(error?.message, "Server returned an error on close: Connection closed with an error.");
});

test("the client may skip the negotiation", async () => {
  const http = { skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets };
  const client = await connect(ECHO, { http });
  equal(await client.invoke("Echo", "direct"), "direct");
  await client.stop();
  const known = await connect("/hubs/echo-auth", { http, token: options.token });
  equal(await known.invoke("Echo", "direct"), "direct");
  await known.stop();
  await rejects(build("/hubs/echo-auth", { http }).start(), /./);
});

test("the hub with authentication wants a good token", async () => {
  await rejects(build("/hubs/echo-auth").start(), /401|Unauthorized/);
  await rejects(build("/hubs/echo-auth", { token: `${options.token}x` }).start(), /401|Unauthorized/);
  const client = await connect("/hubs/echo-auth", { token: options.token });
  equal(await client.invoke("GetCallerConnectionId"), client.connectionId);
  await client.stop();
});

test("other transports are not announced", async () => {
  const { LongPolling, ServerSentEvents } = signalR.HttpTransportType;
  await rejects(build(ECHO, { http: { transport: LongPolling | ServerSentEvents } }).start(), /transport|not supported/i);
});

await run();
