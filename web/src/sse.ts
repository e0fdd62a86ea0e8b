// Server-sent events out of bytes that may be cut anywhere (WHATWG HTML, 9.2.6).

export class EventParser {
  private readonly decoder = new TextDecoder();
  private rest = "";
  /** A carriage return ended the last piece: a line feed that follows belongs to it. */
  private afterReturn = false;
  private type = "";
  private data: string[] = [];

  constructor(private readonly event: (type: string, data: string) => void) {}

  push(bytes: Uint8Array): void {
    let text = this.decoder.decode(bytes, { stream: true });
    if (text === "") return;
    if (this.afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.afterReturn = text === "" ? false : text.endsWith("\r");
    const lines = (this.rest + text).split(/\r\n|\r|\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    // A comment is a field without a name.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.type = value;
    if (field === "data") this.data.push(value);
  }

  private dispatch(): void {
    const { type, data } = this;
    this.type = "";
    this.data = [];
    if (data.length > 0) this.event(type === "" ? "message" : type, data.join("\n"));
  }
}
