// A job's row in the list. Only what differs is changed.

import type { Row } from "./api.ts";
import { h, setAttribute, setText, time } from "./dom.ts";
import { progress, type Sort, state } from "./filters.ts";
import { count, duration, left, percent, rate, UNKNOWN } from "./format.ts";
import { chip } from "./headline.ts";
import type { Entry } from "./keyed.ts";
import { jobFragment } from "./router.ts";

export interface Column { sort: Sort; head: string; number: boolean }

export const COLUMNS: readonly Column[] = [
  { sort: "name", head: "Job", number: false },
  { sort: "state", head: "Phase", number: false },
  { sort: "progress", head: "Progress", number: false },
  { sort: "rate", head: "A second", number: true },
  { sort: "left", head: "Left", number: true },
  { sort: "lag", head: "Lag", number: true },
  { sort: "rejected", head: "Rejected", number: true },
  { sort: "created", head: "Created", number: false },
];

const NUMBERS: Partial<Record<Sort, (row: Row) => string>> = {
  rate: (row) => (row.rate === null ? UNKNOWN : rate(row.rate)),
  left: (row) => (row.eta === null ? UNKNOWN : left(row.eta)),
  lag: (row) => (row.lag === null ? UNKNOWN : duration(row.lag)),
  rejected: (row) => (row.rejected === 0 ? UNKNOWN : count(row.rejected)),
};

export class JobRow implements Entry<Row> {
  readonly element: HTMLTableRowElement;
  private readonly chip = h("span");
  private readonly queue = h("span", { class: "faint" });
  private readonly bar = h("progress", { max: 1, "aria-hidden": "true" });
  private readonly share = h("span", { class: "figure" });
  private readonly amount = h("span", { class: "faint figure" });
  private readonly fault = h("span", { class: "fault" });
  private readonly numbers = COLUMNS.filter((column) => column.number).map((column) => ({ column, cell: cell(column) }));
  private last: Row | null = null;

  constructor(row: Row) {
    const link = h("a", { href: jobFragment(row.uid) }, h("span", { class: "faint" }, `${row.namespace}/`), row.name);
    // Roles are said, because a table that is laid out as cards on a phone loses them.
    this.element = h("tr", { role: "row" },
      h("th", { role: "rowheader", scope: "row", class: "name" }, link, this.fault),
      h("td", { role: "cell", class: "state" }, this.chip, this.queue),
      h("td", { role: "cell", class: "share" }, h("div", { class: "track" }, this.bar, this.share, this.amount)),
      ...this.numbers.map((one) => one.cell),
      h("td", { role: "cell", class: "created", "data-label": "Created" }, time(row.createdAt, "minute")));
  }

  update(row: Row): void {
    if (row === this.last) return;
    this.last = row;
    chip(row, this.chip);
    setText(this.queue, row.queue !== null && state(row) === "Queued" ? `no. ${count(row.queue)}` : "");
    this.fault.hidden = row.fault === null;
    setText(this.fault, row.fault ?? "");
    this.advance(row);
    for (const { column, cell } of this.numbers) {
      const text = NUMBERS[column.sort]?.(row) ?? UNKNOWN;
      setText(cell, text);
      setAttribute(cell, "class", `number${text === UNKNOWN ? " none" : ""}${column.sort === "rejected" && row.rejected > 0 ? " bad-text" : ""}`);
    }
  }

  private advance(row: Row): void {
    const share = row.following ? null : progress(row);
    this.bar.hidden = share === null;
    if (share !== null && this.bar.value !== share) this.bar.value = share;
    setText(this.share, share === null || row.total === null ? "" : percent(row.signed + row.rejected, row.total));
    setText(this.amount, amount(row));
  }
}

function amount(row: Row): string {
  if (row.following) return `${count(row.signed)} signed`;
  return row.total === null || row.signed === row.total ? count(row.signed) : `${count(row.signed)} of ${count(row.total)}`;
}

const cell = (column: Column): HTMLTableCellElement => h("td", { role: "cell", "data-label": column.head, class: "number" });
