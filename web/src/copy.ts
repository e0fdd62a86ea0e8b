// Buttons that copy text.

import { button, h, setText } from "./dom.ts";
import { visible } from "./format.ts";
import type { Notices } from "./notice.ts";

const SHOWN_FOR = 2_000;

/** Copies what `target` shows. There is none for text with characters that nobody sees: pasted, it would be another than it looks. */
export function copyButton(what: string, text: string, target: HTMLElement, notices: Notices): HTMLButtonElement | null {
  if (visible(text) !== text) return null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const label = h("span", {}, "Copy");
  const element = button("", () => void act(), { class: "copy", "aria-label": `Copy ${what}` });
  element.append(label);
  const act = async (): Promise<void> => {
    const done = await copy(text, target);
    setText(label, done ? "Copied" : "Selected");
    notices.say(done ? `Copied ${what}` : `${what} is selected: copy it with the keyboard`);
    clearTimeout(timer);
    timer = setTimeout(() => setText(label, "Copy"), SHOWN_FOR);
  };
  return element;
}

/** Where the page may not write to the clipboard (no HTTPS, not this machine), it selects the text. */
async function copy(text: string, target: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(target);
    getSelection()?.removeAllRanges();
    getSelection()?.addRange(range);
    return false;
  }
}

/** Text in the type of code with its button. */
export function copyable(what: string, text: string, notices: Notices): HTMLElement {
  const code = h("code", {}, text);
  return h("span", { class: "copyable" }, code, copyButton(what, text, code, notices));
}
