import assert from "node:assert/strict";
import { test } from "node:test";

import { keepOrder, longestRise, plan } from "../src/rows.ts";

/** What a browser does with a plan. */
function follow(shown, { gone, place }) {
  const rows = shown.filter((key) => !gone.includes(key));
  for (const { key, before } of place) {
    if (rows.includes(key)) rows.splice(rows.indexOf(key), 1);
    const at = before === null ? rows.length : rows.indexOf(before);
    assert.notEqual(at, -1, `${before} is in its place before ${key} is put there`);
    rows.splice(at, 0, key);
  }
  return rows;
}

function check(shown, wanted, moves) {
  const made = plan(shown, wanted);
  assert.deepEqual(follow(shown, made), wanted, `${shown} to ${wanted}`);
  if (moves !== undefined) assert.equal(made.place.length, moves, `moves of ${shown} to ${wanted}`);
}

// A generator of numbers that are the same each time (xorshift).
function numbers(seed) {
  let value = seed;
  return (below) => {
    value ^= value << 13; value ^= value >>> 17; value ^= value << 5;
    return (value >>> 0) % below;
  };
}

function shuffled(items, random) {
  const copy = [...items];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

test("rows that stay in order are not touched", () => {
  check(["a", "b", "c"], ["a", "b", "c"], 0);
  check(["a", "b", "c"], ["a", "c"], 0);
  check([], [], 0);
});

test("a row that goes from one end to the other is the only one that moves", () => {
  check(["a", "b", "c", "d"], ["b", "c", "d", "a"], 1);
  check(["a", "b", "c", "d"], ["d", "a", "b", "c"], 1);
});

test("new rows are put where they belong, and those that went are gone", () => {
  check(["a", "b"], ["x", "a", "y", "b", "z"], 3);
  check(["a", "b", "c"], ["d", "e"], 2);
  assert.deepEqual(plan(["a", "b", "c"], ["d", "b"]).gone, ["a", "c"]);
});

test("any order becomes any other, with the fewest moves", () => {
  const random = numbers(7);
  for (let round = 0; round < 300; round++) {
    const all = Array.from({ length: random(24) }, (_, at) => `k${at}`);
    const shown = shuffled(all, random).slice(random(6)), wanted = shuffled(all, random).slice(random(6));
    check(shown, wanted);
    const kept = shown.filter((key) => wanted.includes(key));
    const order = kept.map((key) => wanted.indexOf(key));
    assert.equal(plan(shown, wanted).place.length, wanted.length - slowRise(order), `${shown} to ${wanted}`);
  }
});

/** The length of a longest increasing subsequence, in the plainest way. */
function slowRise(values) {
  const best = values.map(() => 1);
  for (let at = 0; at < values.length; at++) for (let before = 0; before < at; before++) if (values[before] < values[at]) best[at] = Math.max(best[at], best[before] + 1);
  return Math.max(0, ...best);
}

test("a longest rise is one", () => {
  assert.deepEqual(longestRise([]), []);
  assert.deepEqual(longestRise([3, 1, 2]), [1, 2]);
  assert.deepEqual(longestRise([5, 4, 3]).length, 1);
});

test("rows that are held keep their order, those that go go, and new ones come behind", () => {
  assert.deepEqual(keepOrder(["b", "a", "c"], ["a", "x", "b", "y"]), ["b", "a", "x", "y"]);
});
