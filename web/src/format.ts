// Numbers, durations and times as people read them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

export const UNKNOWN = "–";

/** 1234567 → 1,234,567 */
export const count = (value: number): string => WHOLE.format(value);

/** 1234567 → 1.23M, for axes. */
export const compact = (value: number): string => COMPACT.format(value);

/** 1 record, 2 records */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

/** Three digits count: the others only flicker. */
export function rate(value: number): string {
  if (value < 10) return String(Math.round(value * 10) / 10);
  return count(Number(value.toPrecision(3)));
}

/** Whole and tenths, rounded down: 100 % means all. */
export function percent(done: number, of: number): string {
  if (of <= 0) return UNKNOWN;
  const share = Math.min(done / of, 1);
  return share === 1 ? "100 %" : `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]] as const;

/** The two largest units: 1 h 12 min. */
export function duration(seconds: number): string {
  if (!(seconds > 0)) return "0 s";
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  for (const [at, [unit, size]] of UNITS.entries()) {
    if (whole < size) continue;
    const next = UNITS[at + 1];
    const rest = next === undefined ? 0 : Math.floor((whole % size) / next[1]);
    return `${count(Math.floor(whole / size))} ${unit}${next === undefined || rest === 0 ? "" : ` ${rest} ${next[0]}`}`;
  }
  return "0 s";
}

/** What is left of something that ends by itself. */
export const left = (seconds: number): string => (seconds < 1 ? "under 1 s" : duration(Math.round(seconds)));

const two = (value: number): string => String(value).padStart(2, "0");

/** The time of day in this machine's time zone. */
export function clock(at: Date): string {
  return Number.isNaN(at.getTime()) ? UNKNOWN : `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Date and time of day. */
export function moment(at: Date): string {
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(at)}`;
}

/** 1st, 2nd, 3rd, 4th, … 11th, … 21st */
export function ordinal(value: number): string {
  const teens = value % 100 >= 11 && value % 100 <= 13;
  const ending = teens ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${count(value)}${ending}`;
}

// Controls, marks that turn the direction of text, characters that nobody sees, and halves of pairs.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/gu;
const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text in which nothing hides: what is not seen, or would reorder what is, is spelled out. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
