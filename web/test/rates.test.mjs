import assert from "node:assert/strict";
import { test } from "node:test";

import { rates } from "../src/rates.ts";

const curve = (step, last) => ({ start: 0, step, last, signed: [], rejected: [], backlog: [] });

test("a last step that has hardly begun is no drop", () => {
  assert.deepEqual(rates(curve(10, 0.5), [1000, 1000, 50]), [100, 100]);
  assert.deepEqual(rates(curve(10, 0), [1000, 1000, 0]), [100, 100]);
});

test("a last step that is over stands for itself", () => {
  assert.deepEqual(rates(curve(10, 10), [1000, 500]), [100, 50]);
});

test("a real drop is seen", () => {
  assert.deepEqual(rates(curve(10, 5), [1000, 0, 0]), [100, 0]);
});

test("the first step is shown while it lasts, and nothing is nothing", () => {
  assert.deepEqual(rates(curve(10, 2), [100]), [50]);
  assert.deepEqual(rates(curve(10, 0.1), [5]), [5]);
  assert.deepEqual(rates(curve(1, 0), []), []);
});
