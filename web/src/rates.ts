// The curve of signing, in records a second.

import type { Curve } from "./api.ts";

/** Counts a second. A last step that is not over has little in it, and goes with the one before: alone it would look like a drop to nothing. */
export function rates({ step, last }: Curve, counts: readonly number[]): number[] {
  const each = counts.map((value) => value / step), n = counts.length;
  if (n === 0 || last >= step) return each;
  if (n === 1) return [counts[0]! / Math.max(last, 1)];
  return [...each.slice(0, n - 2), (counts[n - 2]! + counts[n - 1]!) / (step + last)];
}
