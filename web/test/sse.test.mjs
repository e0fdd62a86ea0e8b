import assert from "node:assert/strict";
import { test } from "node:test";

import { EventParser } from "../src/sse.ts";

const utf8 = new TextEncoder();

function parse(...pieces) {
  const events = [];
  const parser = new EventParser((type, data) => events.push([type, data]));
  for (const piece of pieces) parser.push(typeof piece === "string" ? utf8.encode(piece) : piece);
  return events;
}

const STORY = "\uFEFF: hello\r\nevent: jobs\r\ndata: {\"name\":\"Zürich 東京 😀\"}\r\n\r\n:\r\rdata:one\rdata: two\n\nevent:changes\ndata\ndata:  kept\n\nid: 7\nretry: 5\nevent: empty\n\ndata: last\n\n";
const EVENTS = [["jobs", '{"name":"Zürich 東京 😀"}'], ["message", "one\ntwo"], ["changes", "\n kept"], ["message", "last"]];

test("events are read as the standard has them", () => {
  assert.deepEqual(parse(STORY), EVENTS);
});

test("bytes may be cut at any place, within a character and between CR and LF, too", () => {
  const bytes = utf8.encode(STORY);
  for (let at = 0; at <= bytes.length; at++) assert.deepEqual(parse(bytes.slice(0, at), bytes.slice(at)), EVENTS, `cut at ${at}`);
});

test("bytes may come one by one", () => {
  assert.deepEqual(parse(...[...utf8.encode(STORY)].map((byte) => Uint8Array.of(byte))), EVENTS);
});

test("a piece with nothing in it changes nothing, between CR and LF either", () => {
  assert.deepEqual(parse("data: 1\r", "", "\ndata: 2\r\n", "", "\r", "", "\n"), [["message", "1\n2"]]);
});

test("lines may end in LF, CR or CRLF all through", () => {
  const lines = ["event: a", "data: 1", "", ": comment", "data: 2", "", ""];
  for (const end of ["\n", "\r", "\r\n"]) assert.deepEqual(parse(lines.join(end)), [["a", "1"], ["message", "2"]], JSON.stringify(end));
});

test("an event that is not whole is not told", () => {
  assert.deepEqual(parse("event: jobs\ndata: {}\n"), []);
  assert.deepEqual(parse("event: jobs\ndata: {}"), []);
});

test("the type of an event without data does not pass to the next", () => {
  assert.deepEqual(parse("event: problem\n\ndata: 1\n\n"), [["message", "1"]]);
});

test("comments and unknown fields between the lines of an event change nothing", () => {
  assert.deepEqual(parse("event: jobs\n: keep alive\nother: x\ndata: 1\n:\n\n"), [["jobs", "1"]]);
});

test("only one space behind the colon is left out", () => {
  assert.deepEqual(parse("data:  two\n\ndata:none\n\n"), [["message", " two"], ["message", "none"]]);
});
