// Asks for the token. It goes from the field into the session, and the field is emptied.

import type { About } from "./api.ts";
import { h, setText } from "./dom.ts";
import type { Ask } from "./session.ts";

const HELP: Record<About["place"], string> = {
  cluster: "A bearer token of somebody who may read SigningJobs, such as one that kubectl create token NAME prints. You see the jobs of the namespaces in which it may do that.",
  laptop: "The token that the program printed when it started.",
};

export function tokenDialog(place: () => About["place"]): Ask {
  const field = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "token-help token-error" });
  const help = h("p", { id: "token-help", class: "faint" });
  const error = h("p", { id: "token-error", class: "bad-text", role: "alert" });
  const form = h("form", {},
    h("h2", { id: "token-title" }, "This page needs a token"), h("label", { for: "token" }, "Token"), field, error, help,
    h("p", { class: "faint" }, "It is kept in the memory of this page only, and gone when the page is closed or loaded anew."),
    h("button", { type: "submit", class: "primary" }, "Show the page"));
  const dialog = h("dialog", { "aria-labelledby": "token-title" }, form);
  // Without a token there is nothing to go back to.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  return (why) => new Promise((resolve) => {
    setText(help, HELP[place()]);
    setText(error, why ?? "");
    const submit = (event: Event): void => {
      event.preventDefault();
      const token = field.value.trim();
      if (token === "") return;
      field.value = "";
      form.removeEventListener("submit", submit);
      dialog.removeEventListener("close", reopen);
      dialog.close();
      resolve(token);
    };
    const reopen = (): void => dialog.showModal();
    form.addEventListener("submit", submit);
    dialog.addEventListener("close", reopen);
    dialog.showModal();
    field.focus();
  });
}
