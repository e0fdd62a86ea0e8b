// What a job is doing, in a sentence that needs no explanation.

import type { Job, Phase, Row } from "./api.ts";
import { isThrough, state } from "./filters.ts";
import { count, duration, left, ordinal, plural, rate } from "./format.ts";

/** The one at the top of a job's page. */
export function sentence(job: Job): string {
  const { row } = job;
  const parts = [doing(job), rejects(row)];
  return parts.filter((part) => part !== "").join(" ");
}

function doing(job: Job): string {
  const { row } = job;
  switch (state(row)) {
    case "Pending": return "Pending: accepted; work has not begun.";
    case "Queued": return `Queued: the ${ordinal(row.queue ?? 1)} in the queue, because the limit of jobs at work is reached.`;
    case "Provisioning": return "Provisioning: its keys and its place in the ledger are being made.";
    case "Seeding": return seeding(job);
    case "Signing": return row.following ? following(row) : signing(row);
    case "Finishing": return `Finishing: ${amount(row)} are signed or rejected; the receipt is being made.`;
    case "Complete": return `Complete: ${signedOf(row)} signed${took(row)}.`;
    case "Failed": return `Failed: it ended with ${signedOf(row)} signed${took(row)}.`;
    case "Suspended": return `Suspended: ${signedOf(row)} are signed, and nothing more until it is resumed.`;
    case "Deleting": return "Deleting: its keys, signatures and streams are being removed.";
  }
}

/** What comes first where the job's table is read: its rows; else its records. */
function seeding(job: Job): string {
  const stage = job.stages.find((one) => one.startedAt !== null && one.finishedAt === null && (one.name === "Seed" || one.name === "Plan"));
  const planned = stage?.name === "Plan" || (stage === undefined && job.stages.some((one) => one.name === "Plan"));
  const what = planned ? "rows of the table are planned" : "records are made";
  if (stage === undefined) return `Seeding: ${what}.`;
  const amount = stage.of === null ? count(stage.done) : `${count(stage.done)} of ${count(stage.of)}`;
  return `Seeding: ${amount} ${what}${stage.done > 0 && job.row.signed > 0 ? `, ${count(job.row.signed)} signed already` : ""}.`;
}

function signing(row: Row): string {
  if (isThrough(row)) return `Signing: ${amount(row)} are signed or rejected; the receipt comes next.`;
  const parts = [row.total === null ? plural(row.signed, "record") : `${count(row.signed)} of ${plural(row.total, "record")}`];
  if (row.rate !== null) parts.push(row.rate > 0 ? `${rate(row.rate)} a second` : "nothing just now");
  if (row.eta !== null) parts.push(row.eta < 1 ? "about a second left" : `about ${left(row.eta)} left`);
  return `Signing: ${parts.join(", ")}.`;
}

function following(row: Row): string {
  const parts = [`${plural(row.signed, "record")} signed so far`];
  if (row.rate !== null) parts.push(`${rate(row.rate)} a second`);
  const waiting = row.backlog === 0 ? "none waits"
    : `${row.backlog === 1 ? "1 waits" : `${count(row.backlog)} wait`}${row.lag === null ? "" : `, the oldest for ${duration(row.lag)}`}`;
  return `Following its table: ${parts.join(", ")}; ${waiting}.`;
}

const amount = (row: Row): string => (row.total === null ? plural(row.signed + row.rejected, "record") : `all ${plural(row.total, "record")}`);

function signedOf(row: Row): string {
  if (row.total === null || row.total === row.signed) return plural(row.signed, "record");
  return `${count(row.signed)} of ${plural(row.total, "record")}`;
}

function took(row: Row): string {
  if (row.finishedAt === null) return "";
  return `, ${duration((Date.parse(row.finishedAt) - Date.parse(row.createdAt)) / 1000)} after it was created`;
}

function rejects(row: Row): string {
  if (row.rejected === 0) return "";
  return `${plural(row.rejected, "record was", "records were")} rejected.`;
}

/** The one at the top of the list. */
export function summary(rows: readonly Row[]): string {
  if (rows.length === 0) return "There is no job yet.";
  const tally = new Map<Phase, number>();
  for (const row of rows) tally.set(state(row), (tally.get(state(row)) ?? 0) + 1);
  const say = (names: Phase[], one: string, many: string): string | null => {
    const n = names.reduce((sum, name) => sum + (tally.get(name) ?? 0), 0);
    return n === 0 ? null : `${count(n)} ${n === 1 ? one : many}`;
  };
  const speed = rows.reduce((sum, row) => sum + (row.rate ?? 0), 0);
  const parts = [
    say(["Signing"], "is signing", "are signing"), say(["Finishing"], "is finishing", "are finishing"), say(["Pending", "Provisioning", "Seeding"], "is being prepared", "are being prepared"),
    say(["Queued"], "is queued", "are queued"), say(["Suspended"], "is suspended", "are suspended"), say(["Failed"], "failed", "failed"),
    say(["Complete"], "is complete", "are complete"), say(["Deleting"], "is being deleted", "are being deleted"),
  ].filter((part) => part !== null);
  const whole = `${plural(rows.length, "job")}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}.`;
  return speed > 0 ? `${whole} Together ${rate(speed)} records a second.` : whole;
}
