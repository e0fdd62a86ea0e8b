// A job's stages with the time that each took.

import type { Job, Stage } from "./api.ts";
import type { ServerClock } from "./clock.ts";
import { card, h, replace, setText } from "./dom.ts";
import { count, duration, percent, plural } from "./format.ts";

const NAMES: Record<Stage["name"], string> = { Seed: "Make records", Plan: "Plan rows", Sign: "Sign", Finish: "Make the receipt" };

/** Where a stage is: the words beside its name. */
export function stageText(stage: Stage, ended: boolean, now: number): string {
  if (stage.startedAt === null) return ended ? "not reached" : "not begun";
  const until = stage.finishedAt === null ? now : Date.parse(stage.finishedAt);
  const took = duration(Math.max(0, until - Date.parse(stage.startedAt)) / 1000);
  if (stage.finishedAt !== null) return took;
  return ended ? "not finished" : `for ${took}`;
}

function amount(stage: Stage): string {
  if (stage.startedAt === null || (stage.done === 0 && stage.of === null)) return "";
  const unit = stage.name === "Plan" ? "row" : "record";
  if (stage.of === null || stage.finishedAt !== null) return plural(stage.done, unit);
  return `${count(stage.done)} of ${plural(stage.of, unit)} (${percent(stage.done, stage.of)})`;
}

export class Stages {
  private readonly list = h("ol", { class: "stages" });
  readonly element = card("stages", "Stages", this.list);
  private job: Job | null = null;
  private times: HTMLElement[] = [];

  constructor(private readonly clock: ServerClock) {}

  update(job: Job): void {
    this.job = job;
    this.times = job.stages.map(() => h("span", { class: "figure" }));
    replace(this.list, ...job.stages.map((stage, at) => {
      const place = stage.finishedAt !== null ? "done" : stage.startedAt !== null && job.row.finishedAt === null ? "running" : "ahead";
      const mark = { done: "done", running: "running", ahead: "ahead" }[place];
      return h("li", { class: place, "aria-current": place === "running" ? "step" : null },
        h("span", { class: "dot", "aria-hidden": "true" }), h("strong", {}, NAMES[stage.name] ?? stage.name), h("span", { class: "unseen" }, ` (${mark}) `), this.times[at]!,
        h("span", { class: "faint" }, amount(stage)));
    }));
    this.tick();
  }

  /** Only the times: a second has gone by. */
  tick(): void {
    if (this.job === null) return;
    const ended = this.job.row.finishedAt !== null, now = this.clock.now();
    for (const [at, stage] of this.job.stages.entries()) setText(this.times[at]!, stageText(stage, ended, now));
  }
}
