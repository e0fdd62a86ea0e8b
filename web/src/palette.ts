// The colours of the style sheet for what is drawn on a canvas.

/** A colour of the theme that is on. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const themes = ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"].map((query) => matchMedia(query));

/** Calls whenever the theme changes, until the returned function is called. */
export function onTheme(changed: () => void): () => void {
  for (const theme of themes) theme.addEventListener("change", changed);
  return () => { for (const theme of themes) theme.removeEventListener("change", changed); };
}

/** Calls with an element's width whenever it changes. */
export function onWidth(element: HTMLElement, changed: (width: number) => void): () => void {
  let last = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (width === last || width === 0) return;
    last = width;
    changed(width);
  });
  observer.observe(element);
  return () => observer.disconnect();
}
