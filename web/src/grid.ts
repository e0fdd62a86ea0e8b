// A table of texts with a caption, in a box that scrolls by keyboard, too.

import { h, setAttribute, setText } from "./dom.ts";
import { Keyed } from "./keyed.ts";

export interface Column<Item> {
  head: string;
  /** number, short (cut, with the whole as tooltip), any (text of strangers, wraps anywhere) */
  kind?: "number" | "short" | "any";
  /** What a cell says now. */
  text?(item: Item): string;
  /** What a cell holds for good. */
  make?(item: Item): Node;
}

/** The first column names the row. */
export class Grid<Item> {
  readonly box: HTMLElement;
  private readonly rows: Keyed<Item>;

  constructor(caption: string, columns: readonly Column<Item>[], key: (item: Item) => string) {
    const heads = columns.map((column) => h("th", { scope: "col", class: column.kind ?? null }, column.head));
    const body = h("tbody");
    this.box = h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
      h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, ...heads)), body));
    this.rows = new Keyed(body, key, (item) => {
      const cells = columns.map((column, at) => h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: column.kind ?? null }, column.make?.(item) ?? null));
      return {
        element: h("tr", {}, ...cells),
        update: (now) => {
          for (const [at, column] of columns.entries()) {
            const text = column.text?.(now);
            if (text === undefined) continue;
            setText(cells[at]!, text);
            if (column.kind === "short") setAttribute(cells[at]!, "title", text);
          }
        },
      };
    });
  }

  update(items: readonly Item[]): void {
    this.box.hidden = items.length === 0;
    this.rows.update(items);
  }
}
