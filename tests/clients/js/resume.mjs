// The official client loses its transport or its hub and goes on without a gap: stateful reconnect on the echo hub,
// automatic reconnect with a resume by sequence on the chat hub. The test that starts it cuts connections when asked.
// node resume.mjs --url PROXY_URL --encoding ENCODING --tokens '{"alice": TOKEN, "bob": TOKEN}'

import { ask, calls, connect, equal, ok, options, run, same, sleep, test, within } from "./lib.mjs";
import { Member } from "./member.mjs";

const tokens = JSON.parse(options.tokens);
const stateful = (builder) => builder.withStatefulReconnect({ bufferSize: 1_000_000 });
const automatic = (builder) => builder.withAutomaticReconnect(Array.from({ length: 200 }, () => 50));

test("a stateful connection outlives cuts: calls of the hub come once and in order", async () => {
  const hub = await connect("/hubs/echo", { change: stateful });
  let reconnecting = 0;
  let closed = 0;
  hub.onreconnecting(() => { reconnecting += 1; });
  hub.onclose(() => { closed += 1; });
  const id = hub.connectionId;
  const bursts = calls(hub, "Burst");
  await hub.invoke("Record", 7);
  await hub.invoke("SendBurst", 300, 5);
  const received = [];
  for (let cut = 0; cut < 3; cut++) {
    received.push(...(await bursts.take(60)));
    await ask("cut");
  }
  received.push(...(await bursts.take(120)));
  same(received.map(([number]) => number), Array.from({ length: 300 }, (_, at) => at));
  same(await hub.invoke("GetRecorded"), [7], "the connection's state is kept");
  equal(await hub.invoke("GetCallerConnectionId"), id);
  same([reconnecting, closed], [0, 0], "a resume is not a reconnect");
  await hub.stop();
});

test("a stateful connection outlives cuts: calls of the client are made once and in order", async () => {
  const hub = await connect("/hubs/echo", { change: stateful });
  const sent = Array.from({ length: 200 }, (_, at) => at);
  const slow = hub.invoke("SlowEcho", "patience", 400);
  const sending = (async () => {
    for (const number of sent) {
      await hub.send("Record", number);
      if (number % 10 === 0) await sleep(5);
    }
  })();
  await sleep(30);
  await ask("cut");
  await sleep(100);
  await ask("cut");
  await within("everything is sent", sending);
  equal(await within("an answer that was pending", slow), "patience");
  same(await hub.invoke("GetRecorded"), sent);
  await hub.stop();
});

test("a stream goes on over a cut", async () => {
  const hub = await connect("/hubs/echo", { change: stateful });
  const items = [];
  const ended = new Promise((resolve, reject) => {
    hub.stream("StreamCounter", 200, 4).subscribe({ next: (item) => items.push(item), complete: resolve, error: reject });
  });
  while (items.length < 50) await sleep(5);
  await ask("cut");
  await within("the end of the stream", ended);
  same(items, Array.from({ length: 200 }, (_, at) => at));
  await hub.stop();
});

test("a member that reconnects resumes by sequence without a gap", async () => {
  const roomId = `resume-${options.encoding}`;
  const alice = await Member.start("alice", tokens.alice, { url: options.direct });
  const bob = await Member.start("bob", tokens.bob, { change: automatic });
  await alice.invoke("CreateRoom", { roomId, kind: "group", members: ["bob"] });
  const room = bob.room(roomId);
  await bob.join(roomId, 0);
  let reconnected = 0;
  bob.connection.onreconnected(() => {
    // A join that is cut off in turn is made by the next reconnect.
    bob.invoke("JoinRoom", roomId, room.last).then(() => { reconnected += 1; }, () => {});
  });
  let last;
  for (let number = 0; number < 150; number++) {
    last = await alice.say(roomId, `message ${number}`);
    if (number % 50 === 25) await ask("cut");
  }
  const events = await bob.upTo(roomId, last.sequence);
  const texts = events.filter(({ callback }) => callback === "ReceiveMessage").map(({ text }) => text);
  same(texts, Array.from({ length: 150 }, (_, at) => `message ${at}`));
  ok(reconnected >= 1, "the connection was cut");

  // All that was said has come, so the reconnects of the cuts are over: the next one is that of the crash.
  const before = reconnected;
  await ask("kill and restart the hub");
  while (reconnected === before) await sleep(20);
  const late = await Member.start("alice", tokens.alice, { url: options.direct });
  const after = await late.say(roomId, "after the crash");
  equal(after.sequence, last.sequence + 1, "nothing that was acknowledged is gone");
  equal((await bob.next(roomId, "ReceiveMessage")).text, "after the crash");
  await Promise.all([bob.stop(), late.stop()]);
});

await run();
