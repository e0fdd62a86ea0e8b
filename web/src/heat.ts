// The heat map without its picture: where its cells lie, and what they say.

import type { Batches } from "./api.ts";
import { clock, count, plural } from "./format.ts";

export interface Layout { columns: number; rows: number; cell: number; gap: number }

const LARGEST = 18, SMALLEST = 4, HIGHEST = 220;

/** The largest cells with which all fit into this width, and into a height that leaves room for the rest of the page. */
export function layout(cells: number, width: number): Layout {
  for (let cell = LARGEST; ; cell--) {
    const gap = cell >= 8 ? 2 : 1;
    const columns = Math.max(1, Math.min(cells, Math.floor((width + gap) / (cell + gap))));
    const rows = Math.ceil(cells / columns);
    if (cell === SMALLEST || rows * (cell + gap) <= HIGHEST) return { columns, rows, cell, gap };
  }
}

/** The cell at a point; null beside all. */
export function cellAt(x: number, y: number, cells: number, { columns, cell, gap }: Layout): number | null {
  const column = Math.floor(x / (cell + gap)), row = Math.floor(y / (cell + gap));
  const at = row * columns + column;
  return column < 0 || row < 0 || column >= columns || at >= cells ? null : at;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export interface Totals { planned: number; inFlight: number; signed: number; rejected: number; failing: number }

export const totals = (batches: Batches): Totals => ({
  planned: sum(batches.planned), inFlight: sum(batches.inFlight), signed: sum(batches.signed), rejected: sum(batches.rejected), failing: sum(batches.failing),
});

export function totalText(batches: Batches): string {
  if (batches.count === 0) return "No batch is planned yet.";
  const all = totals(batches);
  const parts = [`${count(all.signed)} signed`, `${count(all.inFlight)} in flight`, `${count(all.planned)} planned`];
  const cells = batches.perCell === 1 ? "each square is one" : `each square is ${count(batches.perCell)}`;
  const at = all.inFlight + all.planned === 0 ? "" : ` at ${clock(new Date(batches.at))}`;
  return `${plural(batches.count, "batch", "batches")}${at}: ${parts.join(", ")}; ${cells}.${troubles(all)}`;
}

function troubles({ rejected, failing }: Totals): string {
  const rejects = rejected === 0 ? "" : ` ${plural(rejected, "signed one has", "signed ones have")} rejects.`;
  return rejects + (failing === 0 ? "" : ` ${plural(failing, "unsigned one", "unsigned ones")} failed at least once.`);
}

/** What a cell holds, in words. */
export function cellText(batches: Batches, at: number): string {
  const first = at * batches.perCell, last = Math.min(first + batches.perCell, batches.count) - 1;
  const name = first >= last ? `Batch ${count(first)}` : `Batches ${count(first)} to ${count(last)}`;
  const value = (values: readonly number[]): number => values[at] ?? 0;
  const parts: [number, string][] = [
    [value(batches.signed), "signed"], [value(batches.inFlight), "in flight"], [value(batches.planned), "planned"],
    [value(batches.rejected), "with rejects"], [value(batches.failing), "failed at least once"],
  ];
  const there = parts.filter(([amount]) => amount > 0);
  return `${name}: ${there.map(([amount, word]) => (batches.perCell === 1 ? word : `${count(amount)} ${word}`)).join(", ") || "nothing yet"}.`;
}
