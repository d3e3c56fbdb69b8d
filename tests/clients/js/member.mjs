// A member of rooms: one user on one connection of one encoding, with everything that arrives kept in order and each
// room's sequence watched for holes and repetitions.

import { Arrivals, calls, connect, equal, ok } from "./lib.mjs";

/** The callbacks that carry a place in a room's journal. */
export const JOURNALED = ["ReceiveMessage", "MessageEdited", "MessageDeleted", "ReactionChanged", "MemberChanged", "RoomChanged"];

export class Member {
  rooms = new Map();

  /** A started connection of `user`. */
  static async start(user, token, settings) {
    const member = new Member();
    member.user = user;
    member.connection = await connect("/hubs/chat", { token, ...settings });
    for (const callback of JOURNALED) member.connection.on(callback, (event) => member.#arrived(callback, event));
    for (const callback of ["RoomAdded", "MessagesRead", "UserTyping", "PresenceChanged", "StreamReset"]) {
      member[callback] = calls(member.connection, callback);
    }
    return member;
  }

  #arrived(callback, event) {
    const room = this.room(event.roomId);
    if (room.last !== undefined && event.sequence !== room.last + 1) {
      room.events.push(new Error(`${this.user} in ${event.roomId}: ${event.sequence} after ${room.last}`));
    }
    room.last = event.sequence;
    room.events.push({ callback, ...event });
  }

  room(roomId) {
    if (!this.rooms.has(roomId)) this.rooms.set(roomId, { events: new Arrivals(`event of ${roomId} for ${this.user}`) });
    return this.rooms.get(roomId);
  }

  invoke(method, ...args) {
    return this.connection.invoke(method, ...args);
  }

  /** Subscribes; the first event must be the one after `after`, or after the head when it is left out. */
  async join(roomId, after) {
    const room = this.room(roomId);
    room.last = after;
    const summary = await this.invoke("JoinRoom", roomId, ...(after === undefined ? [] : [after]));
    equal(summary.roomId, roomId);
    return summary;
  }

  /** The next event of a room, which must be of this kind. */
  async next(roomId, callback) {
    const event = await this.room(roomId).events.next();
    if (event instanceof Error) throw event;
    if (callback) equal(event.callback, callback, JSON.stringify(event));
    return event;
  }

  /** Events of a room up to and with this sequence. */
  async upTo(roomId, sequence) {
    const events = [];
    while (events.at(-1)?.sequence !== sequence) {
      const event = await this.next(roomId);
      ok(event.sequence <= sequence, `${event.sequence} came, ${sequence} was awaited`);
      events.push(event);
    }
    return events;
  }

  say(roomId, text, more = {}) {
    return this.invoke("SendMessage", roomId, { kind: "text", text, ...more });
  }

  stop() {
    return this.connection.stop();
  }
}
