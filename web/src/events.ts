// Kubernetes' Events of a job.

import type { ClusterEvent, Events } from "./api.ts";
import { card, h, setText, time } from "./dom.ts";
import { count, plural } from "./format.ts";
import { Grid } from "./grid.ts";

export class EventTable {
  private readonly summary = h("p", { class: "faint" });
  private readonly grid = new Grid<ClusterEvent>("Events, newest first", [
    { head: "When", make: (one) => time(one.at) },
    { head: "Type", text: (one) => one.type },
    { head: "Reason", text: (one) => one.reason },
    { head: "Message", kind: "any", text: (one) => one.message },
    { head: "Times", kind: "number", text: (one) => count(one.count) },
  ], (one) => `${one.at} ${one.reason} ${one.message}`);
  readonly element = card("events", "Events", this.summary, this.grid.box);

  constructor() { this.element.hidden = true; }

  /** On a laptop there are none to be had. */
  update(events: Events | null): void {
    const list = events?.events ?? null;
    this.element.hidden = list === null;
    if (list === null) return;
    const warnings = list.filter((one) => one.type === "Warning").length;
    setText(this.summary, list.length === 0 ? "There are none." : `${plural(list.length, "Event")}, ${plural(warnings, "warning")}.`);
    this.grid.update(list);
  }
}
