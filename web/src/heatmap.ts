// The heat map's picture: a square for each cell, filled from below by what is signed, then in flight.

import type { Batches } from "./api.ts";
import { card, h, setText } from "./dom.ts";
import { Explorer } from "./explore.ts";
import { count } from "./format.ts";
import { cellAt, cellText, layout, type Layout, totals, totalText } from "./heat.ts";
import { colour, onTheme, onWidth } from "./palette.ts";

const LEGEND = [["signed", "Signed"], ["inFlight", "In flight"], ["planned", "Planned"], ["rejected", "With rejects"], ["failing", "Failed at least once"]] as const;

export class HeatMap {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly picture = h("div", { class: "heat" }, this.canvas);
  private readonly summary = h("p", { class: "faint" });
  private readonly readout = h("p", { class: "readout" });
  private readonly numbers = LEGEND.map(() => h("span", { class: "figure" }));
  private readonly legend = h("ul", { class: "legend" },
    ...LEGEND.map(([name, label], at) => h("li", {}, h("span", { class: `swatch ${name}` }), `${label} `, this.numbers[at]!)));
  private readonly explorer: Explorer;
  private readonly ends: (() => void)[];
  private batches: Batches | null = null;
  private width = 0;
  private place: Layout = layout(1, 1);
  private looked: number | null = null;

  constructor() {
    this.element = card("batches", "Batches", this.summary, this.picture, this.readout, this.legend);
    this.explorer = new Explorer(this.picture, "Batches, one square after the other", {
      count: () => this.batches?.signed.length ?? 0,
      text: (at) => (this.batches === null ? "" : cellText(this.batches, at)),
      below: (x, y) => cellAt(x, y, this.batches?.signed.length ?? 0, this.place),
      look: (at) => this.look(at),
      stride: () => this.place.columns,
    });
    this.ends = [onTheme(() => this.draw()), onWidth(this.picture, (width) => { this.width = width; this.draw(); })];
  }

  update(batches: Batches): void {
    this.batches = batches;
    this.picture.hidden = batches.count === 0;
    this.legend.hidden = batches.count === 0;
    setText(this.summary, totalText(batches));
    const all = totals(batches);
    for (const [at, [name]] of LEGEND.entries()) setText(this.numbers[at]!, count(all[name]));
    this.draw();
    this.explorer.refresh();
  }

  close(): void { for (const end of this.ends) end(); }

  private look(at: number | null): void {
    const changed = this.looked !== at;
    this.looked = at;
    const cells = this.batches?.signed.length ?? 0;
    setText(this.readout, at !== null && this.batches !== null ? cellText(this.batches, at) : cells === 0 ? "" : "Point at a square, or focus the map and use the arrow keys.");
    if (changed) this.draw();
  }

  private draw(): void {
    const { batches, canvas } = this;
    if (batches === null || this.width === 0) return;
    const cells = batches.signed.length;
    this.place = layout(cells, this.width);
    const { columns, rows, cell, gap } = this.place;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [columns * (cell + gap) - gap, Math.max(rows * (cell + gap) - gap, 0)];
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== across || canvas.height !== down) {
      [canvas.width, canvas.height] = [across, down];
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d");
    if (pen === null) return;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const paint = painter(pen, batches, cell);
    for (let at = 0; at < cells; at++) paint(at, (at % columns) * (cell + gap), Math.floor(at / columns) * (cell + gap));
    if (this.looked !== null && this.looked < cells) frame(pen, this.looked, this.place);
  }
}

function painter(pen: CanvasRenderingContext2D, batches: Batches, cell: number): (at: number, x: number, y: number) => void {
  const [planned, inFlight, signed, rejected, failing] = ["planned", "in-flight", "accent", "bad-mark", "warn-mark"].map(colour) as [string, string, string, string, string];
  const mark = Math.max(3, Math.round(cell / 3)), edge = colour("card");
  const part = (amount: number, of: number): number => (amount === 0 ? 0 : Math.max(1, Math.round((cell * amount) / of)));
  return (at, x, y) => {
    const value = (values: readonly number[]): number => values[at] ?? 0;
    const all = value(batches.planned) + value(batches.inFlight) + value(batches.signed) || 1;
    const done = value(batches.planned) + value(batches.inFlight) === 0 ? cell : Math.min(part(value(batches.signed), all), cell - 1);
    const under = Math.min(part(value(batches.inFlight), all), cell - done);
    pen.fillStyle = planned;
    pen.fillRect(x, y, cell, cell);
    pen.fillStyle = signed;
    pen.fillRect(x, y + cell - done, cell, done);
    pen.fillStyle = inFlight;
    pen.fillRect(x, y + cell - done - under, cell, under);
    // Marks that differ by place, too, for those who do not tell the colours apart; at least a little square, however few they are.
    const height = (amount: number): number => Math.min(Math.max(mark, part(amount, all)), cell);
    const red = height(value(batches.rejected)), amber = height(value(batches.failing));
    if (value(batches.rejected) > 0) spot(pen, [x + cell - mark, y, mark, red], [rejected, edge], [-1, 0, 1, 1]);
    if (value(batches.failing) > 0) spot(pen, [x, y + cell - amber, mark, amber], [failing, edge], [0, -1, 1, 1]);
  };
}

type Four = [number, number, number, number];

/** A mark with a line between it and what it lies on. */
function spot(pen: CanvasRenderingContext2D, [x, y, width, height]: Four, [mark, edge]: [string, string], [left, top, wide, high]: Four): void {
  pen.fillStyle = edge;
  pen.fillRect(x + left, y + top, width + wide, height + high);
  pen.fillStyle = mark;
  pen.fillRect(x, y, width, height);
}

function frame(pen: CanvasRenderingContext2D, at: number, { columns, cell, gap }: Layout): void {
  pen.strokeStyle = colour("text");
  pen.lineWidth = 2;
  pen.strokeRect((at % columns) * (cell + gap), Math.floor(at / columns) * (cell + gap), cell, cell);
}
