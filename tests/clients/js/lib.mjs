// What every driver needs: arguments, connections, cases that are run one after the other and reported as JSON lines,
// and a line to the test that started the driver, to ask it for faults.

import { deepStrictEqual, fail, ok, strictEqual } from "node:assert";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

export { deepStrictEqual as same, fail, ok, strictEqual as equal, signalR };

/** How long anything may take that should happen soon. */
export const SOON_MS = 15_000;

/** `--name value` pairs of the command line. */
export const options = Object.fromEntries(
  process.argv.slice(2).reduce((pairs, word, at, words) => {
    if (at % 2 === 0) pairs.push([word.replace(/^--/, ""), words[at + 1]]);
    return pairs;
  }, []),
);

const encodings = {
  json: () => new signalR.JsonHubProtocol(),
  messagepack: () => new MessagePackHubProtocol(),
};

/** A connection that is not started yet; `change` may add to its builder. */
export function build(path, { encoding = options.encoding, token, url = options.url, http = {}, change } = {}) {
  const builder = new signalR.HubConnectionBuilder()
    .withUrl(url + path, { ...(token && { accessTokenFactory: () => token }), ...http })
    .withHubProtocol(encodings[encoding]())
    .configureLogging(signalR.LogLevel.None);
  return (change ? change(builder) : builder).build();
}

/** A started connection. */
export async function connect(path, settings) {
  const connection = build(path, settings);
  await connection.start();
  return connection;
}

/** Gives up waiting for `promise` after `ms`. */
export async function within(what, promise, ms = SOON_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `promise` must be rejected with exactly this text, or one that matches. */
export async function rejects(promise, expected) {
  const outcome = await within(`a rejection with ${expected}`, Promise.resolve(promise).then(
    (value) => ({ value }),
    (error) => ({ error }),
  ));
  if (!("error" in outcome)) fail(`expected a rejection with ${expected}, got ${inspect(outcome.value)}`);
  const text = outcome.error.message;
  if (expected instanceof RegExp) ok(expected.test(text), `${text} does not match ${expected}`);
  else strictEqual(text, expected);
  return text;
}

/** What arrives, in order, to be awaited one by one. */
export class Arrivals {
  #waiting = [];
  #arrived = [];

  constructor(what) {
    this.what = what;
  }

  push(item) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter(item);
    else this.#arrived.push(item);
  }

  next(ms = SOON_MS) {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return within(`another ${this.what}`, new Promise((resolve) => this.#waiting.push(resolve)), ms);
  }

  async take(count, ms) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next(ms));
    return taken;
  }

  get waiting() {
    return this.#arrived.length;
  }
}

/** The argument lists of the calls of a client method. */
export function calls(connection, method) {
  const arrivals = new Arrivals(method);
  connection.on(method, (...args) => arrivals.push(args));
  return arrivals;
}

/** How a connection's closing is told: its error or undefined. */
export function closing(connection) {
  return new Promise((resolve) => connection.onclose((error) => resolve(error)));
}

/** All items of a stream, and the text of the error it ended with, if any. */
export function drain(stream) {
  return within("the end of a stream", new Promise((resolve) => {
    const items = [];
    stream.subscribe({
      next: (item) => items.push(item),
      complete: () => resolve({ items }),
      error: (error) => resolve({ items, error: error.message }),
    });
  }));
}

const answers = new Arrivals("answer of the test");

// The end of the input is the end of the test that started this driver, which must not be outlived.
createInterface({ input: process.stdin })
  .on("line", (line) => answers.push(line))
  .on("close", () => process.exit(2));

/** Asks the test that started this driver to do something, and waits until it is done. */
export async function ask(deed) {
  console.log(JSON.stringify({ ask: deed }));
  strictEqual(await answers.next(60_000), "done");
}

const cases = [];

/** Adds a case; its name is a sentence. */
export function test(name, run) {
  cases.push({ name, run });
}

/** Runs all cases and ends the process: 0 only if every one passed. */
export async function run(caseWithinMs = 60_000) {
  let failed = 0;
  for (const { name, run } of cases) {
    try {
      await within(name, run(), caseWithinMs);
      console.log(JSON.stringify({ case: name, passed: true }));
    } catch (error) {
      failed += 1;
      console.log(JSON.stringify({ case: name, passed: false, error: error.stack ?? String(error) }));
    }
  }
  console.log(JSON.stringify({ passed: cases.length - failed, failed }));
  process.exit(failed === 0 && cases.length > 0 ? 0 : 1);
}

process.on("unhandledRejection", (error) => {
  console.log(JSON.stringify({ case: "nothing is rejected unheard", passed: false, error: error.stack ?? String(error) }));
  process.exit(1);
});
