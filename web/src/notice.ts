// What is announced: problems at once, news politely. The numbers of each second are neither.

import { button, replace, setText } from "./dom.ts";

export class Notices {
  private shown: string | null = null;

  constructor(private readonly alert: HTMLElement, private readonly status: HTMLElement) {}

  /** A problem that lasts until null is given. The same one is announced once. */
  problem(text: string | null, remedy: { label: string; act: () => void } | null = null): void {
    if (text === this.shown) return;
    this.shown = text;
    this.alert.hidden = text === null;
    if (text === null) return replace(this.alert);
    replace(this.alert, text, remedy === null ? null : button(remedy.label, remedy.act));
  }

  /** Says it to those who do not see the page change. */
  say(text: string): void {
    // The same words twice are only announced if there was something else in between.
    setText(this.status, "");
    requestAnimationFrame(() => setText(this.status, text));
  }
}
