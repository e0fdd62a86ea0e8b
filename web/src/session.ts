// Requests to the server. The token is in this object and nowhere else: not in a URL, not in storage.

/** The server's own word on why it gives nothing. */
export class Refused extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

/** Asks the person for a token; why is what the server said of the last one. */
export type Ask = (why: string | null) => Promise<string>;

export class Session {
  private token: string | null = null;
  private asking: Promise<void> | null = null;

  constructor(private readonly base: string, private readonly ask: Ask, private needsToken = false) {}

  /** From now on requests wait for a token: the first one need not be refused. */
  expectToken(): void { this.needsToken = true; }

  /** A response that is good. Without the right token it asks for one, as often as it takes. */
  async get(path: string, accept: string, signal: AbortSignal | null = null): Promise<Response> {
    if (this.needsToken && this.token === null) await this.renew(null);
    for (;;) {
      const used = this.token;
      const headers: Record<string, string> = { Accept: accept };
      if (used !== null) headers["Authorization"] = `Bearer ${used}`;
      const response = await fetch(new URL(path, this.base), { headers, signal, cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" });
      if (response.ok) return response;
      const message = await sentence(response);
      if (response.status !== 401) throw new Refused(response.status, message);
      // Another request may have brought a new one while this was on its way.
      if (used === this.token) await this.renew(used === null ? null : message);
    }
  }

  /** One question at a time, however many requests wait for its answer. */
  private renew(why: string | null): Promise<void> {
    this.asking ??= this.ask(why).then((token) => { this.token = token; }).finally(() => { this.asking = null; });
    return this.asking;
  }
}

async function sentence(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "error" in body && typeof body.error === "string") return body.error;
  return `The server answered with status ${response.status}.`;
}
