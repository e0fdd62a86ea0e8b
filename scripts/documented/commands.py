"""Finds the commands of the documents, runs them as they are written there, and keeps account of them.

A command is what follows "$ " in a console block, what a sample has indented in its comments, and what stands between backticks in
running text and begins with one of WORDS.
"""
import glob
import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from itertools import zip_longest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
WORDS = r"(make|(?:\./)?vaultstream|kubectl|helm|psql|pg_dump|openssl|SELECT|GRANT)\s"
# With fewer commands than these, the documents are not understood any more.
LEAST = {"README.md": 20, "docs/tutorial.md": 14, "docs/how-to": 25, "docs/operations.md": 35, "config/samples": 7}
# Nothing else is left out.
SKIPPED = {
    r"make (test|e2e)$": "it tests, and CI runs it",
    r"make kind-(up|down)$": "needs Docker and kind; the commands between them run on the project's own node",
    r"make quick-start-web$": "it is make quick-start with more records and a page, which the tests of the live page look at",
    r"(\./)?vaultstream (run --web|ui)\b": "it serves a page until Ctrl-C; the tests of the live page look at one",
    r"(make bench(-follow)?|\./vaultstream bench)$": "it measures, for minutes, and wants the machine for itself",
    r"openssl speed$": "it measures",
    r"make (build|dist)$": "it builds, as this check has done before",
    r"(bao|vaultstream keys rewrap --kek-url) ": "needs Vault or OpenBao, or a KMS; the tests of custody have them",
    r"(\./)?vaultstream (source |run -f config/samples/follow\.yaml)|kubectl (apply -f config/samples/follow|get signingjob orders)":
        "a job that follows a table does not end; the tests of following have a table that grows",
    r"vaultstream (export|verify) --(job (orders|NAME)|bundle orders\.vsb)": "needs a job that follows a table, as above",
    r"kubectl (apply --server-side -k deploy|create -f deploy/|delete -k deploy|-n vaultstream-system wait .*job/vaultstream-leave)":
        "the chart's manifests without helm, which make e2e compares with what it renders",
    r"kubectl -n vaultstream-system logs job/vaultstream-migrate$": "there is nothing to read unless an upgrade was refused",
}
# Documents whose commands need what this machine cannot have. Their manifests and values are checked all the same: manifests.py.
ELSEWHERE = {
    "docs/how-to/air-gap.md": "needs the files of a release and a registry",
    "docs/how-to/argo-cd.md": "needs Argo CD",
    "docs/how-to/aws-rds.md": "needs AWS",
    "docs/how-to/cloud-sql.md": "needs Google Cloud",
    "docs/how-to/cloudnativepg.md": "needs CloudNativePG and images of NATS",
    "docs/how-to/keda.md": "needs KEDA's chart; make test-keda tests with KEDA itself",
    "docs/how-to/openshift.md": "needs OpenShift",
    "docs/how-to/pgbouncer.md": "the tests of poolers have a PgBouncer",
}
# What stands for something else in the documents, and what it is here; "printed" is the last line that a command printed.
FILLED_IN = {
    ":…@": ":{password}@",
    "OWNER": "vaultstream",
    "KEY_ID": "{printed}",
    "kek.ID": "kek.{printed}",
    " NAME": " invoices",
    "-n …": "-n default",
    "SELECT ON …": "SELECT ON public.invoices",
    "job_id = …": "job_id = (SELECT max(id) FROM vaultstream.jobs)",
}
SHOWN_LINES = 12


class Failed(Exception):
    """A document is wrong, or the program is."""


@dataclass
class Command:
    document: str
    section: str
    text: str
    in_prose: bool = False
    # What the document shows below it.
    answer: list = field(default_factory=list)
    # Empty until it ran or was left out.
    outcome: str = ""

    @property
    def is_for_a_cluster(self):
        return (self.document in ("docs/operations.md", "config/samples/table.yaml") or self.section == "On Kubernetes"
                or re.match("kubectl|helm", self.text) is not None)


def is_complete(text):
    return not text.endswith("\\") and subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).returncode == 0


def in_console(block):
    """Pairs of a command and what is shown below it."""
    found, draft = [], None
    for line in block.splitlines():
        if draft is None and line.startswith("$ "):
            draft = line[2:]
        elif draft is not None:
            draft += "\n" + line
        elif found:
            found[-1][1].append(line)
        if draft is not None and is_complete(draft):
            found.append((re.sub(r"\s+# .*$", "", draft), []))
            draft = None
    if draft is not None:
        raise Failed(f"a command has no end: {draft}")
    return found


def in_markdown(document, text):
    section = ""
    pieces = re.split(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    for prose, language, block in zip_longest(pieces[::3], pieces[1::3], pieces[2::3]):
        for paragraph in re.split(r"\n(?=#|\n)", prose):
            if heading := re.match(r"\n*#+ (.*)", paragraph):
                section, paragraph = heading[1], paragraph[heading.end():]
            for code in re.findall("`([^`]+)`", paragraph):
                if re.match(WORDS, code):
                    yield Command(document, section, " ".join(code.split()), in_prose=True)
        if language == "console":
            for command, answer in in_console(block):
                yield Command(document, section, command, answer=answer)


def in_comments(document, text):
    for line in re.findall(r"^# {3}(\S.*)$", text, re.MULTILINE):
        if re.match(WORDS, line):
            yield Command(document, document, re.sub(r"\s+# .*$", "", line))


def bare(text):
    return re.sub(r"^(\w+=\S+\s+(\\\s+)?)*(\./)?", "", text)


def find_all():
    found = []
    for document in ["README.md", "docs/tutorial.md", *sorted(glob.glob("docs/how-to/*.md", root_dir=ROOT)), "docs/operations.md",
                     *sorted(glob.glob("config/samples/*.yaml", root_dir=ROOT))]:
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            found += (in_markdown if document.endswith(".md") else in_comments)(document, file.read())
    for where, least in LEAST.items():
        count = sum(command.document.startswith(where) for command in found)
        if count < least:
            raise Failed(f"only {count} commands were found in {where}, not {least}")
    for command in found:
        why = ELSEWHERE.get(command.document) or next((why for what, why in SKIPPED.items() if re.match(what, command.text)), "")
        command.outcome = why and f"SKIPPED, {why}"
    # Prose that only names a command which stands elsewhere in full, maybe behind variables, or by the path that a clone has.
    whole = [bare(command.text) for command in found if not command.in_prose and not command.outcome]
    for command in found:
        if command.in_prose and not command.outcome and any(text.startswith(bare(command.text)) for text in whole):
            command.outcome = "named"
    return found


class Reader:
    """A reader who does what the documents say, in a folder of their own."""

    def __init__(self, commands, folder, environment):
        self.commands = commands
        self.folder = folder
        self.environment = environment
        self.facts = {}
        print("In the documents, and here:")
        for there, here in FILLED_IN.items():
            if any(there in command.text for command in commands):
                print(f"  {there.strip():<12} {here.strip()}")

    def does(self, section, *beginnings):
        """The next commands of a section, which begin with these words; returns what the last of them said."""
        said = ""
        for beginning in beginnings:
            said = self.run(self.next_of(section, beginning))
        return said

    def next_of(self, section, beginning):
        command = next((each for each in self.commands if each.section == section and not each.outcome), None)
        if command is None or not command.text.startswith(beginning):
            raise Failed(f"{section}: what comes next is {command and command.text!r} and not {beginning!r}")
        return command

    def leaves_running(self, section, beginning):
        """The next command of a section, which ends with an ampersand: a process, for the caller to end."""
        command = self.next_of(section, beginning)
        print(f"\n$ {command.text}", flush=True)
        command.outcome = "ran"
        return subprocess.Popen(shlex.split(command.text.removesuffix("&")), env=self.environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def does_the_rest_of(self, section):
        for command in self.commands:
            if command.section == section and not command.outcome:
                self.run(command)

    def run(self, command):
        words = command.text
        for there, here in FILLED_IN.items():
            if there in words:
                words = words.replace(there, here.format(**self.facts))
        print(f"\n$ {command.text}", flush=True)
        if "…" in words:
            raise Failed(f"{command.document}: it is not known what … stands for in {command.text}")
        arguments = ["bash", "-eo", "pipefail", "-c", words]
        if re.match("SELECT|GRANT", words):
            arguments = ["psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-c", words]
        # Whoever watches has seen enough after a while.
        watches = re.search(r" (-w|--watch)$", words) is not None
        done = subprocess.run(["timeout", "--kill-after=10", "10" if watches else "540", *arguments], env=self.environment,
                              cwd=ROOT if words.startswith("make ") else self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, check=False)
        lines = done.stdout.splitlines()
        print("\n".join(lines[:SHOWN_LINES] + [f"… and {len(lines) - SHOWN_LINES} lines more"] * (len(lines) > SHOWN_LINES)), flush=True)
        if done.returncode != (124 if watches else 0):
            raise Failed(f"{command.document}: status {done.returncode} of {command.text}")
        for shown in filter(None, (re.split(r"\s{2,}", line.strip())[0] for line in command.answer)):
            if shown not in done.stdout:
                raise Failed(f"{command.document} shows {shown!r}, which it did not print")
        self.facts["printed"] = next(filter(None, reversed(lines)), self.facts.get("printed"))
        command.outcome = "ran"
        return done.stdout

    def finish(self):
        """Each command must have run, or be told."""
        ran = {command.text for command in self.commands if command.outcome == "ran"}
        print()
        for command in self.commands:
            if command.text in ran:
                command.outcome = "ran"
            if command.outcome.startswith("SKIPPED"):
                print(f"{command.outcome}: {command.text}  ({command.document})")
        left = [f"{command.document}: {command.text}" for command in self.commands if not command.outcome]
        if left:
            raise Failed("\n  ".join(["these neither ran nor were left out:", *left]))
        return len(ran)


def skip(commands, why):
    for command in commands:
        print(f"{command.outcome if command.outcome.startswith('SKIPPED') else f'SKIPPED, {why}'}: {command.text}  ({command.document})")
