// A job's keys: who holds which, and what they signed.

import type { Key, Keys } from "./api.ts";
import type { ServerClock } from "./clock.ts";
import { card, h, setText } from "./dom.ts";
import { count, duration, ordinal, plural, UNKNOWN } from "./format.ts";
import { Grid } from "./grid.ts";

const RECEIPT = 0;

/** How fresh a key's last use is among those that are shown: the first is the one used last. */
export function recency(keys: readonly Key[]): Map<number, number> {
  const used = keys.filter((key) => key.used !== null).sort((one, other) => other.used! - one.used!);
  return new Map(used.map((key, at) => [key.ordinal, at + 1]));
}

/** Seconds that a lease still lasts; null when there is none. */
export function leaseLeft(key: Key, now: number): number | null {
  return key.holder === null || key.leasedUntil === null ? null : (Date.parse(key.leasedUntil) - now) / 1000;
}

function leaseText(key: Key, now: number): string {
  const left = leaseLeft(key, now);
  if (left === null) return UNKNOWN;
  return left > 0 ? `${duration(Math.ceil(left))} left` : "run out";
}

export class KeyTable {
  private readonly summary = h("p", { class: "faint" });
  private readonly grid: Grid<Key>;
  readonly element: HTMLElement;
  private keys: Keys = { keys: [], more: 0 };
  private fresh = new Map<number, number>();

  constructor(private readonly clock: ServerClock) {
    this.grid = new Grid<Key>("Keys with their holders, leases and use", [
      { head: "Key", text: keyName },
      { head: "State", text: (key) => key.state },
      { head: "Signed", kind: "number", text: (key) => count(key.signed) },
      { head: "Batches", kind: "number", text: (key) => count(key.batches) },
      { head: "Lease", text: (key) => leaseText(key, this.clock.now()) },
      { head: "Holder", kind: "short", text: (key) => key.holder ?? UNKNOWN },
      { head: "Last use", text: (key) => this.lastUse(key) },
      { head: "Thumbprint", kind: "short", text: (key) => key.id ?? UNKNOWN },
    ], (key) => String(key.ordinal));
    this.element = card("keys", "Keys", this.summary, this.grid.box);
  }

  update(keys: Keys): void {
    this.keys = keys;
    this.fresh = recency(keys.keys);
    this.tick();
  }

  tick(): void {
    this.grid.update(this.keys.keys);
    setText(this.summary, keysText(this.keys, this.clock.now()));
  }

  private lastUse(key: Key): string {
    const fresh = this.fresh.get(key.ordinal);
    if (fresh === undefined) return UNKNOWN;
    return fresh === 1 ? "latest" : `${ordinal(fresh)} latest`;
  }
}

function keyName(key: Key): string {
  const name = key.ordinal === RECEIPT ? "Receipt" : count(key.ordinal);
  return key.version > 1 ? `${name}, version ${count(key.version)}` : name;
}

export function keysText({ keys, more }: Keys, now: number): string {
  const signing = keys.filter((key) => key.ordinal !== RECEIPT);
  const held = signing.filter((key) => (leaseLeft(key, now) ?? 0) > 0).length;
  const bad = keys.filter((key) => key.state === "damaged" || key.state === "revoked").length;
  const troubles = bad === 0 ? "" : ` ${bad === 1 ? "One is" : `${count(bad)} are`} damaged or revoked.`;
  const rest = more === 0 ? "" : ` These are ${count(keys.length)}; vaultstream keys lists all.`;
  return `${plural(signing.length + more, "signing key")}, ${count(held)} ${held === 1 ? "is" : "are"} leased just now.${troubles}${rest}`;
}
