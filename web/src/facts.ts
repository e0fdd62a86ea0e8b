// What a job was told to do.

import type { Job } from "./api.ts";
import { copyable } from "./copy.ts";
import { card, h, replace, time } from "./dom.ts";
import { count } from "./format.ts";
import type { Notices } from "./notice.ts";

export class Facts {
  private readonly list = h("dl", { class: "facts" });
  readonly element = card("facts", "This job", this.list);
  private told = "";

  constructor(private readonly notices: Notices) {}

  update(job: Job): void {
    const { row, spec, view } = job;
    // It hardly ever changes; when nothing did, what is selected stays selected.
    const news = JSON.stringify([spec, view, row.uid, row.createdAt, row.finishedAt, row.following]);
    if (news === this.told) return;
    this.told = news;
    const facts: [string, Node | string | null][] = [
      ["Source", spec.source],
      ["Records", spec.records === null ? null : count(spec.records)],
      ["Follows its table", row.following ? "yes" : null],
      ["Message", spec.message],
      ["Keys", count(spec.keys)],
      ["Batch size", count(spec.batchSize)],
      ["Checked before commit", spec.verify],
      ["Created", time(row.createdAt)],
      ["Ended", row.finishedAt === null ? null : time(row.finishedAt)],
      ["View of the signatures", view === null ? null : copyable("the name of the view", view, this.notices)],
      ["UID", copyable("the UID", row.uid, this.notices)],
    ];
    replace(this.list, ...facts.flatMap(([name, value]) => (value === null ? [] : [h("dt", {}, name), h("dd", {}, value)])));
  }
}
