// What every view is given.

import type { ServerClock } from "./clock.ts";
import type { Notices } from "./notice.ts";
import type { Session } from "./session.ts";

export interface Shell {
  session: Session;
  notices: Notices;
  clock: ServerClock;
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
  /** Nobody looks at it any more. */
  close(): void;
}
