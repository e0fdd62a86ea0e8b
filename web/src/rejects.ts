// The records that could not be signed, and why.

import type { Reject, Rejects } from "./api.ts";
import { card, h, setText, time } from "./dom.ts";
import { count, plural, UNKNOWN } from "./format.ts";
import { Grid } from "./grid.ts";
import { Keyed } from "./keyed.ts";

interface Reason { reason: string; count: number; share: number }

export class RejectTable {
  private readonly summary = h("p", { class: "faint" });
  private readonly list = h("ul", { class: "bars", "aria-label": "Reasons" });
  private readonly reasons = new Keyed<Reason>(this.list, (one) => one.reason, (one) => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" }), figure = h("span", { class: "figure" });
    const update = (now: Reason): void => {
      setText(figure, count(now.count));
      bar.style.width = `${Math.max(1, 100 * now.share)}%`;
    };
    return { element: h("li", {}, h("span", {}, one.reason), figure, bar), update };
  });
  private readonly grid = new Grid<Reject>("Rejects with their reasons", [
    { head: "Record", kind: "any", text: (row) => row.key ?? row.id ?? UNKNOWN },
    { head: "Reason", text: (row) => row.reason },
    { head: "Detail", kind: "any", text: (row) => row.detail },
    { head: "Attempts", kind: "number", text: (row) => count(row.attempts) },
    { head: "When", make: (row) => time(row.at) },
  ], (row) => `${row.id ?? ""} ${row.key ?? ""} ${row.at}`);
  readonly element = card("rejects", "Rejects", this.summary, this.list, this.grid.box);

  update(rejects: Rejects): void {
    const most = Math.max(1, ...rejects.reasons.map((one) => one.count));
    setText(this.summary, rejectText(rejects));
    this.list.hidden = rejects.reasons.length === 0;
    this.reasons.update(rejects.reasons.map((one) => ({ ...one, share: one.count / most })));
    this.grid.update(rejects.rows);
  }
}

export function rejectText(rejects: Rejects): string {
  if (rejects.total === 0) return "No record was rejected.";
  const shown = rejects.rows.length < rejects.total ? ` These are the first ${count(rejects.rows.length)}.` : "";
  return `${plural(rejects.total, "record was", "records were")} rejected.${shown}`;
}
