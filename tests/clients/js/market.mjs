// The business of the platform between official clients: an organizer's request over HTTP, offers live and in the inbox,
// one musician gets it, both talk in its room, everybody sees every change. Every user is on another node, if there are some.
// node market.mjs --urls 'URL URL …' --tokens '{"olga": TOKEN, …}'

import { randomUUID } from "node:crypto";
import { calls, connect, equal, ok, options, run, same, sleep, test, within } from "./lib.mjs";

const urls = options.urls.split(" ");
const tokens = JSON.parse(options.tokens);
const DAY_MS = 86_400_000;

/** A user on one node: requests over HTTP, and both hubs. */
class Person {
  constructor(user, at, encoding) {
    Object.assign(this, { user, url: urls[at % urls.length], token: tokens[user], encoding });
  }

  async http(line, body, { key, url = this.url } = {}) {
    const [method, path] = line.split(" ");
    const headers = { authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (key) headers["idempotency-key"] = key;
    const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : undefined };
  }

  async get(path) {
    const { status, body } = await this.http(`GET ${path}`);
    equal(status, 200, `${path}: ${JSON.stringify(body)}`);
    return body;
  }

  /** A device that listens to the inbox from its beginning. */
  async listen(url = this.url) {
    const connection = await connect("/hubs/notifications", { url, token: this.token, encoding: this.encoding });
    const device = { connection };
    for (const name of ["ReceiveNotification", "NotificationRead", "UnreadChanged", "RequestUpdated"]) {
      device[name] = calls(connection, name);
    }
    await connection.invoke("Subscribe", 0);
    return device;
  }

  /** The next notification of a kind, and of a request, on a device; those before it are passed over, but not out of order. */
  async told(device, type, request) {
    for (;;) {
      const [notice] = await device.ReceiveNotification.next();
      ok(notice.sequence > (device.last ?? 0), `${notice.sequence} after ${device.last}`);
      device.last = notice.sequence;
      if (notice.type === type && (!request || notice.data.requestId === request)) return notice;
    }
  }
}

const olga = new Person("olga", 0, "json");
const ana = new Person("ana", 1, "messagepack");
const ben = new Person("ben", 2, "json");

const profile = (name, lng) => ({
  name, musician: true, available: true, instruments: [{ name: "Violin", years: 9 }], genres: ["Jazz"], hourlyRate: 60,
  place: { lat: 40.4168, lng, address: "Madrid, Spain" }, radiusKm: 60,
});

const draft = (mode, days = 12) => {
  const from = new Date(Date.now() + days * DAY_MS);
  from.setUTCHours(18, 0, 0, 0);
  return {
    title: "Wedding", eventType: "boda", instrument: "violin", mode,
    window: { from: from.toISOString(), to: new Date(from.getTime() + 3 * 3_600_000).toISOString() },
    place: { lat: 40.45, lng: -3.69, address: "Gran Via, Madrid" },
    budget: { min: 150, max: 400 }, description: "Quiet music for the evening",
  };
};

/** Looks again until something is so. */
async function until(what, look) {
  const looking = async () => {
    for (;;) {
      const found = await look();
      if (found) return found;
      await sleep(50);
    }
  };
  return within(what, looking());
}

async function submitted(mode, days) {
  const made = await olga.http("POST /api/requests", draft(mode, days), { key: randomUUID() });
  equal(made.status, 201, JSON.stringify(made.body));
  const id = made.body.requestId;
  const done = await olga.http(`POST /api/requests/${id}/submit`);
  equal(done.status, 200, JSON.stringify(done.body));
  return id;
}

const devices = {};
let first;

test("musicians write their profiles and everybody listens", async () => {
  for (const [at, musician] of [ana, ben].entries()) {
    const put = await musician.http("PUT /api/profile", profile(musician.user, -3.7 + at / 100));
    equal(put.status, 200, JSON.stringify(put.body));
  }
  for (const person of [olga, ana, ben]) devices[person.user] = await person.listen();
  const found = await olga.get("/api/musicians?instrument=violin&lat=40.42&lng=-3.7&radiusKm=30");
  same(found.items.map(({ musicianId }) => musicianId).sort(), ["ana", "ben"]);
});

test("a request is made once, whichever node a repeat reaches", async () => {
  const key = randomUUID();
  const body = draft("firstAccept");
  const made = await olga.http("POST /api/requests", body, { key });
  equal(made.status, 201, JSON.stringify(made.body));
  for (const url of urls) {
    const again = await olga.http("POST /api/requests", body, { key, url });
    equal(again.status, 201);
    equal(again.body.requestId, made.body.requestId);
  }
  first = made.body.requestId;
  const other = await olga.http("POST /api/requests", draft("organizerChooses"), { key });
  equal(other.status, 422);
  equal(other.body.code, "idempotency_key_reused");
});

test("the best musicians are told live and in their inbox", async () => {
  await devices.olga.connection.invoke("WatchRequest", first);
  const done = await olga.http(`POST /api/requests/${first}/submit`);
  equal(done.status, 200, JSON.stringify(done.body));
  for (const musician of [ana, ben]) {
    const notice = await musician.told(devices[musician.user], "topMatch");
    equal(notice.data.requestId, first);
    ok(notice.title.length > 0 && notice.message.length > 0);
    const page = await musician.get("/api/inbox");
    ok(page.items.some((item) => item.sequence === notice.sequence && !item.read));
  }
  const [step] = await devices.olga.RequestUpdated.next();
  same([step.requestId, step.from, step.to], [first, "draft", "active"]);
});

test("two who accept at once on two nodes: exactly one gets it, and both are told how it ended", async () => {
  const accept = (musician) => musician.http(`POST /api/requests/${first}/accept`, undefined, { key: randomUUID() });
  const answers = await Promise.all([ana, ben].map(accept));
  const won = answers.filter(({ status, body }) => status === 200 && body.outcome === "assigned");
  equal(won.length, 1, JSON.stringify(answers.map(({ status, body }) => [status, body])));
  const [winner, loser] = answers[0] === won[0] ? [ana, ben] : [ben, ana];
  Object.assign(devices, { winner, loser });
  const notice = await winner.told(devices[winner.user], "requestAssignment");
  equal(notice.data.requestId, first);
  await olga.told(devices.olga, "requestAssignment");
  const seen = await olga.get(`/api/requests/${first}`);
  same([seen.state, seen.inside.assignedId], ["assigned", winner.user]);
  const busy = await winner.get("/api/profile/busy");
  same(busy.requests.map(({ requestId }) => requestId), [first]);
  const free = await loser.get("/api/profile/busy");
  same(free.requests, []);
});

test("both sides talk in the request's room, and nobody else", async () => {
  const { winner, loser } = devices;
  const roomId = `request-${first}`;
  const chat = (person) => connect("/hubs/chat", { url: person.url, token: person.token, encoding: person.encoding });
  const [theirs, hers] = [await chat(winner), await chat(olga)];
  const heard = calls(theirs, "ReceiveMessage");
  await until("the room", () => theirs.invoke("JoinRoom", roomId, 0).catch(() => undefined));
  await hers.invoke("JoinRoom", roomId, 0);
  await hers.invoke("SendMessage", roomId, { id: randomUUID(), kind: "text", text: "Which songs?" });
  const [message] = await heard.next();
  same([message.senderId, message.text], ["olga", "Which songs?"]);
  const stranger = await loser.http(`GET /api/rooms/${roomId}`);
  same([stranger.status, stranger.body.code], [403, "not_a_member"]);
  await Promise.all([theirs.stop(), hers.stop()]);
});

test("all devices of a user agree on what is read", async () => {
  const { winner } = devices;
  const one = devices[winner.user];
  const other = await winner.listen(urls[0]);
  const [notice] = await other.ReceiveNotification.next();
  await other.connection.invoke("MarkRead", notice.sequence);
  for (const device of [one, other]) {
    const [mark] = await device.NotificationRead.next();
    equal(mark.target, notice.sequence);
  }
  const { unread } = await other.connection.invoke("UnreadCount");
  equal((await winner.get("/api/inbox/unread")).unread, unread);
  await other.connection.stop();
});

test("who drops out makes room for another, who takes over the room", async () => {
  const { winner, loser } = devices;
  const gone = await winner.http(`POST /api/requests/${first}/drop-out`, { reason: "A broken string" });
  equal(gone.status, 200, JSON.stringify(gone.body));
  const taken = await until("another musician", async () => {
    const answer = await loser.http(`POST /api/requests/${first}/accept`);
    return answer.status === 200 && answer.body.outcome === "assigned" && answer;
  });
  ok(taken);
  await until("the change in the room", async () => {
    const [now, before] = await Promise.all([loser, winner].map((who) => who.http(`GET /api/rooms/request-${first}`)));
    return now.status === 200 && before.status === 403;
  });
  const busy = await until("the time free again", async () => {
    const { requests } = await winner.get("/api/profile/busy");
    return requests.length === 0 && [requests];
  });
  ok(busy);
  const audit = await olga.get(`/api/requests/${first}/audit`);
  ok(audit.items.some(({ reason }) => reason === "A broken string"));
});

test("where the organizer chooses, one of those who applied is taken and the others are told", async () => {
  const id = await submitted("organizerChooses", 20);
  for (const musician of [ana, ben]) {
    const applied = await musician.http(`POST /api/requests/${id}/apply`, { rate: 300, words: "With pleasure" });
    equal(applied.status, 200, JSON.stringify(applied.body));
    await olga.told(devices.olga, "musicianApplication");
  }
  const { items } = await olga.get(`/api/requests/${id}/applications`);
  same(items.map(({ musicianId }) => musicianId).sort(), ["ana", "ben"]);
  const chosen = await olga.http(`POST /api/requests/${id}/choose`, { musicianId: "ben" });
  equal(chosen.status, 200, JSON.stringify(chosen.body));
  equal(chosen.body.outcome, "assigned");
  // Who lost an earlier race may be told of that as late as this.
  await ana.told(devices.ana, "applicationRejected", id);
});

test("one musician is never booked twice, even if two organizers hurry", async () => {
  const ids = [await submitted("firstAccept", 30), await submitted("firstAccept", 30)];
  const answers = await Promise.all(ids.map((id) => ana.http(`POST /api/requests/${id}/accept`)));
  const outcomes = answers.map(({ body }) => body.outcome ?? body.code).sort();
  equal(outcomes.filter((outcome) => outcome === "assigned").length, 1, JSON.stringify(outcomes));
  ok(outcomes.includes("conflicted"), JSON.stringify(outcomes));
});

await run();
