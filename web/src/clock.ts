// The server's time. This machine's may be wrong, and leases and durations are told in the server's.

export class ServerClock {
  private ahead = 0;
  private last: Date | null = null;

  /** What an event says of its time. */
  set(at: string): void {
    const date = new Date(at);
    if (Number.isNaN(date.getTime())) return;
    this.last = date;
    this.ahead = date.getTime() - Date.now();
  }

  /** Milliseconds since 1970, as the server has them now. */
  now(): number { return Date.now() + this.ahead; }

  /** When the last event was made. */
  get latest(): Date | null { return this.last; }
}
