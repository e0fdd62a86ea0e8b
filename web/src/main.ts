// Starts the page: who serves it, and which view the address asks for.

import type { About } from "./api.ts";
import { ServerClock } from "./clock.ts";
import { fill, h, replace, setText } from "./dom.ts";
import { type Filters, NO_FILTERS } from "./filters.ts";
import { clock as clockText } from "./format.ts";
import { JobView } from "./job.ts";
import { ListView } from "./list.ts";
import { Notices } from "./notice.ts";
import { listFragment, parseRoute, type Route } from "./router.ts";
import { Session } from "./session.ts";
import type { Shell, View } from "./shell.ts";
import { tokenDialog } from "./token.ts";

const AGAIN = 2_000;

const part = (id: string): HTMLElement => document.getElementById(id)!;
const notices = new Notices(part("problem"), part("says"));
const time = new ServerClock();
const main = part("main"), pulse = part("pulse");
let about: About = { version: "", place: "cluster", auth: "none", ledger: "" };
const session = new Session(document.baseURI.replace(/[?#].*$/, ""), tokenDialog(() => about.place));
let view: View | null = null;
let jobs: ListView | null = null;
let list = listFragment(NO_FILTERS);

const shell: Shell = {
  session, notices, clock: time,
  alive() {
    notices.problem(null);
    pulse.className = "live";
    setText(pulse, time.latest === null ? "Live" : `Live, updated ${clockText(time.latest)}`);
  },
  stale(why) {
    shell.rest();
    const since = time.latest === null ? "" : ` What is shown is as of ${clockText(time.latest)}.`;
    notices.problem(`${why}${since} Trying again.`);
  },
  rest() {
    pulse.className = "old";
    setText(pulse, "Not live");
  },
};

/** Asks who serves the page, until somebody answers. */
async function meet(): Promise<void> {
  try {
    about = await (await session.get("api/about", "application/json")).json() as About;
  } catch (error) {
    notices.problem(`${error instanceof Error && error.name === "Error" ? error.message : "The server does not answer."} Trying again.`);
    setTimeout(() => void meet(), AGAIN);
    return;
  }
  notices.problem(null);
  if (about.auth === "token") session.expectToken();
  replace(part("about"), `VaultStream ${about.version} `);
  fill(part("about"), h("span", {}, about.ledger));
  window.addEventListener("hashchange", route);
  route();
}

function route(): void {
  const wanted = parseRoute(location.hash);
  if (wanted.view === "list") list = listFragment(wanted.filters);
  if (wanted.view === "list" && view instanceof ListView) return view.filter(wanted.filters);
  if (wanted.view === "job" && view instanceof JobView && view.uid === wanted.uid) return view.go(wanted.section);
  const first = view === null;
  view?.close();
  notices.problem(null);
  notices.say("");
  view = make(wanted);
  replace(main, view.element);
  if (first) return;
  scrollTo(0, 0);
  view.enter();
}

function make(wanted: Route): View {
  switch (wanted.view) {
    case "list":
      document.title = "Jobs · VaultStream";
      jobs ??= new ListView(keep, shell);
      jobs.open(wanted.filters);
      return jobs;
    case "job":
      document.title = "Job · VaultStream";
      return new JobView(wanted.uid, wanted.section, list, shell);
    case "unknown": {
      document.title = "Not here · VaultStream";
      const heading = h("h1", { tabindex: -1 }, "There is nothing here");
      return { enter: () => heading.focus(), element: h("div", { class: "headline" }, heading, h("p", {}, h("a", { href: list }, "All jobs"))), close: () => undefined };
    }
  }
}

/** The address has the filters, without a step in the history for each letter. */
function keep(filters: Filters): void {
  list = listFragment(filters);
  history.replaceState(null, "", list);
}

// Each view puts itself where it was left.
history.scrollRestoration = "manual";
part("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
void meet();
