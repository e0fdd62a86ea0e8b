"""The story of a reader of the documents, on a cluster: a release with servers of its own, one with theirs, its end."""
import json
import os
import re
import time
import urllib.error
import urllib.request

import manifests
from commands import ROOT, Failed
from servers import POSTGRES, Servers, run

NAMESPACE = "vaultstream-system"


def tell(what):
    print(f"\n-- {what}", flush=True)


def kubectl(*arguments, **options):
    return run("kubectl", *arguments, **options)


def get(*arguments):
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def expect(fact, what):
    if not fact:
        raise Failed(what)
    tell(f"as it should be: {what}")


def until(what, look, seconds=180):
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise Failed(f"in vain for {seconds} s: {what}\n{kubectl('get', 'signingjobs,pods', '-A', '-o', 'wide')}\n"
                         f"{kubectl('describe', 'signingjobs', '-A')}")
        time.sleep(1)
    tell(f"as it should be: {what}")
    return found


def status(job, *path):
    found = get("signingjob", job).get("status", {})
    for name in path:
        found = (found or {}).get(name)
    return found


def is_condition(job, kind, value, reason=None):
    return any(each["type"] == kind and each["status"] == value and reason in (None, each["reason"]) for each in status(job, "conditions") or [])


def until_complete(job, **options):
    until(f"{job} is Complete", lambda: is_condition(job, "Complete", "True"), **options)


def running():
    return get("pods", "-A", "--field-selector=status.phase!=Succeeded")["items"]


def until_signed_more(records):
    def signed():
        return status("invoices", "records", "signed") or 0

    least = signed() + records
    until(f"{records} records more are signed", lambda: signed() >= least)


def workers(job):
    return [pod["metadata"]["name"] for pod in get("pods", "-l", f"vaultstream.dev/job={job}")["items"]]


def starts(job):
    """How often workers were started again."""
    found = get("pods", "-l", f"vaultstream.dev/job={job}")["items"]
    return sum(each["restartCount"] for pod in found for each in pod["status"].get("containerStatuses", []))


def story(reader):
    with_servers_of_its_own(reader)
    leave(reader)
    with_volumes(reader)
    servers = Servers(reader.folder)
    try:
        servers.start()
        reader.environment |= servers.environment()
        reader.facts["password"] = servers.password
        with_your_servers(reader)
    finally:
        servers.stop()


def with_servers_of_its_own(reader):
    tell("a release with servers of its own")
    said = reader.does("Install", "helm install", "helm test")
    expect("verified     1,000" in said, "helm test has verified 1,000 records")
    manifests.check(tell)
    reader.does("On Kubernetes", "kubectl apply")
    until("a HorizontalPodAutoscaler scales the job", lambda: status("autoscaling", "scalingMode") == "HPA")
    reader.does("On Kubernetes", "kubectl get signingjobs", "kubectl get hpa")
    reader.does_the_rest_of("config/samples/autoscaling.yaml")
    reader.does_the_rest_of("config/samples/quick-start.yaml")
    until_complete("quick-start")
    reader.does("Follow a table", "kubectl get sj")
    in_a_browser(reader)


def in_a_browser(reader):
    tell("the page, as a browser asks for it")
    section = "Watch jobs in a browser"
    token = reader.does(section, "kubectl create serviceaccount", "kubectl create rolebinding", "kubectl create token").strip()
    forward = reader.leaves_running(section, "kubectl port-forward")
    try:
        until("the page is there", lambda: "<title>VaultStream" in page("/ui/"), seconds=30)
        expect("quick-start" in page("/ui/api/jobs", token), "it has the jobs that the token may list")
        expect(refusal("/ui/api/jobs", "another") == 401, "it refuses another token")
    finally:
        forward.terminate()
        forward.wait()


def asked(path, token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return urllib.request.urlopen(urllib.request.Request(f"http://localhost:8080{path}", headers=headers), timeout=10)


def page(path, token=None):
    """The beginning of what the page's server answers; empty when it does not, or refuses."""
    try:
        with asked(path, token) as answer:
            return answer.read1(1 << 16).decode()
    except OSError:
        return ""


def refusal(path, token):
    """The status with which the page's server refuses; None when it does not. No answer at all is an error."""
    try:
        with asked(path, token):
            return None
    except urllib.error.HTTPError as error:
        return error.code


def leave(reader):
    """Removes all but the CRD before the next story."""
    kubectl("delete", "signingjobs", "-A", "--all", "--timeout=120s")
    run("helm", "uninstall", "vaultstream", "-n", NAMESPACE, "--wait", cwd=reader.folder)
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")
    kubectl("-n", "default", "delete", "secret", "vaultstream-connection")
    tell("removed, with its namespace and Secrets")


def with_volumes(reader):
    tell("dev.storage=1Gi, on a cluster that gives volumes")
    for name in ("one", "two"):
        path = os.path.join(reader.folder, name)
        os.mkdir(path)
        os.chmod(path, 0o777)
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                  "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": path}}}
        kubectl("apply", "-f", "-", input=json.dumps(volume))
    install = next(command.text for command in reader.commands if "dev.enabled" in command.text)
    run("bash", "-c", f"{install} --set dev.storage=1Gi", cwd=reader.folder)
    run("helm", "test", "vaultstream", "-n", NAMESPACE)
    kept = [os.path.exists(os.path.join(reader.folder, name, "pgdata/PG_VERSION")) for name in ("one", "two")]
    expect(sorted(kept) == [False, True], "the data of Postgres is in a volume")
    leave(reader)


def with_your_servers(reader):
    tell("a release with Postgres and NATS of yours, by TLS")
    as_owner = "SSL_CERT_FILE=postgres-ca.crt VAULTSTREAM_DATABASE_URL"
    reader.does("Install", "kubectl create namespace", "echo", as_owner, as_owner, "helm install")
    said = reader.does("Install", "for namespace in", as_owner, "helm test")
    expect("verified     1,000" in said, "helm test has verified 1,000 records")
    reader.does_the_rest_of("config/samples/table.yaml")
    a_job_that_fails(reader)
    a_job_that_is_changed(reader)
    tell("the end")
    reader.does_the_rest_of("Stop, pause, remove")
    until("no pod of it runs", lambda: {pod["metadata"]["namespace"] for pod in running()} <= {"kube-system"}, seconds=60)
    expect("signingjobs" not in kubectl("api-resources"), "the type is gone")


def invoices():
    """The manifest that README shows."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return re.search(r"^```yaml\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)[1]


def a_job_that_fails(reader):
    tell("README's job, on the table of the samples: every hundredth of its 10,000 rows has no body")
    run("psql", "-Xq", "-f", "config/samples/table.sql", cwd=reader.folder, env=reader.environment)
    kubectl("apply", "-f", "-", input=invoices())
    until("the job must not read its table yet", lambda: is_condition("invoices", "Accepted", "False", "SourceUnavailable"))
    reader.does("When something is wrong", "GRANT SELECT")
    until("the job has failed", lambda: is_condition("invoices", "Failed", "True"))
    expect(status("invoices", "records")["signed"] == 9900, "what has a body is signed")
    reader.does_the_rest_of("When something is wrong")
    for alert in ("NoLeader", "JobStuck", "JobFailed", "BatchesRedelivered"):
        reader.does_the_rest_of(f"VaultStream{alert}")
    expect("PayloadMissing|100" in reader.does("VaultStreamRecordsRejected", "SELECT reason"), "100 rejects are told")
    kubectl("delete", "signingjob", "invoices", "--timeout=120s")


def a_job_that_is_changed(reader):
    tell("the same job again: one record a batch and 25 a second, so that it lasts")
    slow = invoices().replace("batchSize: 500", "batchSize: 1\n  workers: {maxRecordsPerSecond: 25}")
    kubectl("apply", "-f", "-", input=slow)
    until_signed_more(200)
    expect(reader.does("Scaling", "kubectl get signingjob") == "HPA", "a HorizontalPodAutoscaler scales it")
    expect("CREATE TABLE vaultstream.signatures" in reader.does("Back up", "pg_dump"), "the ledger is in the dump")

    reader.does_the_rest_of("Upgrade")
    kubectl("-n", NAMESPACE, "rollout", "status", "deployment/vaultstream-operator", "--timeout=120s")
    rotate(reader)

    run("psql", "-Xqc", "UPDATE public.invoices SET body = '{}' WHERE body IS NULL", env=reader.environment)
    # What the worker had read before.
    until_signed_more(400)
    reader.does_the_rest_of("Rejects")
    until("rejects are tried again", lambda: "RejectsRetried" in kubectl("get", "events"))

    reader.does("Stop, pause, remove", "kubectl patch")
    until("it is suspended, without a worker", lambda: status("invoices", "phase") == "Suspended" and not workers("invoices"))
    reader.does("Stop, pause, remove", "kubectl patch")
    until("it continues", lambda: status("invoices", "phase") == "Signing" and workers("invoices"))
    kubectl("patch", "signingjob", "invoices", "--type=merge", "-p", '{"spec": {"workers": {"maxRecordsPerSecond": null}}}')
    until_complete("invoices")
    url = f"postgres://vaultstream:{reader.facts['password']}@{POSTGRES}/ledger?sslmode=verify-full"
    said = run("vaultstream", "verify", "--job", "invoices", "--database-url", url, cwd=reader.folder,
               env=reader.environment | {"SSL_CERT_FILE": "postgres-ca.crt"})
    expect("verified     10,000" in said and "rejected     0" in said, "every signature is verified, and no record is left out")
    reader.does_the_rest_of("Read and verify from outside of the cluster")
    digest = status("invoices", "receipt", "digest")
    expect(digest in reader.does("What a verdict proves", "kubectl get sj"), "the digest of the receipt is shown")
    reader.does_the_rest_of("Timestamps of receipts")
    reader.does_the_rest_of("Wrong signatures")


def rotate(reader):
    old = reader.does("Rotate keys", "SELECT DISTINCT kek_id").split()
    reader.does("Rotate keys", "openssl rand", "kubectl get secret", "kubectl patch secret")
    until("workers have taken the Secret over", lambda: starts("invoices") > 0)
    reader.does("Rotate keys", "make install", "SSL_CERT_FILE=postgres-ca.crt vaultstream")
    new = run("psql", "-XAtc", "SELECT DISTINCT kek_id FROM vaultstream.data_keys WHERE kek_id IS NOT NULL", env=reader.environment).split()
    expect(len(old) == len(new) == 1 and old != new, "every data key is wrapped under the new key-encryption key")
