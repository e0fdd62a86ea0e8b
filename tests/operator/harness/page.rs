//! Those who look at the live page.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cluster::kubectl;
use super::operator::Operator;
use super::patience::PATIENCE;
use super::place::Place;

/// Nothing that is sent has it: the whole of a response that ends.
pub(crate) const THE_END: &str = "\u{0}";

impl Place {
    /// What kubectl says about the jobs' namespace.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> String {
        let (succeeded, said) = kubectl(&[&["-n", self.namespace.as_str()], args].concat()).await;
        assert!(succeeded, "{said}");
        said
    }

    /// A token of a new ServiceAccount, which may list the namespace's SigningJobs and Events, or nothing.
    pub(crate) async fn viewer_token(&self, name: &str, may_list: bool) -> String {
        self.kubectl(&["create", "serviceaccount", name]).await;
        if may_list {
            let resources = "--resource=signingjobs.vaultstream.dev,events.events.k8s.io";
            self.kubectl(&["create", "role", name, "--verb=list", resources]).await;
            let account = format!("--serviceaccount={}:{name}", self.namespace);
            self.kubectl(&["create", "rolebinding", name, &format!("--role={name}"), &account]).await;
        }
        self.kubectl(&["create", "token", name]).await.trim().to_owned()
    }
}

impl Operator {
    /// A line of `/proc/<pid>/status`, in MiB.
    pub(crate) fn mib(&self, field: &str) -> f64 {
        self.status(field).trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
    }

    async fn ask(&self, path: &str, token: Option<&str>) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: page\r\n{authorization}\r\n").as_bytes()).await.unwrap();
        stream
    }

    /// What is sent for a path until `wanted` is among it, or the response ends.
    pub(crate) async fn sent(&self, path: &str, token: Option<&str>, wanted: &str) -> String {
        let mut stream = self.ask(path, token).await;
        let mut answer = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&answer).contains(wanted) {
                if stream.read_buf(&mut answer).await.unwrap() == 0 {
                    break;
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(ended.is_ok(), "{wanted} never came: {answer}");
        answer
    }

    /// Somebody who keeps looking.
    pub(crate) async fn look(&self, path: &str, token: &str) -> Looking {
        let mut lines = BufReader::new(self.ask(path, Some(token)).await).lines();
        let (said, events) = watch::channel(Vec::<String>::new());
        let task = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(name) = line.strip_prefix("event: ") {
                    said.send_modify(|events| events.push(name.to_owned()));
                }
            }
        });
        Looking { events, task }
    }
}

/// A stream that is held.
pub(crate) struct Looking {
    events: watch::Receiver<Vec<String>>,
    task: JoinHandle<()>,
}

impl Looking {
    /// Waits for an event of this name.
    pub(crate) async fn until(&mut self, name: &str) {
        let came = self.events.wait_for(|events| events.iter().any(|event| event == name));
        tokio::time::timeout(PATIENCE, came).await.expect("it never came").expect("the stream ended");
    }

    pub(crate) fn is_held(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits until the server ends it.
    pub(crate) async fn until_ended(mut self, limit: Duration) {
        tokio::time::timeout(limit, &mut self.task).await.expect("it is still held").unwrap();
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}
