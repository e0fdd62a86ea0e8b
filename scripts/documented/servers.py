"""Postgres and NATS with TLS, under the names that the documents give them: for pods, and for programs on the node."""
import glob
import json
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import time

from commands import Failed

# The node, as its pods reach it.
ADDRESS = "10.88.0.1"
POSTGRES, NATS = "postgres.example.com", "nats.example.com"


def run(*arguments, **options):
    done = subprocess.run(arguments, text=True, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def postgres_programs():
    """Where distributions keep them, clients of the same version beside them. The Postgres of .tools knows no TLS."""
    installed = [os.path.dirname(path) for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    found = max(installed, key=lambda path: int(re.search("[0-9]+", path)[0]), default=os.path.dirname(shutil.which("initdb") or ""))
    if not found:
        raise Failed("there is no Postgres of a distribution here")
    return found


class Servers:
    def __init__(self, folder):
        self.folder = folder
        self.programs = postgres_programs()
        self.password = secrets.token_hex(12)
        self.processes = []
        # Postgres refuses to be root.
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = next(users[name] for name in ("vaultstream", "postgres", "nobody") if name in users)
        self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.data = os.path.join(folder, "servers")
        os.mkdir(self.data, 0o700)
        self.give(self.data)

    def give(self, path):
        os.chown(path, self.user["user"], self.user["group"])

    def start(self):
        """With one authority each, whose certificates lie in the reader's folder under the names that the Secret wants."""
        self.certify("postgres", POSTGRES)
        self.certify("nats", NATS)
        self.start_postgres()
        self.start_nats()
        name_them()

    def certify(self, server, name):
        make_key = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        authority, own = os.path.join(self.folder, f"{server}-ca"), os.path.join(self.data, server)
        run(*make_key, "-x509", "-days", "2", "-subj", f"/CN={server}-ca", "-keyout", f"{own}-ca.key", "-out", f"{authority}.crt")
        run(*make_key, "-subj", f"/CN={name}", "-keyout", f"{own}.key", "-out", f"{own}.csr")
        with open(f"{own}.extensions", "w", encoding="utf-8") as file:
            file.write(f"extendedKeyUsage=serverAuth\nsubjectAltName=DNS:{name}\n")
        run("openssl", "x509", "-req", "-days", "2", "-in", f"{own}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{own}-ca.key",
            "-CAcreateserial", "-CAserial", f"{own}.serial", "-extfile", f"{own}.extensions", "-out", f"{own}.crt")
        for file in (f"{own}.key", f"{own}.crt"):
            self.give(file)

    def spawn(self, port, *arguments):
        log = os.path.join(self.folder, os.path.basename(arguments[0]) + ".log")
        with open(log, "wb") as file:
            process = subprocess.Popen(arguments, stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=self.data, **self.user)
        self.processes.append(process)
        for _ in range(150):
            with socket.socket() as probe:
                if process.poll() is None and probe.connect_ex((ADDRESS, port)) == 0:
                    return
            time.sleep(0.2)
        with open(log, encoding="utf-8") as file:
            raise Failed(f"{arguments[0]} does not answer:\n{file.read()}")

    def start_postgres(self):
        data = os.path.join(self.data, "data")
        run(f"{self.programs}/initdb", "-D", data, "-U", "administrator", "-A", "trust", "-E", "UTF8", "--locale=C", cwd=self.data, **self.user)
        with open(os.path.join(data, "pg_hba.conf"), "w", encoding="utf-8") as file:
            file.write("local all all trust\nhostssl all all all scram-sha-256\n")
        settings = {"listen_addresses": ADDRESS, "max_connections": 700, "unix_socket_directories": self.data, "ssl": "on",
                    "ssl_cert_file": f"{self.data}/postgres.crt", "ssl_key_file": f"{self.data}/postgres.key"}
        self.spawn(5432, f"{self.programs}/postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items()))
        for statement in [f"CREATE ROLE vaultstream LOGIN CREATEROLE PASSWORD '{self.password}'",
                          "CREATE DATABASE ledger OWNER vaultstream", "CREATE DATABASE laptop OWNER vaultstream"]:
            run(f"{self.programs}/psql", "-XqAt", "-h", self.data, "-U", "administrator", "-c", statement, "postgres")

    def start_nats(self):
        config = os.path.join(self.data, "nats.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'listen: "{ADDRESS}:4222"\njetstream {{store_dir: "{self.data}/jetstream"}}\n'
                       f'tls {{cert_file: "{self.data}/nats.crt", key_file: "{self.data}/nats.key"}}\n')
        self.spawn(4222, os.path.join(os.environ["VAULTSTREAM_TOOLS"], "bin/nats-server"), "--config", config)

    def environment(self):
        """The ledger by TLS for psql and pg_dump, and another database by the short way for signing on a laptop."""
        return {"PGHOST": POSTGRES, "PGUSER": "vaultstream", "PGPASSWORD": self.password, "PGDATABASE": "ledger",
                "PGSSLMODE": "verify-full", "PGSSLROOTCERT": os.path.join(self.folder, "postgres-ca.crt"),
                "DATABASE_URL": f"postgres://vaultstream@{self.data.replace('/', '%2F')}/laptop",
                "PATH": f"{self.programs}:{os.environ['PATH']}"}

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def name_them():
    """The node's CoreDNS knows names of the cluster only."""
    config = json.loads(run("kubectl", "-n", "kube-system", "get", "configmap", "coredns", "-o", "json"))
    zone = f"""example.com:5353 {{
  errors
  template IN A example.com {{
    match "^({POSTGRES}|{NATS})[.]$"
    answer "{{{{ .Name }}}} 60 IN A {ADDRESS}"
  }}
  template IN ANY example.com {{
    rcode NOERROR
  }}
}}
"""
    corefile = config["data"]["Corefile"]
    if zone not in corefile:
        run("kubectl", "-n", "kube-system", "patch", "configmap", "coredns", "-p", json.dumps({"data": {"Corefile": zone + corefile}}))
        run("kubectl", "-n", "kube-system", "rollout", "restart", "deployment/coredns")
        run("kubectl", "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
