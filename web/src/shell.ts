// What every view is given.

import type { About } from "./api.ts";
import type { ServerClock } from "./clock.ts";
import type { Notices } from "./notice.ts";
import type { Session } from "./session.ts";

export interface Shell {
  session: Session;
  notices: Notices;
  clock: ServerClock;
  about: About;
  /** Something came from the server: what is shown is of its time. */
  alive(): void;
  /** What is shown gets old. */
  stale(why: string): void;
  /** Nothing will come. */
  rest(): void;
}

export interface View {
  element: HTMLElement;
  /** Puts keyboard and screen reader at its top, as soon as there is something to read. */
  enter(): void;
  close(): void;
}
