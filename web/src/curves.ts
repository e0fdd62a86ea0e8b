// The two curves of a job: how much was signed each second, and how much waited.

import type { Curve } from "./api.ts";
import { Chart } from "./chart.ts";
import { count, duration, plural, rate } from "./format.ts";
import { rates } from "./rates.ts";

export class Curves {
  readonly rate = new Chart("rate", "Rate: records a second", [
    { label: "Signed", colour: "accent", filled: true }, { label: "Rejected", colour: "bad-mark", filled: false },
  ], ([signed, rejected]) => `${rate(signed ?? 0)} signed a second${rejected ? `, ${rate(rejected)} rejected` : ""}`);
  readonly backlog = new Chart("backlog", "Backlog: records that wait", [{ label: "Waiting", colour: "accent", filled: true }],
    ([waiting]) => (waiting === 1 ? "1 record waits" : `${plural(waiting ?? 0, "record")} wait`));

  update(curve: Curve): void {
    const times = curve.signed.map((_, at) => curve.start + at * curve.step);
    const [signed, rejected] = [rates(curve, curve.signed), rates(curve, curve.rejected)];
    this.rate.update(times.slice(0, signed.length), [signed, rejected]);
    this.backlog.update(times.map((at, n) => at + (n === times.length - 1 ? curve.last : curve.step)), [[...curve.backlog]]);
  }

  close(): void {
    this.rate.close();
    this.backlog.close();
  }
}

/** The curves in one sentence, for those who do not look at them. */
export function curveText(curve: Curve): string {
  if (curve.signed.length === 0) return "";
  const best = Math.max(...rates(curve, curve.signed)), most = Math.max(...curve.backlog);
  return `In the last ${duration(curve.signed.length * curve.step)} at most ${rate(best)} a second, and at most ${count(most)} waiting.`;
}
