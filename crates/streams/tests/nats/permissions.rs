//! Two tenants and the operator on one server, each with the permissions that are printed for it, and nothing more.

use crate::hostile::{Hostile, against};
use crate::plain::Plain;
use crate::server::{LONG, ahead, batches, emptied, eventually, next, number};
use std::time::Duration;
use uuid::Uuid;
use vaultstream_streams::{
    ConnectOptions, JobStreams, Limits, NatsPermissions, NatsUser, Streams, StreamsState, Tenant, Work,
};

/// The servers' acknowledgements of today, and of the next version.
const FORMATS: [&str; 2] = ["", "feature_flags { js_ack_fc_v2: true }\n"];

/// One right too many each, and an attempt that it makes possible. The placeholders are the victim's and the own tenant.
const LOOSE: &[(&str, &str)] = &[
    ("publish", "$JS.API.STREAM.PURGE.*"),
    ("publish", "$JS.API.STREAM.MSG.GET.*"),
    ("publish", "$JS.API.DIRECT.GET.>"),
    ("publish", "$JS.API.STREAM.NAMES"),
    ("publish", "$JS.API.CONSUMER.CREATE.*.*"),
    ("publish", "$JS.API.CONSUMER.MSG.NEXT.*.*"),
    ("publish", "$JS.API.CONSUMER.MSG.NEXT.>"),
    ("publish", "$JS.API.CONSUMER.INFO.*.*"),
    ("publish", "$JS.ACK.*.VICTIM.>"),
    ("publish", "$JS.ACK.*.*.*.VICTIM.*.*.*.*.*"),
    ("publish", "$JS.ACK.*.*.*.OWN.>"),
    ("publish", "keys.*.*.*.*"),
    ("publish", "records.OWN.>"),
    ("publish", "_INBOX.VICTIM.>"),
    ("subscribe", "records.VICTIM.>"),
    ("subscribe", "_INBOX.*.>"),
    ("subscribe", "$JS.ACK.>"),
];

struct Tenants {
    server: Plain,
    a: JobStreams,
    b: JobStreams,
}

fn job(namespace: &str) -> JobStreams {
    JobStreams::new(Tenant::new("cluster", namespace), Uuid::new_v4(), 1)
}

fn worker_of(job: &JobStreams) -> NatsUser {
    NatsUser::Worker(job.tenant.clone())
}

impl Tenants {
    /// The users `operator`, `a`, `b` with their own permissions, `admin` with all, and `loose0` and so on with those of `b` and one more.
    fn start(format: &str) -> Self {
        let (a, b) = (job("team-a"), job("team-b"));
        let [of_a, of_b] = [&a, &b].map(|job| NatsPermissions::of(&worker_of(job)));
        let operator = NatsPermissions::of(&NatsUser::Operator);
        let mut users = vec![
            operator.user_block("operator", "pass"),
            of_a.user_block("a", "pass"),
            // The bcrypt hash of `pass`.
            of_b.user_block("b", "$2a$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6"),
            "{user: admin, password: pass}".to_owned(),
        ];
        for (number, (verb, pattern)) in LOOSE.iter().enumerate() {
            let pattern = pattern.replace("VICTIM", a.consumer()).replace("OWN", b.consumer());
            let mut loose = of_b.clone();
            let allowed = if *verb == "publish" { &mut loose.publish } else { &mut loose.subscribe };
            allowed.push(pattern);
            users.push(loose.user_block(&format!("loose{number}"), "pass"));
        }
        let configuration = format!(
            "{format}jetstream {{ store_dir: STORE }}\naccounts {{ VAULTSTREAM {{ jetstream: enabled, users: [\n{}\n] }} }}",
            users.join(",\n")
        );
        Self { server: Plain::start(&configuration), a, b }
    }

    async fn connect(&self, name: &str, user: NatsUser) -> Streams {
        let options = ConnectOptions { user, ..self.server.options_of(name) };
        Streams::connect(&options).await.unwrap()
    }

    async fn hostile(&self, name: &str) -> Hostile {
        Hostile::connect(&self.server.url_of(""), name, &self.b).await
    }

    /// The operator, with four batches and two keys for each tenant.
    async fn begun(&self) -> Streams {
        let operator = self.connect("operator", NatsUser::Operator).await;
        for job in [&self.a, &self.b] {
            operator.create(job, &Limits::default()).await.unwrap();
            operator.publish_keys(job, &[1, 2]).await.unwrap();
            operator.publish_batches(job, &batches(job, 0..4)).await.unwrap();
        }
        operator
    }
}

#[tokio::test]
async fn the_least_rights_are_enough_for_a_whole_job() {
    for format in FORMATS {
        let tenants = Tenants::start(format);
        let operator = tenants.begun().await;
        for (name, job) in [("a", &tenants.a), ("b", &tenants.b)] {
            let worker = tenants.connect(name, worker_of(job)).await;
            let mut puller = worker.batches(job, ahead(2)).await.unwrap();
            let first = next(&mut puller).await;
            first.progress();
            let again = number(&first);
            first.nak(Duration::ZERO);
            let mut seen = Vec::new();
            while seen.len() < 4 {
                let delivery = next(&mut puller).await;
                seen.push(number(&delivery));
                delivery.ack();
            }
            assert!(seen.contains(&again), "{seen:?}");
            operator.publish_finish(job, None).await.unwrap();
            let finish = next(&mut puller).await;
            assert_eq!(finish.work(), Work::Finish(None));
            finish.ack();
            let tokens = worker.tokens(job);
            let token = tokens.next(LONG).await.unwrap().unwrap();
            assert_eq!(token.key(), 1);
            token.requeue().await.unwrap();
            for key in [2, 1] {
                let token = tokens.next(LONG).await.unwrap().unwrap();
                assert_eq!(token.key(), key);
                token.discard();
            }
            worker.flush(LONG).await.unwrap();
            emptied(&operator, job).await;
            operator.adjust(job, &Limits { max_batches: 7, ..Limits::default() }).await.unwrap();
            assert_eq!(operator.message_index(job).await.unwrap().batches.len(), 0);
            assert_eq!(operator.delete_other_generations(job.uid, None).await.unwrap(), 1);
            let gone = tokio::time::timeout(LONG, puller.next()).await.unwrap().unwrap_err();
            assert!(gone.is_stream_gone(), "{gone}");
        }
    }
}

#[tokio::test]
async fn what_a_tenant_tries_on_another_is_refused_and_changes_nothing() {
    for format in FORMATS {
        let tenants = Tenants::start(format);
        let operator = tenants.begun().await;
        let worker = tenants.connect("a", worker_of(&tenants.a)).await;
        let mut puller = worker.batches(&tenants.a, ahead(1)).await.unwrap();
        // Held, so that a foreign acknowledgement would remove it.
        let held = next(&mut puller).await;
        let mut hostile = tenants.hostile("b").await;
        assert_eq!(hostile.not_refused(&against(&tenants.a, &tenants.b)).await, []);
        // His own consumer's name is allowed, and there is none in the other's streams.
        for stream in [tenants.a.batch_stream(), tenants.a.key_stream()] {
            let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{}", tenants.b.consumer());
            assert!(!hostile.receives_something(&subject, "1").await, "{subject}");
        }
        let present = StreamsState::Present { batches: 4, keys: 2 };
        assert_eq!(operator.state(&tenants.a).await.unwrap(), present);
        held.ack();
        for expected in 1..4 {
            let delivery = next(&mut puller).await;
            assert_eq!((number(&delivery), delivery.redelivered()), (expected, false));
            delivery.ack();
        }
        worker.flush(LONG).await.unwrap();
        eventually("the batches are acknowledged", async || {
            operator.state(&tenants.a).await.unwrap() == StreamsState::Present { batches: 0, keys: 2 }
        })
        .await;
    }
}

/// The test above would see each of these.
#[tokio::test]
async fn one_right_too_many_is_noticed() {
    let tenants = Tenants::start("");
    tenants.begun().await;
    let attempts = against(&tenants.a, &tenants.b);
    for (number, right) in LOOSE.iter().enumerate() {
        let mut hostile = tenants.hostile(&format!("loose{number}")).await;
        assert_ne!(hostile.not_refused(&attempts).await, [], "{right:?}");
    }
}

/// A pull request names the subject that the server sends the message to, and the server checks no right to publish there.
#[tokio::test]
async fn what_a_worker_publishes_does_not_reach_another_tenant_s_stream() {
    let tenants = Tenants::start("");
    tenants.begun().await;
    let hostile = tenants.hostile("b").await;
    hostile.relay(&tenants.b, "a message of its own", &tenants.a.batch_subject(7)).await;
    let admin = tenants.server.plain_of("admin").await;
    let stream = admin.get_stream(tenants.a.batch_stream()).await.unwrap();
    eventually("the server has sent it on", async || stream.get_raw_message(5).await.is_ok()).await;
    assert_eq!(stream.get_raw_message(5).await.unwrap().payload, "");
}
