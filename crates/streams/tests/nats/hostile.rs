//! A NATS user who tries whatever could harm the job of another tenant, or show him something of it. Shared by all suites.

#![allow(dead_code, reason = "no suite uses all of it")]

use async_nats::{Client, Event, ServerError};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use vaultstream_streams::JobStreams;

/// Long enough that a server which has not responded never will.
const LONG: Duration = Duration::from_secs(60);

/// One thing that the server has to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Publish(String, String),
    Subscribe(String),
}

/// All that `own`'s user could try against the job of `victim`, whose names are known to him.
pub(crate) fn against(victim: &JobStreams, own: &JobStreams) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut publish = |subject: String, payload: &str| attempts.push(Attempt::Publish(subject, payload.to_owned()));
    for stream in [victim.batch_stream(), victim.key_stream()] {
        let mut ask = |what: &str, payload: &str| publish(format!("$JS.API.{what}"), payload);
        for what in ["INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
            ask(&format!("STREAM.{what}.{stream}"), "");
        }
        ask(&format!("STREAM.MSG.GET.{stream}"), r#"{"seq":1}"#);
        ask(&format!("STREAM.LEADER.STEPDOWN.{stream}"), "");
        ask(&format!("DIRECT.GET.{stream}"), r#"{"seq":1}"#);
        ask(&format!("DIRECT.GET.{stream}.{}", victim.batch_subject(1)), "");
        for what in ["NAMES", "LIST"] {
            ask(&format!("CONSUMER.{what}.{stream}"), "");
        }
        for consumer in [victim.consumer(), own.consumer()] {
            let config = format!(r#"{{"stream_name":"{stream}","config":{{"durable_name":"{consumer}"}}}}"#);
            ask(&format!("CONSUMER.CREATE.{stream}.{consumer}"), &config);
            ask(&format!("CONSUMER.DURABLE.CREATE.{stream}.{consumer}"), &config);
            ask(&format!("CONSUMER.DELETE.{stream}.{consumer}"), "");
        }
        // A stream of his own that copies it, and a consumer whose deliveries go where he says.
        let copy = format!(r#"{{"name":"copy","mirror":{{"name":"{stream}"}}}}"#);
        ask("STREAM.CREATE.copy", &copy);
        let push =
            format!(r#"{{"stream_name":"{stream}","config":{{"deliver_subject":"_INBOX.{}.x"}}}}"#, own.consumer());
        ask(&format!("CONSUMER.CREATE.{stream}"), &push);
        for what in ["INFO", "MSG.NEXT", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"] {
            ask(&format!("CONSUMER.{what}.{stream}.{}", victim.consumer()), "");
        }
        for (number, ack) in ["+ACK", "+TERM", "-NAK", "+NXT"].iter().enumerate() {
            let delivery = format!("{stream}.{}.1.{}.1.1700000000000000000.0", victim.consumer(), number + 1);
            publish(format!("$JS.ACK.{delivery}"), ack);
            publish(format!("$JS.ACK._.hash.{delivery}"), ack);
            publish(format!("$JS.ACK._.hash.{delivery}.token"), ack);
            // The own consumer's name in the place of a number.
            publish(format!("$JS.ACK.{stream}.{}.1.{}.1.1.{number}", victim.consumer(), own.consumer()), ack);
        }
    }
    let account = ["INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.other", "ACCOUNT.PURGE.VAULTSTREAM"];
    for what in account.iter().chain(&["META.LEADER.STEPDOWN", "SERVER.REMOVE"]) {
        publish(format!("$JS.API.{what}"), "");
    }
    for subject in ["$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.VAULTSTREAM.CONNZ", "$SRV.PING", "$KV.x.y", "$JS.FC.x"] {
        publish(subject.to_owned(), "");
    }
    let batch = format!(r#"{{"v":1,"kind":"batch","job":"{}","batch":1,"first":1,"last":2,"rows":2}}"#, victim.uid);
    let finish = victim.batch_subject(0).trim_end_matches('0').to_owned() + "finish";
    for subject in [victim.batch_subject(1), finish, own.batch_subject(1), victim.key_subject(1)] {
        publish(subject, &batch);
    }
    publish(format!("_INBOX.{}.x", victim.consumer()), "");
    publish("_INBOX.vaultstream.x".to_owned(), "");
    attempts.extend(subscriptions(victim, own).into_iter().map(Attempt::Subscribe));
    attempts
}

/// What could show something of the victim to him.
fn subscriptions(victim: &JobStreams, own: &JobStreams) -> Vec<String> {
    let (theirs, uid) = (victim.consumer(), victim.uid);
    let mut subjects = vec![
        format!("records.{theirs}.>"),
        format!("keys.{theirs}.>"),
        format!("*.*.{uid}.>"),
        format!("_INBOX.{theirs}.>"),
        format!("records.{}.>", own.consumer()),
    ];
    let general = [
        ">",
        "*.>",
        "records.>",
        "keys.>",
        "_INBOX.>",
        "_INBOX.*.>",
        "_INBOX.vaultstream.>",
        "$JS.>",
        "$JS.ACK.>",
        "$JS.EVENT.>",
        "$SYS.>",
        "$SRV.>",
        "$KV.>",
    ];
    subjects.extend(general.map(str::to_owned));
    subjects
}

/// A user with a plain client.
pub(crate) struct Hostile {
    pub(crate) client: Client,
    inbox: String,
    refusals: mpsc::UnboundedReceiver<String>,
    sentinels: usize,
}

impl Hostile {
    /// Logs in as `user`, whose password is `pass` and whose tenant is that of `own`.
    pub(crate) async fn connect(url: &str, user: &str, own: &JobStreams) -> Self {
        Self::connect_with(url, (user, "pass"), own).await
    }

    /// The same with a password.
    pub(crate) async fn connect_with(url: &str, (user, password): (&str, &str), own: &JobStreams) -> Self {
        let (sender, refusals) = mpsc::unbounded_channel();
        let inbox = format!("_INBOX.{}", own.consumer());
        let client = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into())
            .custom_inbox_prefix(&inbox)
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(text)) = event {
                    let _ = sender.send(text);
                }
                std::future::ready(())
            })
            .connect(url)
            .await
            .unwrap();
        Self { client, inbox, refusals, sentinels: 0 }
    }

    /// The attempts that the server did not refuse.
    pub(crate) async fn not_refused(&mut self, attempts: &[Attempt]) -> Vec<Attempt> {
        let mut accepted = Vec::new();
        for attempt in attempts {
            if !self.is_refused(attempt).await {
                accepted.push(attempt.clone());
            }
        }
        accepted
    }

    /// Whether the server refuses it. It carries out one connection's commands in their order, so that an attempt was accepted when a
    /// later command is refused first.
    pub(crate) async fn is_refused(&mut self, attempt: &Attempt) -> bool {
        let (verb, subject) = match attempt {
            Attempt::Publish(subject, payload) => {
                let reply = format!("{}.reply", self.inbox);
                self.client.publish_with_reply(subject.clone(), reply, payload.clone().into()).await.unwrap();
                ("Publish", subject)
            }
            Attempt::Subscribe(subject) => {
                let mut subscriber = self.client.subscribe(subject.clone()).await.unwrap();
                subscriber.unsubscribe().await.unwrap();
                ("Subscription", subject)
            }
        };
        self.sentinels += 1;
        let sentinel = format!("sentinel.{}", self.sentinels);
        self.client.publish(sentinel.clone(), "".into()).await.unwrap();
        let mut refused = false;
        loop {
            let told = timeout(LONG, self.refusals.recv()).await.expect("the sentinel is refused").unwrap();
            if told.contains(&format!("\"{sentinel}\"")) {
                return refused;
            }
            refused |= told.contains(verb) && told.contains(&format!("\"{subject}\""));
        }
    }

    /// Whether a request on a subject that the server accepts brings anything but a status within a moment.
    pub(crate) async fn receives_something(&self, subject: &str, payload: &str) -> bool {
        self.message_of(subject, payload).await.is_some()
    }

    /// The message, if it is none of these.
    pub(crate) async fn message_of(&self, subject: &str, payload: &str) -> Option<String> {
        let inbox = self.client.new_inbox();
        let mut subscriber = self.client.subscribe(inbox.clone()).await.unwrap();
        self.client.publish_with_reply(subject.to_owned(), inbox, payload.to_owned().into()).await.unwrap();
        let message = timeout(Duration::from_millis(500), subscriber.next()).await.ok()??;
        message.status.is_none().then(|| String::from_utf8_lossy(&message.payload).into_owned())
    }

    /// Has the server send a token that he publishes for his own job to a subject of his choice.
    pub(crate) async fn relay(&self, own: &JobStreams, payload: &str, to: &str) {
        let request = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", own.key_stream(), own.consumer());
        // Empties it first, so that only the token below is sent on.
        while self.receives_something(&request, r#"{"batch":1,"expires":100000000}"#).await {}
        self.client.publish(own.key_subject(77), payload.to_owned().into()).await.unwrap();
        let pull = r#"{"batch":1,"expires":10000000000}"#;
        self.client.publish_with_reply(request, to.to_owned(), pull.into()).await.unwrap();
        self.client.flush().await.unwrap();
    }

    /// Has the server send the news that a pull request has expired, which is an empty message, to a subject of his choice.
    pub(crate) async fn relay_expiry(&self, own: &JobStreams, to: &str) {
        let request = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", own.key_stream(), own.consumer());
        let pull = r#"{"batch":1,"expires":1000000000}"#;
        self.client.publish_with_reply(request, to.to_owned(), pull.into()).await.unwrap();
        self.client.flush().await.unwrap();
    }
}
