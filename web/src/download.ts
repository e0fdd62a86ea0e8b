// Files from the server: fetched, because a link cannot send a token, and then saved.

import { button, h, setText } from "./dom.ts";
import { Refused } from "./session.ts";
import type { Shell } from "./shell.ts";

/** Only what every system has in names of files. */
export const fileName = (name: string): string => name.replace(/[^\w.-]+/g, "_").replace(/^\.+/, "").slice(0, 120) || "file";

/** A button that saves a file, and the reason beside it when it cannot. */
export function download(label: string, path: string, name: string, shell: Shell, attributes: Record<string, string> = {}): HTMLElement {
  const wrong = h("span", { class: "bad-text" });
  const element = button(label, () => void act(), attributes);
  const act = async (): Promise<void> => {
    element.disabled = true;
    setText(wrong, "");
    try {
      const response = await shell.session.get(path, "*/*");
      save(await response.blob(), fileName(named(response) ?? name));
      shell.notices.say("Saved");
    } catch (error) {
      const why = `Not saved: ${error instanceof Refused ? error.message : "the connection to the server is lost."}`;
      setText(wrong, why);
      shell.notices.say(why);
    } finally {
      element.disabled = false;
    }
  };
  return h("span", { class: "download" }, element, wrong);
}

/** The name that the server gives it. */
function named(response: Response): string | null {
  return /filename="([^"\\]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? null;
}

function save(blob: Blob, name: string): void {
  const link = h("a", { download: name });
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
