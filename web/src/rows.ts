// Rows on the screen against rows that shall be there: what goes, and the fewest that move.

export interface Plan<Key> {
  gone: Key[];
  /** In this order: each goes before a row that is in its place already, or to the end. */
  place: { key: Key; before: Key | null }[];
}

export function plan<Key>(shown: readonly Key[], wanted: readonly Key[]): Plan<Key> {
  const places = new Map(wanted.map((key, at) => [key, at]));
  const gone = shown.filter((key) => !places.has(key));
  const left = shown.filter((key) => places.has(key));
  const still = new Set(longestRise(left.map((key) => places.get(key)!)).map((at) => left[at]!));
  const place: Plan<Key>["place"] = [];
  for (let at = wanted.length - 1; at >= 0; at--) {
    const key = wanted[at]!;
    if (!still.has(key)) place.push({ key, before: wanted[at + 1] ?? null });
  }
  return { gone, place };
}

/** Indexes of a longest increasing subsequence. */
export function longestRise(values: readonly number[]): number[] {
  const tails: number[] = [];
  const before: number[] = [];
  for (const [at, value] of values.entries()) {
    let low = 0, high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[tails[middle]!]! < value) low = middle + 1; else high = middle;
    }
    before[at] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = at;
  }
  const rise: number[] = [];
  for (let at = tails.at(-1) ?? -1; at >= 0; at = before[at]!) rise.push(at);
  return rise.reverse();
}

/** Rows that stay keep their order while somebody reads or uses them; new ones come behind. */
export function keepOrder<Key>(shown: readonly Key[], wanted: readonly Key[]): Key[] {
  const all = new Set(wanted), there = new Set(shown);
  return [...shown.filter((key) => all.has(key)), ...wanted.filter((key) => !there.has(key))];
}
