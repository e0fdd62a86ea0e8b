//! What a NATS user may do, as static permissions of the server.
//!
//! ```text
//! NatsUser ─▶ NatsPermissions::of ─▶ publish, subscribe   (data; also says what to grant after a denial)
//!                                  └▶ user_block          (a user of nats-server's configuration)
//! ```
//!
//! A worker may pull from the consumers of its tenant, settle what they deliver, publish key tokens of its tenant, and subscribe to its
//! tenant's inboxes. All names in these subjects hold the tenant as a token, and the server refuses everything that is not listed.

use crate::tenant::Tenant;
use std::fmt::Write as _;

/// Who logs in to NATS. It decides the prefix of the inboxes and what is asked of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NatsUser {
    /// The lifecycle of every job: streams, batches, tokens.
    Operator,
    /// The workers of one tenant.
    Worker(Tenant),
    /// Both in one process, as in `vaultstream run`, for all tenants.
    #[default]
    Both,
}

impl NatsUser {
    /// What the subjects for responses begin with. No other user of VaultStream may subscribe to them.
    pub(crate) fn inbox_prefix(&self) -> String {
        match self {
            // No tenant's token: these contain an underscore.
            Self::Operator | Self::Both => "_INBOX.vaultstream".to_owned(),
            Self::Worker(tenant) => format!("_INBOX.{}", tenant.token()),
        }
    }

    /// A request that JetStream responds to whenever it is there: to a worker's with an error, because there is no such stream.
    pub(crate) fn probe(&self) -> String {
        match self {
            Self::Operator | Self::Both => "$JS.API.INFO".to_owned(),
            Self::Worker(tenant) => format!("$JS.API.CONSUMER.INFO.vaultstream.{}", tenant.token()),
        }
    }
}

/// The subjects that a NATS user may use. Whatever is not listed is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsPermissions {
    /// Subjects that it may publish to.
    pub publish: Vec<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: Vec<String>,
}

impl NatsPermissions {
    /// The least that `user` needs.
    pub fn of(user: &NatsUser) -> Self {
        let publish = match user {
            NatsUser::Operator => operator(),
            NatsUser::Worker(tenant) => worker(tenant.token()),
            NatsUser::Both => [operator(), worker("*")].concat(),
        };
        Self { publish, subscribe: vec![format!("{}.>", user.inbox_prefix())] }
    }

    /// What programs of before there were permissions need besides: they use JetStream's whole API, and names without a tenant.
    #[must_use]
    pub fn with_those_of_earlier_versions(mut self) -> Self {
        self.publish.extend(["$JS.API.>", "$JS.ACK.>", "records.>", "keys.>"].map(str::to_owned));
        self.subscribe.push("_INBOX.>".to_owned());
        self
    }

    /// Whether the server accepts a message on this subject.
    pub fn may_publish(&self, subject: &str) -> bool {
        self.publish.iter().any(|pattern| covers(pattern, subject))
    }

    /// Whether the server accepts a subscription to this subject, which may have wildcards.
    pub fn may_subscribe(&self, subject: &str) -> bool {
        self.subscribe.iter().any(|pattern| covers(pattern, subject))
    }

    /// The user as an item of `users` in the configuration of nats-server, for instance of
    /// `accounts { VAULTSTREAM { jetstream: enabled, users: [ … ] } }`.
    ///
    /// `password` is the password itself or its bcrypt hash, which the server tells by its `$2a$`. Both are printed as they are.
    pub fn user_block(&self, name: &str, password: &str) -> String {
        let mut text = format!("{{\n  user: {}\n  password: {}\n  permissions: {{\n", quoted(name), quoted(password));
        for (what, subjects) in [("publish", &self.publish), ("subscribe", &self.subscribe)] {
            let subjects: Vec<String> = subjects.iter().map(|subject| format!("      {}", quoted(subject))).collect();
            // Writing to a string does not fail.
            let _ = writeln!(text, "    {what}: {{ allow: [\n{}\n    ] }}", subjects.join(",\n"));
        }
        text + "  }\n}"
    }
}

/// Streams are one token of these subjects, so that none can be told from those of other programs: an account of NATS that
/// VaultStream has for itself does that.
fn operator() -> Vec<String> {
    let requests = ["INFO", "STREAM.NAMES", "STREAM.INFO.*", "STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.DELETE.*"];
    let consumers = ["CONSUMER.INFO.*.*", "CONSUMER.CREATE.*.*"];
    let api = requests.iter().chain(&consumers).map(|what| format!("$JS.API.{what}"));
    api.chain(["records.*.*.*.*", "keys.*.*.*.*", "vaultstream.checkpoints.*.*"].map(str::to_owned)).collect()
}

fn worker(tenant: &str) -> Vec<String> {
    vec![
        format!("$JS.API.CONSUMER.INFO.*.{tenant}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.*.{tenant}"),
        // Stream, consumer, five numbers; newer servers put domain and account before that, and may append more. The number of tokens is
        // fixed, or the longer form would cover other consumers' acknowledgements in the shorter one.
        format!("$JS.ACK.*.{tenant}.*.*.*.*.*"),
        format!("$JS.ACK.*.*.*.{tenant}.*.*.*.*.*"),
        format!("$JS.ACK.*.*.*.{tenant}.*.*.*.*.*.>"),
        format!("keys.{tenant}.*.*.*"),
    ]
}

/// Whether all subjects that `subject` stands for match `pattern`.
pub(crate) fn covers(pattern: &str, subject: &str) -> bool {
    let (mut patterns, mut tokens) = (pattern.split('.'), subject.split('.'));
    loop {
        match (patterns.next(), tokens.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(wanted), Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
}

/// A string of the configuration language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::JobStreams;
    use uuid::Uuid;

    fn job(cluster: &str, namespace: &str) -> JobStreams {
        JobStreams::new(Tenant::new(cluster, namespace), Uuid::from_u128(7), 3)
    }

    fn of_worker(job: &JobStreams) -> NatsPermissions {
        NatsPermissions::of(&NatsUser::Worker(job.tenant.clone()))
    }

    /// The subjects of everything that a worker does with a job.
    fn work(job: &JobStreams) -> Vec<String> {
        let consumer = job.consumer();
        let mut subjects = vec![job.key_subject(5)];
        for stream in [job.batch_stream(), job.key_stream()] {
            subjects.push(format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}"));
            subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"));
            subjects.push(format!("$JS.ACK.{stream}.{consumer}.1.2.3.1700000000000000000.4"));
            subjects.push(format!("$JS.ACK._.AbCdEf12.{stream}.{consumer}.1.2.3.1700000000000000000.4"));
            subjects.push(format!("$JS.ACK.hub.AbCdEf12.{stream}.{consumer}.1.2.3.1700000000000000000.4.x"));
        }
        subjects
    }

    #[test]
    fn a_worker_may_do_its_own_tenant_s_work_and_no_other_s() {
        let mine = job("cluster", "team-a");
        let permissions = of_worker(&mine);
        for subject in work(&mine) {
            assert!(permissions.may_publish(&subject), "{subject}");
        }
        // A namespace may be called like a number of an acknowledgement, and another cluster's like this one's.
        for other in [job("cluster", "team-b"), job("other", "team-a"), job("cluster", "2"), job("cluster", "team-a.x")]
        {
            let theirs = of_worker(&other);
            // Its name in the place of a number.
            let (stream, consumer, theirs_is) = (mine.batch_stream(), mine.consumer(), other.consumer());
            let disguised = format!("$JS.ACK.{stream}.{consumer}.1.{theirs_is}.1.1.1");
            assert!(!theirs.may_publish(&disguised), "{disguised}");
            for (subject, own) in work(&other).iter().zip(work(&mine)) {
                assert!(!permissions.may_publish(subject), "{subject}");
                assert!(!theirs.may_publish(&own), "{own}");
            }
            assert!(!permissions.may_subscribe(&format!("_INBOX.{}.x.*", other.consumer())));
        }
        assert!(permissions.may_subscribe("_INBOX.cluster_team-a.x.*") && permissions.may_publish(&probe_of(&mine)));
    }

    fn probe_of(job: &JobStreams) -> String {
        NatsUser::Worker(job.tenant.clone()).probe()
    }

    #[test]
    fn a_worker_makes_changes_reads_and_lists_no_stream_and_publishes_no_batch() {
        let job = job("cluster", "team-a");
        let permissions = of_worker(&job);
        let (stream, consumer) = (job.key_stream(), job.consumer());
        for what in [
            "INFO".to_owned(),
            "STREAM.NAMES".to_owned(),
            "STREAM.LIST".to_owned(),
            format!("STREAM.INFO.{stream}"),
            format!("STREAM.CREATE.{stream}"),
            format!("STREAM.UPDATE.{stream}"),
            format!("STREAM.DELETE.{stream}"),
            format!("STREAM.PURGE.{stream}"),
            format!("STREAM.SNAPSHOT.{stream}"),
            format!("STREAM.MSG.GET.{stream}"),
            format!("STREAM.MSG.DELETE.{stream}"),
            format!("DIRECT.GET.{stream}"),
            format!("CONSUMER.CREATE.{stream}.{consumer}"),
            format!("CONSUMER.DURABLE.CREATE.{stream}.{consumer}"),
            format!("CONSUMER.DELETE.{stream}.{consumer}"),
            format!("CONSUMER.PAUSE.{stream}.{consumer}"),
            format!("CONSUMER.NAMES.{stream}"),
        ] {
            assert!(!permissions.may_publish(&format!("$JS.API.{what}")), "{what}");
        }
        for subject in [job.batch_subject(1), job.finish_subject(None), "_INBOX.vaultstream.x".to_owned()] {
            assert!(!permissions.may_publish(&subject), "{subject}");
        }
        for subject in
            [">", "_INBOX.>", "_INBOX.*.>", "_INBOX.vaultstream.>", "records.>", "keys.>", "$JS.>", "$JS.ACK.>"]
        {
            assert!(!permissions.may_subscribe(subject), "{subject}");
        }
    }

    #[test]
    fn the_operator_pulls_and_reads_no_message() {
        let (job, permissions) = (job("cluster", "team-a"), NatsPermissions::of(&NatsUser::Operator));
        for subject in [job.batch_subject(1), job.finish_subject(None), job.key_subject(1), NatsUser::Operator.probe()]
        {
            assert!(permissions.may_publish(&subject), "{subject}");
        }
        let (stream, consumer) = (job.batch_stream(), job.consumer());
        for what in ["CREATE", "INFO"] {
            assert!(permissions.may_publish(&format!("$JS.API.STREAM.{what}.{stream}")), "{what}");
            assert!(permissions.may_publish(&format!("$JS.API.CONSUMER.{what}.{stream}.{consumer}")), "{what}");
        }
        for subject in work(&job).iter().filter(|subject| !subject.contains(".INFO.") && !subject.starts_with("keys."))
        {
            assert!(!permissions.may_publish(subject), "{subject}");
        }
        assert!(!permissions.may_publish(&format!("$JS.API.STREAM.MSG.GET.{stream}")));
        let both = NatsPermissions::of(&NatsUser::Both);
        assert!(work(&job).iter().chain(&permissions.publish).all(|subject| both.may_publish(subject)));
    }

    #[test]
    fn a_pattern_covers_what_all_of_its_subjects_match() {
        for (pattern, subject, expected) in [
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.*", "a", false),
            ("a.>", "a", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a.>", true),
            ("a.*", "a.>", false),
            ("a.b", "a.*", false),
            (">", ">", true),
        ] {
            assert_eq!(covers(pattern, subject), expected, "{pattern} {subject}");
        }
    }

    #[test]
    fn the_permissions_are_documented() {
        let documented = include_str!("../../../docs/operations.md");
        let inboxes = ["_INBOX.<tenant>.>", "_INBOX.vaultstream.>"].map(str::to_owned);
        let earlier = NatsPermissions::default().with_those_of_earlier_versions();
        let earlier = [earlier.publish, earlier.subscribe].concat();
        for pattern in operator().iter().chain(&worker("<tenant>")).chain(&inboxes).chain(&earlier) {
            assert!(documented.contains(&format!("`{pattern}`")), "{pattern}");
        }
    }

    #[test]
    fn a_user_is_written_as_the_server_reads_it() {
        let permissions =
            NatsPermissions { publish: vec!["a.*".into(), "$JS.x".into()], subscribe: vec!["b.>".into()] };
        assert_eq!(
            permissions.user_block("c_n", "p\"\\w"),
            "{\n  user: \"c_n\"\n  password: \"p\\\"\\\\w\"\n  permissions: {\n    publish: { allow: [\n      \"a.*\",\n      \"$JS.x\"\n    \
             ] }\n    subscribe: { allow: [\n      \"b.>\"\n    ] }\n  }\n}"
        );
    }
}
