// A job's page. Each event of its stream replaces one section.

import type { Curve, Job, Problem, Sections, Workers } from "./api.ts";
import { CommandList } from "./commands.ts";
import { Curves, curveText } from "./curves.ts";
import { h, replace, setText } from "./dom.ts";
import { EventTable } from "./events.ts";
import { Facts } from "./facts.ts";
import { Contents, Headline, windowTitle } from "./headline.ts";
import { HeatMap } from "./heatmap.ts";
import { KeyTable } from "./keys.ts";
import { CheckpointTable, ReceiptCard, Verdict } from "./proof.ts";
import { RejectTable } from "./rejects.ts";
import { jobFragment } from "./router.ts";
import type { Shell, View } from "./shell.ts";
import { Stages } from "./stages.ts";
import { listen } from "./stream.ts";

type Handlers = { [Name in keyof Sections]: (data: Sections[Name]) => void };

export class JobView implements View {
  readonly element: HTMLElement;
  private readonly headline: Headline;
  private readonly waiting = h("p", { class: "faint" }, "Loading…");
  private readonly body: HTMLElement;
  private readonly curves = new Curves();
  private readonly curveText = h("p", { class: "unseen" });
  private readonly heat = new HeatMap();
  private readonly stages: Stages;
  private readonly keys: KeyTable;
  private readonly rejects = new RejectTable();
  private readonly verdict: Verdict;
  private readonly receipt: ReceiptCard;
  private readonly checkpoints: CheckpointTable;
  private readonly events = new EventTable();
  private readonly commands: CommandList;
  private readonly facts: Facts;
  private readonly contents: Contents;
  private readonly stop: () => void;
  private readonly ticking: ReturnType<typeof setInterval>;
  private job: Job | null = null;
  private workers: Workers | null = null;
  private section: string | null;
  private entered = false;

  constructor(readonly uid: string, section: string | null, back: string, private readonly shell: Shell) {
    const { clock, notices } = shell;
    const name = (): string => this.job?.row.name ?? uid;
    this.section = section;
    this.headline = new Headline(notices);
    this.stages = new Stages(clock);
    this.keys = new KeyTable(clock);
    this.receipt = new ReceiptCard(uid, name, shell);
    this.checkpoints = new CheckpointTable(uid, name, shell);
    this.verdict = new Verdict(notices);
    this.commands = new CommandList(notices);
    this.facts = new Facts(notices);
    this.contents = this.links();
    this.body = this.build();
    this.body.hidden = true;
    this.element = h("div", { class: "job" }, h("nav", { "aria-label": "Way back" }, h("a", { href: back }, "← All jobs")), this.waiting, this.body);
    this.stop = listen(shell.session, `api/jobs/${encodeURIComponent(uid)}`, {
      event: (type, data) => this.event(type, data),
      lost: (why) => shell.stale(why),
      refused: (status, why) => this.refused(status, why),
    });
    this.ticking = setInterval(() => this.tick(), 1_000);
  }

  close(): void {
    this.stop();
    clearInterval(this.ticking);
    this.curves.close();
    this.heat.close();
  }

  enter(): void {
    this.entered = true;
    if (this.job !== null) this.headline.heading.focus({ preventScroll: true });
  }

  /** Goes to a section once there is something in it. */
  go(section: string | null): void {
    this.section = section;
    if (section === null || this.job === null) return;
    const heading = this.element.querySelector<HTMLElement>(`#${CSS.escape(section)}-title`);
    heading?.focus({ preventScroll: true });
    heading?.parentElement?.scrollIntoView();
  }

  private build(): HTMLElement {
    const { stages, curves, heat, verdict, receipt, checkpoints, keys, rejects, events, commands, facts } = this;
    return h("div", {}, this.headline.element, this.contents.element,
      h("div", { class: "pair" }, verdict.element, receipt.element), stages.element, this.curveText,
      h("div", { class: "pair" }, curves.rate.element, curves.backlog.element), heat.element, keys.element, rejects.element, checkpoints.element, events.element,
      h("div", { class: "pair" }, commands.element, facts.element));
  }

  private links(): Contents {
    return new Contents([
      [this.verdict.element, "Verification"], [this.receipt.element, "Receipt"], [this.stages.element, "Stages"],
      [this.curves.rate.element, "Rate"], [this.curves.backlog.element, "Backlog"],
      [this.heat.element, "Batches"], [this.keys.element, "Keys"], [this.rejects.element, "Rejects"], [this.checkpoints.element, "Checkpoints"], [this.events.element, "Events"],
      [this.commands.element, "Commands"], [this.facts.element, "This job"],
    ], (id) => jobFragment(this.uid, id), (id) => this.go(id));
  }

  private readonly handlers: Handlers = {
    job: (job) => this.show(job),
    curve: (curve) => this.curve(curve),
    batches: (batches) => this.heat.update(batches),
    keys: (keys) => this.keys.update(keys),
    rejects: (rejects) => this.rejects.update(rejects),
    checkpoints: (checkpoints) => this.checkpoints.update(checkpoints),
    receipt: (receipt) => this.receipt.update(receipt),
    verification: (verification) => {
      this.verdict.update(verification);
      this.receipt.judge(verification);
    },
    workers: (workers) => this.work(workers),
    events: (events) => this.events.update(events),
    commands: (commands) => this.commands.update(commands),
  };

  /** Which sections are there depends on more than one event. */
  private arrange(): void {
    const ended = this.job !== null && this.job.row.finishedAt !== null;
    this.verdict.show(ended);
    this.receipt.show(ended);
    this.checkpoints.show(this.job?.row.following ?? false);
    this.contents.update();
  }

  private event(type: string, data: unknown): void {
    if (type === "problem") return this.shell.stale((data as Problem).error);
    // What a later server tells besides is not for this page.
    if (!Object.hasOwn(this.handlers, type)) return;
    try {
      (this.handlers[type as keyof Sections] as (data: unknown) => void)(data);
    } catch (error) {
      // One section that cannot be shown takes none of the others with it.
      console.error(error);
      return this.shell.notices.problem(`What the server tells of "${type}" cannot be shown.`);
    }
    this.arrange();
    this.shell.alive();
  }

  private show(job: Job): void {
    const first = this.job === null;
    this.job = job;
    this.shell.clock.set(job.at);
    this.headline.update(job, this.workers);
    this.stages.update(job);
    this.facts.update(job);
    document.title = windowTitle(job.row);
    if (!first) return;
    this.waiting.hidden = true;
    this.body.hidden = false;
    if (this.entered) this.enter();
    this.go(this.section);
  }

  private work(workers: Workers): void {
    this.workers = workers;
    if (this.job !== null) this.headline.workers(this.job.row, workers);
  }

  private curve(curve: Curve): void {
    this.curves.update(curve);
    setText(this.curveText, curveText(curve));
  }

  private refused(status: number, why: string): void {
    const heading = h("h1", { tabindex: -1 }, status === 404 ? "There is no such job here" : "This job is not shown to you");
    replace(this.body, h("div", { class: "headline" }, heading, h("p", { class: "lead" }, why)));
    this.body.hidden = false;
    this.waiting.hidden = true;
    this.shell.notices.problem(null);
    this.shell.rest();
    heading.focus();
  }

  private tick(): void {
    if (document.hidden) return;
    this.stages.tick();
    this.keys.tick();
  }
}
