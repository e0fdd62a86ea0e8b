import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, compact, count, duration, moment, ordinal, percent, plural, rate, visible } from "../src/format.ts";

function each(form, table) {
  for (const [value, text] of table) assert.equal(form(value), text, String(value));
}

test("numbers have separators of thousands", () => {
  each(count, [[0, "0"], [999, "999"], [1000, "1,000"], [412000, "412,000"], [9007199254740991, "9,007,199,254,740,991"]]);
  each(compact, [[0, "0"], [38500, "38.5K"], [1200000, "1.2M"]]);
});

test("one of a thing is not many", () => {
  assert.equal(plural(1, "record"), "1 record");
  assert.equal(plural(0, "record"), "0 records");
  assert.equal(plural(2, "batch", "batches"), "2 batches");
});

test("rates keep three digits", () => {
  each(rate, [[0, "0"], [0.44, "0.4"], [9.96, "10"], [12.3, "12"], [38512, "38,500"], [999999, "1,000,000"]]);
});

test("100 percent is said only when all is done", () => {
  assert.equal(percent(999_999, 1_000_000), "99.9 %");
  assert.equal(percent(1_000_000, 1_000_000), "100 %");
  assert.equal(percent(412, 1000), "41.2 %");
  assert.equal(percent(0, 0), "–");
});

test("durations have their two largest units", () => {
  each(duration, [
    [0, "0 s"], [-3, "0 s"], [NaN, "0 s"], [0.42, "0.4 s"], [1, "1 s"], [9.97, "10 s"], [15.4, "15 s"], [59.7, "1 min"], [60, "1 min"], [200, "3 min 20 s"],
    [3599.7, "1 h"], [3571, "59 min 31 s"], [4320, "1 h 12 min"], [86399, "23 h 59 min"], [86400, "1 d"], [183600, "2 d 3 h"], [86400 * 1234, "1,234 d"],
  ]);
});

test("times are told in the machine's zone", () => {
  assert.equal(moment(new Date("2026-11-29T10:15:36.123456Z")), "2026-11-29 16:00:36");
  assert.equal(clock(new Date("2026-11-29T18:30:00Z")), "00:15:00");
  assert.equal(moment(new Date("never")), "–");
});

test("ordinals end as they are spoken", () => {
  each(ordinal, [[1, "1st"], [2, "2nd"], [3, "3rd"], [4, "4th"], [11, "11th"], [12, "12th"], [13, "13th"], [21, "21st"], [111, "111th"], [1002, "1,002nd"]]);
});

test("nothing hides in text: marks of direction, controls and what has no width are spelled out", () => {
  each(visible, [
    ["plain – Zürich 東京 עברית", "plain – Zürich 東京 עברית"], ["a\u202Eb", "a\\u{202e}b"], ["\u2066x\u2069", "\\u{2066}x\\u{2069}"], ["a\u200Bb\uFEFF", "a\\u{200b}b\\u{feff}"],
    ["line\nnext\t\r", "line\\nnext\\t\\r"], ["\u0000\u001b[31m", "\\u{0}\\u{1b}[31m"], ["\uD800", "\\u{d800}"], ["😀", "😀"], ["\u{E0041}", "\\u{e0041}"], ["\u2028", "\\u{2028}"], ["ㅤ", "\\u{3164}"],
  ]);
});
