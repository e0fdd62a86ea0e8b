// The top of a job's page: its name, what it is doing in one sentence, and the numbers to watch.

import type { Job, Row, Workers } from "./api.ts";
import { h, setAttribute, setText } from "./dom.ts";
import { isThrough, progress, state } from "./filters.ts";
import { count, duration, left, percent, rate, UNKNOWN, visible } from "./format.ts";
import type { Notices } from "./notice.ts";
import { sentence } from "./sentence.ts";

/** What a chip says and how it looks: the class is the state's. */
export function chip(row: Row, element: HTMLElement = h("span")): HTMLElement {
  const word = state(row);
  setAttribute(element, "class", `chip ${word.toLowerCase()}`);
  setText(element, word);
  return element;
}

type Tile = [name: string | ((workers: Workers | null) => string), value: (row: Row, workers: Workers | null) => string | null];

// A tile whose value is null is not there.
const TILES: Tile[] = [
  ["Signed", (row) => count(row.signed)],
  ["Rejected", (row) => count(row.rejected)],
  ["Waiting", (row) => (row.finishedAt === null ? count(row.backlog) : null)],
  ["A second", (row) => (row.finishedAt === null ? (row.rate === null ? UNKNOWN : rate(row.rate)) : null)],
  ["Left", (row) => (row.finishedAt !== null || row.following ? null : row.eta === null || isThrough(row) ? UNKNOWN : left(row.eta))],
  ["Lag", (row) => (row.following && row.finishedAt === null ? (row.lag === null ? UNKNOWN : duration(row.lag)) : null)],
  ["Queue", (row) => (row.queue === null ? null : `no. ${count(row.queue)}`)],
  [(workers) => (workers?.wanted == null ? "Workers" : `Workers, ${count(workers.wanted)} wanted`),
    (row, workers) => (workers === null || workers.there === null || row.finishedAt !== null ? null : count(workers.there))],
  ["Lanes at work", (row, workers) => (workers === null || row.finishedAt !== null ? null : count(workers.lanes))],
];

export class Headline {
  private readonly namespace = h("span", { class: "faint" });
  private readonly name = h("span");
  readonly heading = h("h1", { tabindex: -1 }, this.namespace, this.name);
  private readonly chip = h("span");
  private readonly lead = h("p", { class: "lead" });
  private readonly bar = h("progress", { max: 1, "aria-label": "Signed or rejected" });
  private readonly share = h("span", { class: "figure" });
  private readonly progress = h("div", { class: "progress" }, this.bar, this.share);
  private readonly fault = h("p", { class: "fault" });
  private readonly names = TILES.map(() => h("dt"));
  private readonly values = TILES.map(() => h("dd"));
  private readonly tiles = TILES.map((_, at) => h("div", {}, this.names[at]!, this.values[at]!));
  readonly element = h("div", { class: "headline" }, h("div", { class: "title" }, this.heading, this.chip), this.lead, this.progress, this.fault, h("dl", { class: "tiles" }, ...this.tiles));
  private word: string | null = null;

  constructor(private readonly notices: Notices) {
    this.fault.hidden = true;
    this.progress.hidden = true;
  }

  update(job: Job, workers: Workers | null): void {
    const { row } = job;
    setText(this.namespace, `${row.namespace}/`);
    setText(this.name, row.name);
    chip(row, this.chip);
    setText(this.lead, sentence(job));
    const share = progress(row);
    this.progress.hidden = share === null || row.following;
    if (share !== null) this.bar.value = share;
    setText(this.share, row.total === null ? "" : percent(row.signed + row.rejected, row.total));
    this.fault.hidden = row.fault === null;
    setText(this.fault, row.fault ?? "");
    this.announce(row);
    this.workers(row, workers);
  }

  workers(row: Row, workers: Workers | null): void {
    for (const [at, [name, value]] of TILES.entries()) {
      const text = value(row, workers);
      setText(this.names[at]!, typeof name === "string" ? name : name(workers));
      this.tiles[at]!.hidden = text === null;
      setText(this.values[at]!, text ?? "");
    }
  }

  /** A new state is news; the first one that is shown is not. */
  private announce(row: Row): void {
    const word = state(row), known = this.word;
    this.word = word;
    if (known !== null && known !== word) this.notices.say(`${row.namespace}/${row.name} is now ${word}${row.fault === null ? "" : `: ${row.fault}`}`);
  }
}

/** The title of the window. */
export function windowTitle(row: Row): string {
  const share = progress(row), name = `${row.namespace}/${row.name}`;
  const lead = share !== null && !row.following && row.finishedAt === null ? `${Math.floor(share * 100)} %` : state(row);
  return visible(`${lead} ${name} · VaultStream`);
}

/** Links to the sections that are there, for those who do not scroll. */
export class Contents {
  private readonly items: { section: HTMLElement; item: HTMLElement }[];
  readonly element: HTMLElement;

  constructor(sections: readonly (readonly [HTMLElement, string])[], link: (id: string) => string, go: (id: string) => void) {
    this.items = sections.map(([section, label]) => {
      const anchor = h("a", { href: link(section.id) }, label);
      // The second time the address does not change, and nobody would be told.
      anchor.addEventListener("click", () => go(section.id));
      return { section, item: h("li", {}, anchor) };
    });
    this.element = h("nav", { class: "contents", "aria-label": "Sections of this job" }, h("ul", {}, ...this.items.map((one) => one.item)));
  }

  update(): void { for (const { section, item } of this.items) item.hidden = section.hidden; }
}
