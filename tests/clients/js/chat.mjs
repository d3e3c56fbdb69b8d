// Chat between official clients of both encodings: rooms, messages, replies, edits, reactions, history, roles, errors.
// node chat.mjs --url URL --tokens '{"alice": TOKEN, …}'

import { equal, ok, options, rejects, run, same, test, within } from "./lib.mjs";
import { JOURNALED, Member } from "./member.mjs";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const tokens = JSON.parse(options.tokens);
const start = (user, encoding) => Member.start(user, tokens[user], { encoding });
const coded = (code) => new RegExp(`HubException: (${code}): .`);

const alice = await start("alice", "json");
const bob = await start("bob", "messagepack");
const carol = await start("carol", "messagepack");
const everyone = [alice, bob, carol];
let rooms = 0;

/** A new group room of alice's with these members, joined by all, who have seen its beginning. */
async function group(...others) {
  rooms += 1;
  const roomId = `group-${rooms}`;
  const members = others.map(({ user }) => user);
  const { head } = await alice.invoke("CreateRoom", { roomId, kind: "group", name: `Band ${rooms}`, members });
  for (const member of [alice, ...others]) {
    await member.join(roomId, 0);
    await member.upTo(roomId, head);
  }
  return { roomId, head };
}

test("a room is made with its members and each of them is told", async () => {
  const roomId = "made";
  const room = await alice.invoke("CreateRoom", { roomId, kind: "group", name: "  Trio  ", members: ["bob", "carol"] });
  equal(room.roomId, roomId);
  equal(room.kind, "group");
  equal(room.name, "Trio");
  equal(room.myRole, "owner");
  equal(room.memberCount, 3);
  equal(room.messageCount, 0);
  for (const invited of [bob, carol]) {
    const [{ room: added }] = await invited.RoomAdded.next();
    equal(added.roomId, roomId);
    equal(added.myRole, "member");
  }
  const again = await alice.invoke("CreateRoom", { roomId, kind: "group" });
  equal(again.head, room.head);
  await rejects(bob.invoke("CreateRoom", { roomId, kind: "group" }), coded("room_exists"));

  await carol.join(roomId, 0);
  const events = await carol.upTo(roomId, room.head);
  same(events.map(({ sequence }) => sequence), Array.from({ length: room.head }, (_, at) => at + 1));
  equal(events[0].callback, "RoomChanged");
  ok(events.every((event) => event.roomId === roomId && JOURNALED.includes(event.callback)));
});

test("a message reaches everyone alike, whatever their encoding", async () => {
  const { roomId, head } = await group(bob, carol);
  const sent = await alice.say(roomId, "  ¿Tocamos? 🎷 ", { id: "first" });
  same(Object.keys(sent).sort(), ["id", "sentAt", "sequence"]);
  equal(sent.id, "first");
  equal(sent.sequence, head + 1);
  ok(TIME.test(sent.sentAt), sent.sentAt);
  for (const member of everyone) {
    const { reactions, ...message } = await member.next(roomId, "ReceiveMessage");
    same(message, {
      callback: "ReceiveMessage", roomId, sequence: head + 1, number: 1, id: "first", senderId: "alice", kind: "text",
      text: "¿Tocamos? 🎷", sentAt: sent.sentAt,
    });
    ok(reactions === undefined || Object.keys(reactions).length === 0);
  }
  const unnamed = await bob.say(roomId, "Sí");
  ok(unnamed.id.length > 0);
  for (const member of everyone) {
    const message = await member.next(roomId, "ReceiveMessage");
    same([message.id, message.senderId, message.number], [unnamed.id, "bob", 2]);
  }
});

test("other kinds of message keep their metadata", async () => {
  const { roomId } = await group(bob);
  const kinds = {
    image: { fileUrl: "https://example.org/a.png", fileName: "a.png", fileSize: 1234, mimeType: "image/png" },
    audio: { fileUrl: "https://example.org/a.mp3", duration: 12.5, mimeType: "audio/mpeg" },
    file: { fileUrl: "https://example.org/a.pdf", fileName: "a.pdf", fileSize: 10_000_000, mimeType: "application/pdf" },
    location: { lat: -34.6037, lng: -58.3816, address: "Buenos Aires" },
  };
  for (const [kind, metadata] of Object.entries(kinds)) {
    await bob.invoke("SendMessage", roomId, { kind, text: "look", metadata });
    for (const member of [alice, bob]) {
      const message = await member.next(roomId, "ReceiveMessage");
      same([message.kind, message.metadata], [kind, metadata]);
    }
  }
});

test("the same id is one message, and another text under it is refused", async () => {
  const { roomId, head } = await group(bob);
  const first = await bob.say(roomId, "once", { id: "same" });
  same(await bob.say(roomId, "once", { id: "same" }), first);
  await rejects(bob.say(roomId, "twice", { id: "same" }), coded("message_id_reused"));
  const other = await alice.say(roomId, "mine", { id: "same" });
  equal(other.sequence, head + 2, "an id is its sender's own");
  await alice.upTo(roomId, head + 2);
});

test("a reply carries what it answers", async () => {
  const { roomId } = await group(bob);
  const question = await alice.say(roomId, "When?");
  await bob.upTo(roomId, question.sequence);
  await bob.say(roomId, "At nine", { replyTo: question.sequence });
  const message = await bob.next(roomId, "ReceiveMessage");
  equal(message.replyTo.sequence, question.sequence);
  equal(message.replyTo.text, "When?");
  equal(message.replyTo.senderId, "alice");
  await rejects(bob.say(roomId, "to nothing", { replyTo: 999 }), coded("message_not_found"));
});

test("edits, deletions and reactions are told, and history shows the latest state", async () => {
  const { roomId } = await group(bob);
  const one = await alice.say(roomId, "tpyo");
  const two = await bob.say(roomId, "to be gone");
  await bob.upTo(roomId, two.sequence);
  await alice.upTo(roomId, two.sequence);

  await alice.invoke("EditMessage", roomId, one.sequence, "typo");
  for (const member of [alice, bob]) {
    const event = await member.next(roomId, "MessageEdited");
    same([event.target, event.text, event.sequence], [one.sequence, "typo", two.sequence + 1]);
  }
  await rejects(bob.invoke("EditMessage", roomId, one.sequence, "not mine"), coded("forbidden"));
  await bob.invoke("AddReaction", roomId, one.sequence, "🎺");
  await bob.invoke("AddReaction", roomId, one.sequence, "🎺");
  await alice.invoke("AddReaction", roomId, one.sequence, "🎺");
  await alice.invoke("RemoveReaction", roomId, one.sequence, "🎺");
  for (const member of [alice, bob]) {
    for (let count = 0; count < 3; count++) await member.next(roomId, "ReactionChanged");
  }
  await alice.invoke("DeleteMessage", roomId, two.sequence);
  for (const member of [alice, bob]) await member.next(roomId, "MessageDeleted");

  const page = await bob.invoke("History", roomId, { limit: 50 });
  const [first, second] = page.messages;
  same([first.text, Boolean(first.edited), first.sequence], ["typo", true, one.sequence]);
  same(first.reactions, { "🎺": ["bob"] });
  equal(second.deleted, true);
  ok(second.text == null, "a deleted message has no text");
  same(await alice.invoke("History", roomId, { limit: 50 }), page, "both encodings show the same");
});

test("history pages both ways", async () => {
  const { roomId, head } = await group(bob);
  let last;
  for (let number = 1; number <= 25; number++) last = await alice.say(roomId, `message ${number}`);
  const newest = await bob.invoke("History", roomId, { limit: 10 });
  same(newest.messages.map(({ number }) => number), [16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  const before = await bob.invoke("History", roomId, { before: newest.messages[0].sequence, limit: 10 });
  same(before.messages.map(({ number }) => number), [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  const after = await bob.invoke("History", roomId, { after: head, limit: 10 });
  same(after.messages.map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const rest = await bob.invoke("History", roomId, { after: last.sequence, limit: 10, minSequence: last.sequence });
  same(rest.messages, []);
});

test("reading is told, and unread messages are counted", async () => {
  const { roomId } = await group(bob);
  const sent = [];
  for (const text of ["one", "two", "three"]) sent.push(await alice.say(roomId, text));
  const unread = async () => (await bob.invoke("MyRooms")).find((room) => room.roomId === roomId);
  equal((await unread()).unread, 3);
  equal((await unread()).lastMessage.text, "three");
  await bob.invoke("MarkRead", roomId, sent[1].sequence);
  equal((await unread()).unread, 1);
  const [read] = await alice.MessagesRead.next();
  same([read.roomId, read.userId, read.upTo], [roomId, "bob", sent[1].sequence]);
  same(await bob.invoke("MarkRead", roomId, sent[0].sequence), { roomId, upTo: sent[1].sequence, number: 2 });
  await bob.invoke("MarkRead", roomId, sent[2].sequence);
  const [next] = await alice.MessagesRead.next();
  equal(next.upTo, sent[2].sequence, "a mark that is behind is not told");
  await bob.invoke("MarkRead", roomId, sent[1].sequence);
  equal((await unread()).unread, 0, "a cursor never moves back");
  await alice.say(roomId, "four");
  equal((await unread()).unread, 1);
  const own = await bob.say(roomId, "five");
  same(await unread().then(({ unread, readUpTo }) => [unread, readUpTo]), [0, own.sequence], "own messages are read");
  await alice.say(roomId, "six");
  equal((await unread()).unread, 1, "and nothing before them is unread");
});

test("typing is told to the others and ends by itself", async () => {
  const { roomId } = await group(bob);
  await bob.invoke("Typing", roomId, true);
  const [begun] = await alice.UserTyping.next();
  same([begun.roomId, begun.userId, begun.isTyping], [roomId, "bob", true]);
  const [ended] = await alice.UserTyping.next();
  same([ended.roomId, ended.userId, ended.isTyping], [roomId, "bob", false]);
});

test("members come, change and go", async () => {
  const { roomId } = await group(bob);
  await rejects(carol.join(roomId, 0), coded("not_a_member|room_not_found"));
  await rejects(carol.say(roomId, "hello?"), coded("not_a_member|room_not_found"));
  await alice.invoke("Invite", roomId, "carol");
  equal((await alice.next(roomId, "MemberChanged")).userId, "carol");
  await carol.join(roomId, 0);
  await carol.next(roomId, "RoomChanged");
  const roles = async () => Object.fromEntries((await alice.invoke("Members", roomId, { limit: 10 })).map(({ userId, role }) => [userId, role]));
  same(await roles(), { alice: "owner", bob: "member", carol: "member" });
  await rejects(bob.invoke("SetRole", roomId, "carol", "moderator"), coded("forbidden"));
  await alice.invoke("SetRole", roomId, "bob", "moderator");
  equal((await roles()).bob, "moderator");
  const [page] = await alice.invoke("Members", roomId, { after: "alice", limit: 1 });
  equal(page.userId, "bob");
  await bob.invoke("RemoveMember", roomId, "carol");
  await rejects(carol.say(roomId, "hello?"), coded("not_a_member|room_not_found"));
  await bob.invoke("QuitRoom", roomId);
  same(await roles(), { alice: "owner" });
});

test("a room gets another name", async () => {
  const { roomId } = await group(bob);
  await alice.invoke("UpdateRoom", roomId, { name: "Quartet" });
  for (const member of [alice, bob]) equal((await member.next(roomId, "RoomChanged")).name, "Quartet");
  await rejects(bob.invoke("UpdateRoom", roomId, { name: "Mine" }), coded("forbidden"));
});

test("a direct room is the same from both sides and closed to others", async () => {
  const mine = await alice.invoke("CreateRoom", { kind: "direct", members: ["bob"] });
  const yours = await bob.invoke("CreateRoom", { kind: "direct", members: ["alice"] });
  equal(mine.roomId, yours.roomId);
  await rejects(alice.invoke("CreateRoom", { roomId: "chosen", kind: "direct", members: ["carol"] }), coded("invalid_argument"));
  await rejects(carol.join(mine.roomId), coded("not_a_member|room_not_found"));
  await rejects(alice.invoke("Invite", mine.roomId, "carol"), coded("forbidden"));
});

test("a public room is open to everyone without membership", async () => {
  const roomId = "square";
  const { head } = await alice.invoke("CreateRoom", { roomId, kind: "public", name: "Plaza" });
  await carol.join(roomId);
  const said = await carol.say(roomId, "hello from nowhere");
  equal(said.sequence, head + 1, "subscribing and sending change nothing else");
  equal((await carol.next(roomId, "ReceiveMessage")).senderId, "carol");
});

test("joining again moves the place, leaving ends it, a place beyond the head is reset", async () => {
  const { roomId } = await group(bob);
  const { sequence } = await alice.say(roomId, "one");
  await bob.upTo(roomId, sequence);
  bob.room(roomId).last = undefined;
  await bob.invoke("JoinRooms", [{ roomId, afterSequence: sequence - 1 }]);
  equal((await bob.next(roomId, "ReceiveMessage")).sequence, sequence);
  await bob.invoke("LeaveRoom", roomId);
  await alice.say(roomId, "unheard");
  bob.room(roomId).last = undefined;
  await bob.join(roomId, sequence + 1);
  await alice.say(roomId, "heard");
  equal((await bob.next(roomId, "ReceiveMessage")).text, "heard");

  bob.room(roomId).last = undefined;
  await bob.invoke("JoinRoom", roomId, sequence + 1000);
  const [reset] = await bob.StreamReset.next();
  equal(reset.roomId, roomId);
  ok(reset.from <= sequence + 3 && reset.reason.length > 0, JSON.stringify(reset));
  const next = await alice.say(roomId, "after the reset");
  const events = await bob.upTo(roomId, next.sequence);
  equal(events[0].sequence, reset.from);
});

test("two connections of a user hear the same", async () => {
  const { roomId } = await group(bob);
  const phone = await start("bob", "json");
  await phone.join(roomId);
  const { sequence } = await bob.say(roomId, "on both");
  for (const device of [bob, phone]) equal((await device.next(roomId, "ReceiveMessage")).sequence, sequence);
  await phone.stop();
});

test("presence tells who came and who went", async () => {
  const { roomId } = await group(bob, carol);
  const dave = await start("dave", "json");
  await alice.invoke("Invite", roomId, "dave");
  await dave.join(roomId, 0);
  const about = async (present) => {
    for (;;) {
      const [change] = await alice.PresenceChanged.next();
      if (change.roomId === roomId && change.userId === "dave" && Boolean(change.online) === present) return;
    }
  };
  await within("dave is there", about(true));
  await dave.stop();
  await within("dave is gone", about(false));
});

test("what is wrong is said with a stable code", async () => {
  const { roomId } = await group(bob);
  await rejects(alice.say("no-such-room", "hello"), coded("room_not_found"));
  await rejects(alice.say(roomId, "   "), coded("invalid_argument"));
  await rejects(alice.say(roomId, "x".repeat(1001)), coded("invalid_argument"));
  await rejects(alice.invoke("SendMessage", roomId, { kind: "smell", text: "?" }), coded("invalid_argument"));
  await rejects(alice.invoke("SendMessage", roomId, { kind: "image", text: "" }), coded("invalid_argument"));
  await rejects(alice.invoke("EditMessage", roomId, 1, "the creation"), coded("message_not_found"));
  await rejects(alice.invoke("JoinRoom"), /HubException: invalid_argument: 1 to 2 arguments are wanted, 0 were given$/);
  const place = { lat: 1, lng: 2 };
  for (const foreign of [{ mimeType: "text/plain" }, { duration: 3 }, { fileUrl: "https://example.org/a" }]) {
    const located = { kind: "location", text: "", metadata: { ...place, ...foreign } };
    await rejects(alice.invoke("SendMessage", roomId, located), coded("invalid_argument"));
  }
  await rejects(alice.invoke("Shout", roomId), "Unknown hub method 'Shout'");
  equal((await alice.say(roomId, "x".repeat(1000))).id.length > 0, true);
});

await run();
