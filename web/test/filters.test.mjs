import assert from "node:assert/strict";
import { test } from "node:test";

import { formatFilters, matches, NO_FILTERS, parseFilters, progress, select, SORTS, state, STATES } from "../src/filters.ts";

const row = (part) => ({
  uid: "u", namespace: "shop", name: "orders", phase: "Signing", suspended: false, following: false, total: 100, signed: 0, rejected: 0, backlog: 0, rate: null, eta: null, lag: null, queue: null,
  fault: null, createdAt: "2026-11-29T10:00:00Z", finishedAt: null, ...part,
});
const parse = (text) => parseFilters(new URLSearchParams(text));
const order = (rows, filters) => select(rows, { ...NO_FILTERS, ...filters }).map((one) => one.name);

test("filters go into a query and come out of it as they were", () => {
  for (const sort of SORTS) {
    for (const descending of [false, true]) {
      const filters = { text: "ä & b=c #?", namespace: "team-a", states: ["Signing", "Failed"], sort, descending };
      assert.deepEqual(parse(formatFilters(filters)), filters);
    }
  }
  assert.equal(formatFilters(NO_FILTERS), "");
  assert.deepEqual(parse(""), NO_FILTERS);
});

test("a query that nobody made gives filters all the same", () => {
  assert.deepEqual(parse("sort=-nonsense&phase=Signing,Nonsense,Signing&other=1"), { ...NO_FILTERS, states: ["Signing"] });
  assert.deepEqual(parse("sort=-__proto__"), NO_FILTERS);
});

test("a job's state is what kubectl calls it", () => {
  assert.equal(state(row({})), "Signing");
  assert.equal(state(row({ suspended: true })), "Suspended");
  assert.equal(state(row({ suspended: true, phase: "Complete" })), "Complete");
  assert.equal(state(row({ phase: "Pending", queue: 3 })), "Queued");
  assert.equal(state(row({ phase: "Pending" })), "Pending");
});

test("progress counts rejects, too, and is unknown where the total is", () => {
  assert.equal(progress(row({ signed: 40, rejected: 10 })), 0.5);
  assert.equal(progress(row({ total: null, signed: 40 })), null);
  assert.equal(progress(row({ total: 0, phase: "Complete" })), 1);
  assert.equal(progress(row({ total: 10, signed: 40 })), 1);
});

test("all filters have to agree", () => {
  const passes = (part, filters) => matches(row(part), { ...NO_FILTERS, ...filters });
  assert.ok(passes({}, { text: "SHOP ord", namespace: "shop", states: ["Failed", "Signing"] }));
  assert.ok(passes({}, { text: "shop/orders" }));
  assert.ok(passes({ uid: "0f-1" }, { text: "0f-1" }));
  assert.ok(!passes({}, { text: "ord bill" }));
  assert.ok(!passes({}, { namespace: "sho" }));
  assert.ok(!passes({}, { states: ["Failed"] }));
  assert.ok(!passes({ suspended: true }, { states: ["Signing"] }));
});

test("rows without the value come last in both directions", () => {
  const rows = [row({ name: "none" }), row({ name: "fast", rate: 9 }), row({ name: "slow", rate: 1 })];
  assert.deepEqual(order(rows, { sort: "rate" }), ["slow", "fast", "none"]);
  assert.deepEqual(order(rows, { sort: "rate", descending: true }), ["fast", "slow", "none"]);
});

test("by state those at work come first, then the queue in its order, then the newest of those that ended", () => {
  const rows = [
    row({ name: "old", phase: "Complete", createdAt: "2026-01-01T00:00:00Z" }), row({ name: "new", phase: "Complete", createdAt: "2026-02-01T00:00:00Z" }),
    row({ name: "a second", phase: "Pending", queue: 2 }), row({ name: "first", phase: "Pending", queue: 1 }), row({ name: "works" }),
  ];
  assert.deepEqual(order(rows, {}), ["works", "first", "a second", "new", "old"]);
  assert.equal(STATES[0], "Signing");
});

test("by name the namespace counts first, and equal rows always have the same order", () => {
  const rows = [row({ name: "b", uid: "1" }), row({ name: "a", uid: "2", namespace: "zoo" }), row({ name: "a", uid: "3" })];
  assert.deepEqual(order(rows, { sort: "name" }), ["a", "b", "a"]);
  assert.deepEqual(select(rows, NO_FILTERS), select([...rows].reverse(), NO_FILTERS));
});
