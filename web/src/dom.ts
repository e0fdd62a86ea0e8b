// Elements of the page. Text becomes text nodes, so that markup in it stays text; nothing here reads markup.

import { moment, visible } from "./format.ts";

export type Child = Node | string | null | false;
export type Attributes = Record<string, string | number | boolean | null>;

/** Makes an element. An attribute that is null or false is left out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  fill(element, ...children);
  return element;
}

/** Sets or removes an attribute. Ones that run or load something are refused, and so are links out of the page. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (/^(on|style$|src)/i.test(name) || (name === "href" && !String(value).startsWith("#"))) throw new Error(`no attribute ${name} here`);
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : visible(String(value));
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Adds children. */
export function fill(element: Element, ...children: Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    element.append(typeof child === "string" ? document.createTextNode(visible(child)) : child);
  }
}

/** Has these children and no others. */
export function replace(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  fill(element, ...children);
}

/** Changes text only when it differs, so that nothing is laid out in vain. */
export function setText(element: Element, text: string): void {
  const shown = visible(text);
  const only = element.firstChild;
  if (only instanceof Text && only.nextSibling === null) {
    if (only.data !== shown) only.data = shown;
  } else if (element.textContent !== shown) {
    element.textContent = shown;
  }
}

/** A time in the machine's zone; the exact one is its machine-readable value and its tooltip. */
export function time(at: string, form: "minute" | "moment" = "moment"): HTMLElement {
  const date = new Date(at);
  return h("time", { datetime: at, title: at }, form === "minute" ? moment(date).slice(0, 16) : moment(date));
}

/** A button; its look is that of `kind`. */
export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = h("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", act);
  return element;
}

/** A card with a heading of its own, a landmark by that heading. */
export function card(id: string, title: string, ...children: Child[]): HTMLElement {
  const heading = h("h2", { id: `${id}-title`, tabindex: -1 }, title);
  return h("section", { id, class: "card", "aria-labelledby": `${id}-title` }, heading, ...children);
}
