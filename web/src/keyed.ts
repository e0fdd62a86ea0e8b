// Elements that belong to items: each is made once, changed in place, and moved only when it has to be, so that focus and selection stay.

import { plan } from "./rows.ts";

export interface Entry<Item> { element: HTMLElement; update(item: Item): void }

export class Keyed<Item> {
  private readonly entries = new Map<string, Entry<Item>>();
  private order: string[] = [];

  constructor(private readonly parent: HTMLElement, private readonly key: (item: Item) => string, private readonly make: (item: Item) => Entry<Item>) {}

  get shown(): readonly string[] { return this.order; }

  /** Has an element for each of these, in this order. */
  update(items: readonly Item[]): void {
    const wanted = new Map<string, Item>();
    for (const item of items) wanted.set(free(this.key(item), wanted), item);
    const order = [...wanted.keys()];
    const { gone, place } = plan(this.order, order);
    for (const key of gone) {
      this.entries.get(key)?.element.remove();
      this.entries.delete(key);
    }
    for (const [key, item] of wanted) this.change(key, item);
    for (const { key, before } of place) this.parent.insertBefore(this.entries.get(key)!.element, before === null ? null : this.entries.get(before)!.element);
    this.order = order;
  }

  /** Changes one that is there. */
  change(key: string, item: Item): void {
    let entry = this.entries.get(key);
    if (entry === undefined) this.entries.set(key, entry = this.make(item));
    entry.update(item);
  }
}

/** The key, or if an item before has it, one beside it. */
function free(key: string, taken: ReadonlyMap<string, unknown>): string {
  let name = key;
  for (let at = 2; taken.has(name); at++) name = `${key}\u0000${at}`;
  return name;
}
