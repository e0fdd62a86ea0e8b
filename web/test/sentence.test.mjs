import assert from "node:assert/strict";
import { test } from "node:test";

import { sentence, summary } from "../src/sentence.ts";

const row = (part) => ({
  uid: "u", namespace: "shop", name: "orders", phase: "Signing", suspended: false, following: false, total: 1_000_000, signed: 0, rejected: 0, backlog: 0, rate: null, eta: null, lag: null, queue: null,
  fault: null, createdAt: "2026-11-29T10:00:00Z", finishedAt: null, ...part,
});
const say = (part, stages = []) => sentence({ at: "2026-11-29T10:00:26Z", row: row(part), stages, view: null, spec: {} });

test("a job that signs says how much, how fast and how long", () => {
  assert.equal(say({ signed: 412_000, rate: 38_512, eta: 15.2, rejected: 12 }),
    "Signing: 412,000 of 1,000,000 records, 38,500 a second, about 15 s left. 12 records were rejected.");
  assert.equal(say({ signed: 1, total: 3, rejected: 1 }), "Signing: 1 of 3 records. 1 record was rejected.");
  assert.equal(say({ rate: 0 }), "Signing: 0 of 1,000,000 records, nothing just now.");
  assert.equal(say({ eta: 0.2 }), "Signing: 0 of 1,000,000 records, about a second left.");
  assert.equal(say({ signed: 999_999, rejected: 1, rate: 500, eta: 0 }),
    "Signing: all 1,000,000 records are signed or rejected; the receipt comes next. 1 record was rejected.");
});

test("a job that follows its table says what waits", () => {
  const part = { following: true, total: null, signed: 9_000, rate: 5_000 };
  assert.equal(say({ ...part, backlog: 1_200, lag: 0.4 }), "Following its table: 9,000 records signed so far, 5,000 a second; 1,200 wait, the oldest for 0.4 s.");
  assert.equal(say(part), "Following its table: 9,000 records signed so far, 5,000 a second; none waits.");
});

test("the other phases say what they are", () => {
  const plan = { name: "Plan", startedAt: "2026-11-29T10:00:00Z", finishedAt: null, done: 200_000, of: 1_000_000 };
  assert.equal(say({ phase: "Seeding" }, [plan]), "Seeding: 200,000 of 1,000,000 rows of the table are planned.");
  assert.equal(say({ phase: "Seeding" }, [{ ...plan, name: "Seed", of: null }]), "Seeding: 200,000 records are made.");
  assert.equal(say({ phase: "Pending", queue: 3 }), "Queued: the 3rd in the queue, because the limit of jobs at work is reached.");
  assert.equal(say({ phase: "Finishing", signed: 999_988, rejected: 12 }), "Finishing: all 1,000,000 records are signed or rejected; the receipt is being made. 12 records were rejected.");
  assert.equal(say({ phase: "Complete", signed: 1_000_000, finishedAt: "2026-11-29T10:00:26Z" }), "Complete: 1,000,000 records signed, 26 s after it was created.");
  assert.equal(say({ phase: "Failed", signed: 5, rejected: 7, finishedAt: "2026-11-29T10:00:26Z" }), "Failed: it ended with 5 of 1,000,000 records signed, 26 s after it was created. 7 records were rejected.");
  assert.equal(say({ suspended: true, signed: 5 }), "Suspended: 5 of 1,000,000 records are signed, and nothing more until it is resumed.");
});

test("the list says how many jobs do what", () => {
  assert.equal(summary([]), "There is no job yet.");
  assert.equal(summary([row({ rate: 1000 }), row({ rate: 500 }), row({ phase: "Failed" }), row({ phase: "Pending", queue: 1 }), row({ phase: "Seeding" }), row({ phase: "Pending" })]),
    "6 jobs: 2 are signing, 2 are being prepared, 1 is queued, 1 failed. Together 1,500 records a second.");
});
