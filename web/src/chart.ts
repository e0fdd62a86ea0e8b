// A curve over time, drawn by uPlot.

import uPlot from "uplot";

import { card, h, setText } from "./dom.ts";
import { Explorer } from "./explore.ts";
import { clock, compact } from "./format.ts";
import { colour, onTheme, onWidth } from "./palette.ts";

export interface Line {
  label: string;
  /** Of the style sheet. */
  colour: string;
  filled: boolean;
}

const HEIGHT = 190;
const NOTHING = "Nothing has been measured yet.";

export class Chart {
  readonly element: HTMLElement;
  private readonly plot = h("div", { class: "plot" });
  private readonly readout = h("p", { class: "readout" });
  private readonly explorer: Explorer;
  private readonly ends: (() => void)[];
  private drawn: uPlot | null = null;
  private times: number[] = [];
  private values: (number | null)[][] = [];
  private width = 0;
  private looked: number | null = null;

  /** `text` tells the values of a moment, in the order of the lines. */
  constructor(id: string, title: string, private readonly lines: readonly Line[], private readonly text: (values: number[]) => string) {
    const legend = h("ul", { class: "legend" }, ...lines.map((line) => h("li", {}, h("span", { class: `swatch ${line.colour}` }), line.label)));
    this.empty();
    this.element = card(id, title, this.plot, this.readout, lines.length > 1 ? legend : null);
    this.explorer = new Explorer(this.plot, `${title}, one moment after the other`, {
      count: () => this.times.length,
      text: (at) => this.moment(at),
      below: (x) => this.below(x),
      look: (at) => this.look(at),
      stride: () => 1,
    });
    this.ends = [onTheme(() => this.rebuild()), onWidth(this.plot, (width) => this.resize(width))];
  }

  /** A line that is all zeros is not drawn: it would only underline the others. */
  update(times: number[], values: number[][]): void {
    this.times = times;
    this.values = values.map((line, at) => (at > 0 && line.every((value) => value === 0) ? line.map(() => null) : line));
    this.empty();
    if (this.drawn === null) this.rebuild(); else this.drawn.setData(this.data());
    this.explorer.refresh();
  }

  close(): void {
    for (const end of this.ends) end();
    this.drawn?.destroy();
    this.drawn = null;
  }

  private empty(): void { this.plot.hidden = this.times.length === 0; }

  private moment(at: number): string {
    return `${clock(new Date(this.times[at]! * 1000))}: ${this.text(this.values.map((line) => line[at] ?? 0))}`;
  }

  private look(at: number | null): void {
    this.looked = at;
    const shown = at ?? this.times.length - 1;
    setText(this.readout, shown < 0 ? NOTHING : this.moment(shown));
    this.point();
  }

  private point(): void {
    if (this.drawn === null) return;
    const time = this.looked === null ? undefined : this.times[this.looked];
    this.drawn.setCursor(time === undefined ? { left: -10, top: -10 } : { left: this.drawn.valToPos(time, "x"), top: 0 }, false);
  }

  private below(x: number): number | null {
    if (this.drawn === null || this.times.length === 0) return null;
    return this.drawn.posToIdx(x - this.drawn.over.offsetLeft);
  }

  private resize(width: number): void {
    this.width = width;
    if (this.drawn === null) this.rebuild(); else this.drawn.setSize({ width, height: HEIGHT });
  }

  private data(): uPlot.AlignedData { return [this.times, ...this.values]; }

  private rebuild(): void {
    this.drawn?.destroy();
    this.drawn = null;
    if (this.width === 0 || this.times.length === 0) return;
    this.drawn = new uPlot(this.options(), this.data(), this.plot);
    this.point();
  }

  private options(): uPlot.Options {
    const faint = colour("faint"), grid = { stroke: colour("line"), width: 1 };
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    return {
      width: this.width,
      height: HEIGHT,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      // The explorer moves the cursor, by keys as by pointer.
      cursor: { y: false, drag: { x: false, y: false }, bind: silent() },
      scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      series: [{}, ...this.lines.map((line) => series(line))],
      axes: [
        { stroke: faint, font, grid: { show: false }, ticks: { ...grid, size: 4 }, size: 28, gap: 4, space: 70, values: (_plot, splits) => splits.map((at) => label(at, splits)) },
        { stroke: faint, font, grid, ticks: { show: false }, size: 48, space: 36, values: (_plot, splits) => splits.map(compact) },
      ],
    };
  }
}

function series(line: Line): uPlot.Series {
  const stroke = colour(line.colour);
  return { label: line.label, stroke, width: 1.5, points: { show: false }, ...(line.filled ? { fill: `${stroke}26` } : {}) };
}

/** Seconds only where the marks are closer than a minute. */
function label(at: number, splits: readonly number[]): string {
  const close = splits.length > 1 && splits[1]! - splits[0]! < 60;
  return clock(new Date(at * 1000)).slice(0, close ? 8 : 5);
}

/** No handler of uPlot's own for any event of the pointer. */
function silent(): uPlot.Cursor.Bind {
  const none = (): null => null;
  return { mousedown: none, mouseup: none, click: none, dblclick: none, mousemove: none, mouseleave: none, mouseenter: none };
}
