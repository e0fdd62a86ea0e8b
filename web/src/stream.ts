// A stream of events that is opened again whenever it ends. It is read by fetch, because EventSource cannot send a token.

import { Refused, type Session } from "./session.ts";
import { EventParser } from "./sse.ts";

export interface Listener {
  /** Something came; data is parsed JSON. */
  event(type: string, data: unknown): void;
  /** The connection is gone; another attempt follows by itself. */
  lost(why: string): void;
  /** The server says no, and will say it again. */
  refused(status: number, why: string): void;
}

export interface Timing {
  /** Milliseconds before the second attempt; each further one waits twice as long, until `last`. */
  first: number;
  last: number;
  /** A connection that brings nothing for so long, not even a comment, is dead. */
  silence: number;
}
const TIMING: Timing = { first: 1_000, last: 15_000, silence: 45_000 };

/** Listens until the function that it returns is called. */
export function listen(session: Session, path: string, listener: Listener, timing: Timing = TIMING): () => void {
  const end = new AbortController();
  void follow(session, path, listener, timing, end.signal);
  return () => end.abort();
}

async function follow(session: Session, path: string, listener: Listener, timing: Timing, end: AbortSignal): Promise<void> {
  let wait = timing.first;
  while (!end.aborted) {
    const got = await attempt(session, path, listener, timing, end);
    if (end.aborted) return;
    if (got.error instanceof Refused && [403, 404].includes(got.error.status)) return listener.refused(got.error.status, got.error.message);
    if (got.events > 0) wait = timing.first;
    listener.lost(got.error instanceof Refused ? got.error.message : "The connection to the server is lost.");
    // A spread, so that the pages of many people do not come back in one moment.
    await pause(wait * (0.75 + Math.random() / 2), end);
    wait = Math.min(wait * 2, timing.last);
  }
}

interface Attempt { events: number; error: unknown }

async function attempt(session: Session, path: string, listener: Listener, timing: Timing, end: AbortSignal): Promise<Attempt> {
  const result: Attempt = { events: 0, error: null };
  const cut = new AbortController();
  const stop = (): void => cut.abort();
  end.addEventListener("abort", stop);
  let watch: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    clearTimeout(watch);
    watch = setTimeout(stop, timing.silence);
  };
  try {
    const response = await session.get(path, "text/event-stream", cut.signal);
    const parser = new EventParser((type, data) => {
      if (end.aborted) return;
      listener.event(type, JSON.parse(data));
      result.events += 1;
    });
    heard();
    if (response.body !== null) await drain(response.body, parser, heard);
  } catch (error) {
    result.error = error;
  } finally {
    clearTimeout(watch);
    end.removeEventListener("abort", stop);
    cut.abort();
  }
  return result;
}

async function drain(body: ReadableStream<Uint8Array>, parser: EventParser, heard: () => void): Promise<void> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    parser.push(value);
  }
}

function pause(milliseconds: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish(): void {
      clearTimeout(timer);
      end.removeEventListener("abort", finish);
      resolve();
    }
    end.addEventListener("abort", finish);
  });
}
