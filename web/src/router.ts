// What the fragment of the page's address shows: #/?FILTERS, #/jobs/UID, #/jobs/UID?section=NAME.

import { type Filters, formatFilters, parseFilters } from "./filters.ts";

export type Route =
  | { view: "list"; filters: Filters }
  | { view: "job"; uid: string; section: string | null }
  | { view: "unknown" };

export function parseRoute(fragment: string): Route {
  const text = fragment.replace(/^#/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  const query = new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1));
  if (path === "" || path === "/") return { view: "list", filters: parseFilters(query) };
  const uid = /^\/jobs\/([^/]+)$/.exec(path)?.[1];
  const decoded = uid === undefined ? null : decode(uid);
  return decoded === null ? { view: "unknown" } : { view: "job", uid: decoded, section: query.get("section") };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function listFragment(filters: Filters): string {
  const query = formatFilters(filters);
  return query === "" ? "#/" : `#/?${query}`;
}

export function jobFragment(uid: string, section: string | null = null): string {
  return `#/jobs/${encodeURIComponent(uid)}${section === null ? "" : `?section=${encodeURIComponent(section)}`}`;
}
