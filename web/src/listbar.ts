// The list's filters: text, namespace, phases with their counts, and on a phone the order.

import type { Phase, Row } from "./api.ts";
import { button, h, replace, setAttribute, setText } from "./dom.ts";
import { type Filters, NO_FILTERS, type Sort, SORTS, state, STATES } from "./filters.ts";
import { count } from "./format.ts";
import { COLUMNS } from "./listrow.ts";

export class FilterBar {
  private readonly text = h("input", { type: "search", id: "filter-text", placeholder: "Part of a name, or a UID", autocomplete: "off", spellcheck: "false" });
  private readonly namespace = h("select", { id: "filter-namespace" });
  private readonly sort = h("select", { id: "filter-sort" }, ...COLUMNS.map((column) => h("option", { value: column.sort }, column.head)));
  private readonly turn = button("", () => this.change({ descending: !this.filters.descending }), { class: "turn" });
  private readonly clear = button("Clear filters", () => this.change({ ...NO_FILTERS, sort: this.filters.sort, descending: this.filters.descending }));
  private readonly phases = new Map<Phase, { element: HTMLButtonElement; figure: HTMLElement }>();
  readonly element: HTMLElement;
  private filters: Filters = NO_FILTERS;
  private namespaces: string[] = [];

  constructor(private readonly changed: (filters: Filters) => void) {
    for (const phase of STATES) {
      const figure = h("span", { class: "figure" });
      const element = button(`${phase} `, () => this.toggle(phase), { "aria-pressed": "false" });
      element.append(figure);
      this.phases.set(phase, { element, figure });
    }
    this.text.addEventListener("input", () => this.change({ text: this.text.value }));
    this.namespace.addEventListener("change", () => this.change({ namespace: this.namespace.value }));
    this.sort.addEventListener("change", () => this.change({ sort: SORTS.find((sort) => sort === this.sort.value) ?? NO_FILTERS.sort }));
    this.element = h("search", { class: "filters" },
      h("div", { class: "field" }, h("label", { for: "filter-text" }, "Name"), this.text),
      h("div", { class: "field" }, h("label", { for: "filter-namespace" }, "Namespace"), this.namespace),
      h("div", { class: "field sort" }, h("label", { for: "filter-sort" }, "Order"), h("span", { class: "together" }, this.sort, this.turn)),
      h("div", { class: "phases", role: "group", "aria-label": "Phases" }, ...[...this.phases.values()].map((one) => one.element), this.clear));
  }

  /** Shows these filters, and how many jobs there are of each kind. */
  update(filters: Filters, rows: Iterable<Row>): void {
    this.filters = filters;
    const tally = new Map<Phase, number>(), namespaces = new Set<string>();
    if (filters.namespace !== "") namespaces.add(filters.namespace);
    for (const row of rows) {
      namespaces.add(row.namespace);
      if (filters.namespace === "" || row.namespace === filters.namespace) tally.set(state(row), (tally.get(state(row)) ?? 0) + 1);
    }
    for (const [phase, { element, figure }] of this.phases) {
      const pressed = filters.states.includes(phase), many = tally.get(phase) ?? 0;
      element.hidden = many === 0 && !pressed;
      setAttribute(element, "aria-pressed", String(pressed));
      setText(figure, count(many));
    }
    this.choices([...namespaces].sort());
    if (this.text.value !== filters.text) this.text.value = filters.text;
    this.namespace.value = filters.namespace;
    this.sort.value = filters.sort;
    setText(this.turn, filters.descending ? "↓" : "↑");
    setAttribute(this.turn, "aria-label", filters.descending ? "Descending: turn the order round" : "Ascending: turn the order round");
    this.clear.hidden = filters.text === "" && filters.namespace === "" && filters.states.length === 0;
  }

  /** An open menu stays as it is, unless there is another namespace. */
  private choices(namespaces: string[]): void {
    if (namespaces.join("\n") === this.namespaces.join("\n") && this.namespace.length > 0) return;
    this.namespaces = namespaces;
    replace(this.namespace, h("option", { value: "" }, "All"), ...namespaces.map((name) => {
      const option = h("option", {}, name);
      option.value = name;
      return option;
    }));
  }

  private toggle(phase: Phase): void {
    const { states } = this.filters;
    this.change({ states: STATES.filter((one) => (one === phase ? !states.includes(one) : states.includes(one))) });
  }

  private change(part: Partial<Filters>): void { this.changed({ ...this.filters, ...part }); }
}

/** The next order when a head is pressed: turned round, or the one in which it is mostly wanted. */
export function nextSort(filters: Filters, sort: Sort): Filters {
  if (filters.sort === sort) return { ...filters, descending: !filters.descending };
  return { ...filters, sort, descending: !["name", "state", "left"].includes(sort) };
}
