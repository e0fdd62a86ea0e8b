import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { Session } from "../src/session.ts";
import { listen } from "../src/stream.ts";

const TIMING = { first: 5, last: 20, silence: 150 };
const STREAM = { "Content-Type": "text/event-stream" };

/** A server whose answers are these, one for each request. */
async function serve(context, ...answers) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    answer(response, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => { server.closeAllConnections(); server.close(); });
  return { base: `http://127.0.0.1:${server.address().port}/ui/`, requests };
}

/** Everything that a listener is told, until it is told `last`. */
function hear(session, last, timing = TIMING) {
  const told = [];
  return new Promise((resolve) => {
    const add = (...words) => {
      told.push(words);
      if (words[0] === last) { stop(); resolve(told); }
    };
    const stop = listen(session, "api/jobs", { event: (type, data) => add(type, data), lost: (why) => add("lost", why), refused: (status, why) => add("refused", status, why) }, timing);
  });
}

const refuse = (status, error) => (response) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ error }));
const events = (text) => (response) => response.writeHead(200, STREAM).end(text);
const nobody = () => assert.fail("nobody is asked for a token here");

test("a stream that ends, breaks or is refused for a while is opened again", async (context) => {
  const { base, requests } = await serve(context,
    events("event: one\ndata: {\"a\":1}\n\nevent: half\ndata: {"),
    (response) => { response.writeHead(200, STREAM).write("event: two\ndata: 2\n\n", () => response.destroy()); },
    refuse(503, "The ledger cannot be reached."),
    events("event: not json\ndata: {\n\n"),
    events("event: last\ndata: 3\n\n"));
  const told = await hear(new Session(base, nobody), "last");
  const lost = ["lost", "The connection to the server is lost."];
  assert.deepEqual(told, [["one", { a: 1 }], lost, ["two", 2], lost, ["lost", "The ledger cannot be reached."], lost, ["last", 3]]);
  assert.deepEqual(new Set(requests.map((request) => request.url)), new Set(["/ui/api/jobs"]));
});

test("what stays refused is not asked again", async (context) => {
  for (const status of [403, 404]) {
    const { base, requests } = await serve(context, refuse(status, "Not for you."));
    assert.deepEqual(await hear(new Session(base, nobody), "refused"), [["refused", status, "Not for you."]]);
    assert.equal(requests.length, 1);
  }
});

test("a stream that says nothing is dead; one that sends comments is not", async (context) => {
  const { base } = await serve(context,
    (response) => { response.writeHead(200, STREAM).write(": hello\n"); },
    (response) => {
      response.writeHead(200, STREAM);
      let beats = 0;
      const timer = setInterval(() => { response.write(++beats < 8 ? ":\n" : "event: last\ndata: 1\n\n"); if (beats === 8) clearInterval(timer); }, TIMING.silence / 4);
    });
  assert.deepEqual((await hear(new Session(base, nobody), "last")).map(([word]) => word), ["lost", "last"]);
});

test("each failure waits longer, and what works makes it short again", async (context) => {
  const { base } = await serve(context, refuse(503, "a"), refuse(503, "b"), refuse(503, "c"), refuse(503, "d"), events("event: good\ndata: 1\n\n"), refuse(503, "e"), events("event: last\ndata: 1\n\n"));
  const waits = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = (act, wait, ...rest) => { if (wait < 1000) waits.push(wait); return real(act, wait, ...rest); };
  try {
    await hear(new Session(base, nobody), "last", { first: 10, last: 40, silence: 60_000 });
  } finally {
    globalThis.setTimeout = real;
  }
  // Each is a quarter longer or shorter at most.
  const expected = [10, 20, 40, 40, 10, 20];
  assert.equal(waits.length, expected.length);
  for (const [at, wait] of waits.entries()) assert.ok(wait >= expected[at] * 0.75 && wait <= expected[at] * 1.25, `wait ${at} is ${wait}`);
});

test("the token goes into a header, and never into the address", async (context) => {
  const { base, requests } = await serve(context, refuse(401, "No token."), refuse(401, "This one has run out."), events("event: last\ndata: 1\n\n"));
  const asked = [];
  await hear(new Session(base, async (why) => { asked.push(why); return `t${asked.length}`; }), "last");
  assert.deepEqual(asked, [null, "This one has run out."]);
  assert.deepEqual(requests.map((request) => request.headers.authorization), [undefined, "Bearer t1", "Bearer t2"]);
  assert.deepEqual(new Set(requests.map((request) => request.url)), new Set(["/ui/api/jobs"]));
});

test("requests that need a token at the same time ask for one once", async (context) => {
  const { base, requests } = await serve(context, (response, request) => (request.headers.authorization === "Bearer t1" ? response.writeHead(200).end("yes") : refuse(401, "No token.")(response)));
  let asked = 0;
  const session = new Session(base, async () => `t${++asked}`, true);
  const texts = await Promise.all([1, 2, 3].map(async () => (await session.get("api/x", "*/*")).text()));
  assert.deepEqual([texts, asked, requests.length], [["yes", "yes", "yes"], 1, 3]);
});
