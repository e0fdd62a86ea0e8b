// What proves a job's signatures: its receipt, its checkpoints, and what the last verification found.

import type { Checkpoint, Checkpoints, Receipt, Verification } from "./api.ts";
import { copyable } from "./copy.ts";
import { card, h, replace, setText, time } from "./dom.ts";
import { download } from "./download.ts";
import { count, moment, plural } from "./format.ts";
import { Grid } from "./grid.ts";
import type { Notices } from "./notice.ts";
import type { Shell } from "./shell.ts";

export class Verdict {
  private readonly word = h("p", { class: "word" });
  private readonly text = h("p");
  private readonly problems = h("ul");
  readonly element = card("verification", "Last verification", this.word, this.text, this.problems);
  private told = "null";

  constructor(private readonly notices: Notices) { setText(this.text, verdictText(null)); }

  /** What is not there yet needs no room while the job goes on. */
  show(ended: boolean): void { this.element.hidden = this.told === "null" && !ended; }

  update(verification: Verification | null): void {
    const news = JSON.stringify(verification);
    if (news === this.told) return;
    this.told = news;
    this.element.classList.toggle("good", verification?.verified === true);
    this.element.classList.toggle("bad", verification?.verified === false);
    const problems = verification?.problems ?? [];
    this.word.hidden = verification === null;
    this.problems.hidden = problems.length === 0;
    setText(this.word, verification === null ? "" : verification.verified ? "VERIFIED" : "NOT VERIFIED");
    setText(this.text, verdictText(verification));
    replace(this.problems, ...problems.map((one) => h("li", {}, one)));
    if (verification !== null) this.notices.say(`${verification.verified ? "Verified" : "Not verified"}: ${verdictText(verification)} ${problems.join(" ")}`);
  }
}

const CHECKED = { full: (n: number) => `All ${plural(n, "signature")} checked`, sample: (n: number) => `A sample of ${plural(n, "signature")} checked`, sql: () => "Counts, roots and receipt checked, no signature" };

/** Whose word it is, too: this page has checked nothing. */
export function verdictText(verification: Verification | null): string {
  if (verification === null) return "No verdict is kept here. What an auditor finds is not: an auditor changes nothing. To verify the job yourself, take the command below.";
  const { at, by, mode, signatures, version } = verification;
  return `${CHECKED[mode](signatures)} at ${moment(new Date(at))} by ${by}, with version ${version}. This is their word; this page has not checked it.`;
}

/** What a receipt is worth that is shown here. */
export function receiptText(verification: Verification | null): string {
  const shown = "It is shown as the ledger has it, and was not checked for that";
  return `${shown}${verification === null ? ": a verification does that." : "; the last verification says what it found."}`;
}

export class ReceiptCard {
  private readonly body = h("div");
  private readonly worth = h("p", { class: "faint" });
  readonly element = card("receipt", "Receipt", this.body, this.worth);
  private told: string | null = null;

  constructor(private readonly uid: string, private readonly name: () => string, private readonly shell: Shell) {
    this.judge(null);
    this.fill(null);
  }

  show(ended: boolean): void { this.element.hidden = this.told === null && !ended; }

  update(receipt: Receipt | null): void {
    const digest = receipt?.digest ?? null;
    if (digest === this.told) return;
    this.told = digest;
    this.fill(receipt);
  }

  /** What is known of it from who verified. */
  judge(verification: Verification | null): void { setText(this.worth, receiptText(verification)); }

  private fill(receipt: Receipt | null): void {
    this.worth.hidden = receipt === null;
    if (receipt === null) return replace(this.body, h("p", { class: "faint" }, "There is none: it is made when everything is signed or rejected."));
    const { notices } = this.shell;
    replace(this.body,
      h("p", {}, `Made at ${moment(new Date(receipt.completedAt))} over ${plural(receipt.signed, "signature")} and ${plural(receipt.rejected, "reject")}.`),
      h("dl", { class: "facts" },
        h("dt", {}, "Digest"), h("dd", {}, copyable("the digest of the receipt", receipt.digest, notices)),
        h("dt", {}, "Merkle root"), h("dd", {}, copyable("the Merkle root", receipt.merkleRoot, notices)),
        h("dt", {}, "Receipt key"), h("dd", {}, copyable("the thumbprint of the receipt key", receipt.keyId, notices))),
      download("Download the receipt", `api/jobs/${encodeURIComponent(this.uid)}/receipt`, `${this.name()}-receipt.jws`, this.shell));
  }
}

export class CheckpointTable {
  private readonly summary = h("p", { class: "faint" });
  private readonly grid: Grid<Checkpoint>;
  private many = 0;
  readonly element: HTMLElement;

  constructor(uid: string, name: () => string, shell: Shell) {
    const path = (one: Checkpoint): string => `api/jobs/${encodeURIComponent(uid)}/checkpoints/${encodeURIComponent(one.number)}`;
    this.grid = new Grid<Checkpoint>("Checkpoints, newest first", [
      { head: "Number", kind: "number", text: (one) => count(one.number) },
      { head: "Batches", kind: "number", text: (one) => count(one.batches) },
      { head: "Signed", kind: "number", text: (one) => count(one.signed) },
      { head: "Made", make: (one) => time(one.madeAt) },
      { head: "Digest", kind: "short", text: (one) => one.digest },
      { head: "File", make: (one) => download("Download", path(one), `${name()}-checkpoint-${one.number}.jws`, shell, { "aria-label": `Download checkpoint ${one.number}` }) },
    ], (one) => `${one.number} ${one.digest}`);
    this.element = card("checkpoints", "Checkpoints", this.summary, this.grid.box);
  }

  /** A job that does not follow its table has none. */
  show(following: boolean): void { this.element.hidden = this.many === 0 && !following; }

  update(checkpoints: Checkpoints): void {
    this.many = checkpoints.count;
    const shown = checkpoints.last.length < checkpoints.count ? ` These are the last ${count(checkpoints.last.length)}.` : "";
    setText(this.summary, checkpoints.count === 0 ? "None was made yet." : `${plural(checkpoints.count, "checkpoint")}.${shown}`);
    this.grid.update(checkpoints.last);
  }
}
