import assert from "node:assert/strict";
import { test } from "node:test";

import { cellAt, cellText, layout, totalText } from "../src/heat.ts";

const million = {
  // Without a zone: this machine's.
  at: "2026-11-29T10:00:26", count: 999_500, perCell: 1000, planned: Array(1000).fill(0), inFlight: Array(1000).fill(0), signed: Array(1000).fill(1000), rejected: Array(1000).fill(0), failing: Array(1000).fill(0),
};

test("a thousand cells fit into a page and into a phone", () => {
  for (const width of [320, 358, 700, 1280, 2000]) {
    const { columns, rows, cell, gap } = layout(1000, width);
    assert.ok(columns * (cell + gap) - gap <= width, `width ${width}`);
    assert.ok(columns * rows >= 1000 && columns * (rows - 1) < 1000, `rows at ${width}`);
    assert.ok(rows * (cell + gap) <= 260, `height at ${width}`);
  }
  assert.equal(layout(3, 1280).columns, 3);
  assert.equal(layout(0, 300).rows, 0);
});

test("a point lies in the cell that is drawn there, and beside all in none", () => {
  const place = { columns: 10, rows: 2, cell: 8, gap: 2 };
  assert.equal(cellAt(0, 0, 15, place), 0);
  assert.equal(cellAt(95, 5, 15, place), 9);
  assert.equal(cellAt(5, 12, 15, place), 10);
  assert.equal(cellAt(55, 12, 15, place), null);
  assert.equal(cellAt(105, 5, 15, place), null);
  assert.equal(cellAt(-1, 5, 15, place), null);
});

test("the map is told in words", () => {
  const batches = { ...million, signed: Array(1000).fill(1000), rejected: [2, ...Array(999).fill(0)] };
  batches.signed[999] = 100; batches.inFlight = [...Array(999).fill(0), 300]; batches.planned = [...Array(999).fill(0), 100]; batches.failing = [...Array(999).fill(0), 1];
  assert.equal(totalText(batches), "999,500 batches at 10:00:26: 999,100 signed, 300 in flight, 100 planned; each square is 1,000. 2 signed ones have rejects. 1 unsigned one failed at least once.");
  assert.equal(cellText(batches, 0), "Batches 0 to 999: 1,000 signed, 2 with rejects.");
  assert.equal(cellText(batches, 999), "Batches 999,000 to 999,499: 100 signed, 300 in flight, 100 planned, 1 failed at least once.");
  assert.equal(totalText(million), "999,500 batches: 1,000,000 signed, 0 in flight, 0 planned; each square is 1,000.");
  assert.equal(totalText({ ...million, count: 0 }), "No batch is planned yet.");
});

test("a cell of one batch says its state alone", () => {
  const one = { count: 2, perCell: 1, planned: [0, 1], inFlight: [0, 0], signed: [1, 0], rejected: [1, 0], failing: [0, 0] };
  assert.equal(cellText(one, 0), "Batch 0: signed, with rejects.");
  assert.equal(cellText(one, 1), "Batch 1: planned.");
});
