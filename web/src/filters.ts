// Which jobs the list shows, and in which order. Both are in the query of the page's fragment, so that a link has them.

import type { Phase, Row } from "./api.ts";

export const STATES: readonly Phase[] =
  ["Signing", "Finishing", "Seeding", "Provisioning", "Pending", "Queued", "Suspended", "Failed", "Complete", "Deleting"];
export const SORTS = ["state", "name", "progress", "rate", "left", "lag", "rejected", "created"] as const;
export type Sort = (typeof SORTS)[number];

export interface Filters { text: string; namespace: string; states: Phase[]; sort: Sort; descending: boolean }
export const NO_FILTERS: Filters = { text: "", namespace: "", states: [], sort: "state", descending: false };

/** What people call a job's state: its phase, unless it waits for its turn or for somebody to resume it. */
export function state(row: Row): Phase {
  if (row.phase === "Complete" || row.phase === "Failed" || row.phase === "Deleting") return row.phase;
  if (row.suspended) return "Suspended";
  return row.phase === "Pending" && row.queue !== null ? "Queued" : row.phase;
}

/** The share that is signed or rejected; null where nobody knows how much there is. */
export function progress(row: Row): number | null {
  if (row.total === null || row.total <= 0) return row.phase === "Complete" ? 1 : null;
  return Math.min((row.signed + row.rejected) / row.total, 1);
}

/** Whether each record of a set is signed or rejected. */
export const isThrough = (row: Row): boolean => row.total !== null && row.signed + row.rejected >= row.total;

export function parseFilters(query: URLSearchParams): Filters {
  const asked = query.get("sort") ?? "";
  const descending = asked.startsWith("-");
  const sort = SORTS.find((known) => known === asked.slice(descending ? 1 : 0));
  const states = (query.get("phase") ?? "").split(",");
  return {
    text: query.get("q") ?? "",
    namespace: query.get("ns") ?? "",
    states: STATES.filter((known) => states.includes(known)),
    sort: sort ?? NO_FILTERS.sort,
    descending: sort !== undefined && descending,
  };
}

/** The query of these filters, without what is so anyway. */
export function formatFilters(filters: Filters): string {
  const query = new URLSearchParams();
  if (filters.text !== "") query.set("q", filters.text);
  if (filters.namespace !== "") query.set("ns", filters.namespace);
  if (filters.states.length > 0) query.set("phase", filters.states.join(","));
  if (filters.sort !== NO_FILTERS.sort || filters.descending) query.set("sort", `${filters.descending ? "-" : ""}${filters.sort}`);
  return query.toString();
}

export function matches(row: Row, filters: Filters): boolean {
  if (filters.namespace !== "" && row.namespace !== filters.namespace) return false;
  if (filters.states.length > 0 && !filters.states.includes(state(row))) return false;
  const words = filters.text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const name = `${row.namespace}/${row.name}`.toLowerCase();
  return words.every((word) => name.includes(word) || row.uid === word);
}

const VALUES: Record<Exclude<Sort, "name">, (row: Row) => number | null> = {
  state: (row) => STATES.indexOf(state(row)),
  progress,
  rate: (row) => row.rate,
  left: (row) => row.eta,
  lag: (row) => row.lag,
  rejected: (row) => row.rejected,
  created: (row) => Date.parse(row.createdAt),
};

/** Rows without the value come last in either direction; equal ones by their place in the queue, the newest, the name. */
export function compare(filters: Filters): (one: Row, other: Row) => number {
  const sign = filters.descending ? -1 : 1;
  const { sort } = filters;
  return (one, other) => (sort === "name" ? sign * byName(one, other) : byValue(VALUES[sort], sign, one, other)) || tie(one, other);
}

function byValue(value: (row: Row) => number | null, sign: number, one: Row, other: Row): number {
  const [a, b] = [value(one), value(other)];
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return sign * (a - b);
}

const byName = (one: Row, other: Row): number => order(one.namespace, other.namespace) || order(one.name, other.name) || order(one.uid, other.uid);
const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function tie(one: Row, other: Row): number {
  return (one.queue ?? Infinity) - (other.queue ?? Infinity) || order(other.createdAt, one.createdAt) || byName(one, other);
}

/** The rows to show, in order. */
export function select(rows: Iterable<Row>, filters: Filters): Row[] {
  return [...rows].filter((row) => matches(row, filters)).sort(compare(filters));
}
