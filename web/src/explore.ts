// Looking into a picture one place after the other: by pointer, by finger, and by the keys of a slider, which screen readers know, too.

import { setAttribute } from "./dom.ts";

export interface Places {
  /** How many there are just now. */
  count(): number;
  /** What is at a place, in words. */
  text(at: number): string;
  /** The place below a point of the picture; null if there is none. */
  below(x: number, y: number): number | null;
  /** Shows the place, or that none is looked at. */
  look(at: number | null): void;
  /** Places in a row, for the keys up and down. */
  stride(): number;
}

export class Explorer {
  private at: number | null = null;

  constructor(private readonly element: HTMLElement, label: string, private readonly places: Places) {
    setAttribute(element, "role", "slider");
    setAttribute(element, "tabindex", 0);
    setAttribute(element, "aria-label", label);
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("pointermove", (event) => this.point(event));
    element.addEventListener("pointerdown", (event) => this.point(event));
    element.addEventListener("pointerleave", () => { if (document.activeElement !== element) this.move(null); });
    element.addEventListener("focus", () => { if (this.at === null) this.move(this.places.count() - 1); });
    element.addEventListener("blur", () => this.move(null));
    this.refresh();
  }

  /** The picture changed below the place. To somebody who listens to it only a move is news. */
  refresh(): void { this.move(this.at, document.activeElement !== this.element); }

  private move(at: number | null, tell = true): void {
    const last = this.places.count() - 1;
    this.at = at === null || last < 0 ? null : Math.max(0, Math.min(at, last));
    this.places.look(this.at);
    if (!tell) return;
    setAttribute(this.element, "aria-valuemin", 0);
    setAttribute(this.element, "aria-valuemax", Math.max(last, 0));
    setAttribute(this.element, "aria-valuenow", this.at ?? Math.max(last, 0));
    setAttribute(this.element, "aria-valuetext", last < 0 ? "nothing yet" : this.places.text(this.at ?? last));
  }

  private point(event: PointerEvent): void {
    const box = this.element.getBoundingClientRect();
    this.move(this.places.below(event.clientX - box.left, event.clientY - box.top));
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.places.count() - 1, at = this.at ?? last, stride = this.places.stride();
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - stride, ArrowDown: at + stride, PageUp: at - 10 * stride, PageDown: at + 10 * stride, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.move(null);
    if (next === undefined) return;
    event.preventDefault();
    this.move(next);
  }
}
