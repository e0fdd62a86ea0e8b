//! What the tests look with: clients, processes, and a program that holds servers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use tokio::runtime::Runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The first column of a statement's rows.
pub(crate) fn query(url: &str, statement: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    Runtime::new().unwrap().block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let messages = client.simple_query(statement).await?;
        let first = |message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(first).collect())
    })
}

/// The client does not read the token of a URL by itself.
async fn nats(url: &str) -> Result<async_nats::Client, async_nats::ConnectError> {
    let rest = url.trim_start_matches("nats://");
    let (token, address) = rest.split_once('@').unwrap_or(("", rest));
    match token {
        "" => async_nats::connect(address).await,
        token => async_nats::connect_with_options(address, async_nats::ConnectOptions::with_token(token.into())).await,
    }
}

/// Makes a stream.
pub(crate) fn create_stream(url: &str, name: &str) {
    Runtime::new().unwrap().block_on(async {
        let context = async_nats::jetstream::new(nats(url).await.unwrap());
        context.create_stream(name).await.unwrap();
    });
}

/// True when the stream is there.
pub(crate) fn has_stream(url: &str, name: &str) -> bool {
    Runtime::new().unwrap().block_on(async {
        let context = async_nats::jetstream::new(nats(url).await.unwrap());
        context.get_stream(name).await.is_ok()
    })
}

/// True when NATS takes us in.
pub(crate) fn nats_takes(url: &str) -> bool {
    Runtime::new().unwrap().block_on(nats(url)).is_ok()
}

/// True while the process runs.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The user a process runs as.
pub(crate) fn user_of(pid: u32) -> u32 {
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}

/// Waits for a condition; fails the test when it remains false.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An empty directory that is removed at the end of a test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let dir = std::env::temp_dir().join(format!("vs-test-{name}-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program `hold`, with servers running.
pub(crate) struct Holder {
    pub(crate) child: Child,
    pub(crate) dir: PathBuf,
    pub(crate) postgres: u32,
    pub(crate) nats: u32,
    pub(crate) database_url: String,
}

/// Where cargo puts the program beside this test.
pub(crate) fn hold_program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.parent().and_then(Path::parent).unwrap().join("examples/hold")
}

impl Holder {
    /// Starts a command that runs `hold`, and waits for its line.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        let [dir, postgres, nats, database_url] = fields[..] else { panic!("hold said {line:?}") };
        Self {
            child,
            dir: dir.into(),
            postgres: postgres.parse().unwrap(),
            nats: nats.parse().unwrap(),
            database_url: database_url.to_owned(),
        }
    }

    /// Its process id, which is its group's, too.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// Lets it end as it wants: its input ends.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}
