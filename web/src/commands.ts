// The command line for each action: the page itself changes nothing.

import type { Commands } from "./api.ts";
import { copyable } from "./copy.ts";
import { card, h } from "./dom.ts";
import { Keyed } from "./keyed.ts";
import type { Notices } from "./notice.ts";

type Command = Commands["commands"][number];

export class CommandList {
  private readonly list = h("ul", { class: "commands" });
  private readonly rows: Keyed<Command>;
  readonly element = card("commands", "Commands", h("p", { class: "faint" }, "For a terminal. The page itself changes nothing."), this.list);

  constructor(notices: Notices) {
    this.rows = new Keyed<Command>(this.list, (one) => `${one.title} ${one.command}`, (one) => ({
      element: h("li", {}, h("span", {}, one.title), copyable(`the command ${one.title}`, one.command, notices)),
      update: () => undefined,
    }));
  }

  update(commands: Commands): void { this.rows.update(commands.commands); }
}
