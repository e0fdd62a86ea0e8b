// The list of jobs.

import type { Changes, Jobs, Problem, Row } from "./api.ts";
import { button, h, setAttribute, setText } from "./dom.ts";
import { type Filters, NO_FILTERS, select } from "./filters.ts";
import { count } from "./format.ts";
import { Keyed } from "./keyed.ts";
import { FilterBar, nextSort } from "./listbar.ts";
import { COLUMNS, JobRow } from "./listrow.ts";
import { keepOrder } from "./rows.ts";
import { summary } from "./sentence.ts";
import type { Shell, View } from "./shell.ts";
import { listen } from "./stream.ts";

/** More rows than this are for filters. */
const MOST = 1_000;

export class ListView implements View {
  private readonly heading = h("h1", { tabindex: -1 }, "Jobs");
  readonly element: HTMLElement;
  private readonly lead = h("p", { class: "lead" }, "Loading…");
  private readonly note = h("p", { class: "faint" });
  private readonly bar: FilterBar;
  private readonly heads: HTMLElement[];
  private readonly body = h("tbody", { role: "rowgroup" });
  private readonly box: HTMLElement;
  private readonly shown = new Keyed<Row>(this.body, (row) => row.uid, (row) => new JobRow(row));
  private readonly rows = new Map<string, Row>();
  private stop: () => void = () => undefined;
  private scrolled = 0;
  private filters: Filters = NO_FILTERS;
  private loaded = false;
  private pointed = false;

  constructor(private readonly filtered: (filters: Filters) => void, private readonly shell: Shell) {
    this.bar = new FilterBar((next) => this.choose(next));
    this.heads = COLUMNS.map((column) => h("th", { role: "columnheader", scope: "col", class: column.number ? "number" : null },
      button(column.head, () => this.choose(nextSort(this.filters, column.sort)), { class: "head" })));
    this.box = h("div", { class: "jobs-box" }, h("table", { class: "jobs", role: "table" }, h("caption", { class: "unseen" }, "Jobs; the heads order them"),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...this.heads)), this.body));
    this.element = h("div", { class: "list" }, h("div", { class: "headline" }, this.heading, this.lead), this.bar.element, this.box, this.note);
    this.holdStill();
  }

  /** Listens. Somebody who comes back finds the rows, and their place among them. */
  open(filters: Filters): void {
    this.stop = listen(this.shell.session, "api/jobs", {
      event: (type, data) => this.event(type, data),
      lost: (why) => this.shell.stale(why),
      refused: (_status, why) => this.refused(why),
    });
    this.filter(filters);
  }

  close(): void {
    this.stop();
    this.scrolled = scrollY;
    this.pointed = false;
  }

  enter(): void {
    this.heading.focus({ preventScroll: true });
    scrollTo(0, this.scrolled);
  }

  /** Other filters, from the address. */
  filter(filters: Filters): void {
    this.filters = filters;
    this.show(true);
  }

  private choose(filters: Filters): void {
    this.filtered(filters);
    this.filter(filters);
  }

  /** While a mouse is on the rows, or the focus is in them, none of them jumps away. */
  private holdStill(): void {
    const mouse = (on: boolean) => (event: PointerEvent): void => {
      if (event.pointerType !== "mouse") return;
      this.pointed = on;
      if (!on) this.show(false);
    };
    this.body.addEventListener("pointerenter", mouse(true));
    this.body.addEventListener("pointerleave", mouse(false));
    this.body.addEventListener("focusout", () => queueMicrotask(() => this.show(false)));
  }

  private event(type: string, data: unknown): void {
    if (type === "problem") return this.shell.stale((data as Problem).error);
    if (type === "jobs") this.all(data as Jobs);
    if (type === "changes") this.some(data as Changes);
  }

  private all(jobs: Jobs): void {
    this.rows.clear();
    this.loaded = true;
    this.take(jobs);
  }

  private some(changes: Changes): void {
    for (const uid of changes.gone) this.rows.delete(uid);
    this.take(changes);
  }

  private take({ at, jobs }: Jobs): void {
    for (const row of jobs) this.rows.set(row.uid, row);
    this.shell.clock.set(at);
    this.shell.alive();
    this.show(false);
  }

  private show(anew: boolean): void {
    const wanted = select(this.rows.values(), this.filters).slice(0, MOST);
    const held = !anew && (this.pointed || this.body.contains(document.activeElement));
    this.shown.update(held ? this.held(wanted) : wanted);
    this.bar.update(this.filters, this.rows.values());
    for (const [at, { sort }] of COLUMNS.entries()) setAttribute(this.heads[at]!, "aria-sort", sort !== this.filters.sort ? null : this.filters.descending ? "descending" : "ascending");
    if (!this.loaded) return;
    setText(this.lead, summary([...this.rows.values()]));
    this.count(wanted.length);
  }

  private held(wanted: readonly Row[]): Row[] {
    const rows = new Map(wanted.map((row) => [row.uid, row]));
    return keepOrder(this.shown.shown, [...rows.keys()]).map((uid) => rows.get(uid)!);
  }

  private count(shown: number): void {
    const all = this.rows.size;
    this.box.hidden = shown === 0;
    const text = shown === 0 && all > 0 ? "No job passes these filters." : shown === MOST && all > MOST ? `The first ${count(MOST)} are shown; filters find the others.`
      : shown < all ? `${count(shown)} of ${count(all)} jobs.` : "";
    setText(this.note, text);
  }

  private refused(why: string): void {
    setText(this.lead, why);
    this.shell.notices.problem(null);
    this.shell.rest();
  }
}
