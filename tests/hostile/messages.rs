//! The attacker's user of NATS.

use vaultstream_streams::JobStreams;

use crate::hostile::{Attempt, Hostile, against};
use crate::report::Report;

/// Where NATS is, and the user of the connection Secret.
pub(crate) struct Nats {
    server: String,
    user: String,
    password: String,
}

impl Nats {
    /// Reads a `NATS_URL` with a user and a password.
    pub(crate) fn read(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (login, place) = rest.split_once('@').expect("a URL with a user");
        let (user, password) = login.split_once(':').expect("a user with a password: a token has no permissions");
        let place = place.split('?').next().unwrap_or_default();
        Self { server: format!("{scheme}://{place}"), user: user.to_owned(), password: password.to_owned() }
    }

    /// Tries everything on the victim's job.
    pub(crate) async fn attack(&self, report: &mut Report, victim: &JobStreams, role: &str, own: &JobStreams) {
        self.login_as(report, role).await;
        let mut hostile = Hostile::connect_with(&self.server, (&self.user, &self.password), own).await;
        for attempt in against(victim, own) {
            let (what, payload) = match &attempt {
                Attempt::Publish(subject, payload) => (format!("publish {subject}"), payload.clone()),
                Attempt::Subscribe(subject) => (format!("subscribe {subject}"), String::new()),
            };
            if hostile.is_refused(&attempt).await {
                report.refused(format_args!("{what} {payload}"), "a permission");
            } else {
                report.found(format_args!("{what} {payload}"), "the server accepted it");
            }
        }
        // Its own consumer's name is allowed, and the victim's streams have none.
        for stream in [victim.batch_stream(), victim.key_stream()] {
            for (what, payload) in [("MSG.NEXT", r#"{"batch":10,"expires":200000000}"#), ("INFO", "")] {
                let subject = format!("$JS.API.CONSUMER.{what}.{stream}.{}", own.consumer());
                match hostile.message_of(&subject, payload).await {
                    Some(told) if !told.contains("\"error\"") => report.found(&subject, told),
                    _ => report.nothing(subject),
                }
            }
        }
        // A user that is refused everything would prove nothing.
        let subject = own.key_subject(1);
        if hostile.is_refused(&Attempt::Publish(subject.clone(), String::new())).await {
            report.found(
                format_args!("publish {subject}"),
                "refused, although it is the attacker's own: this tries nothing",
            );
        } else {
            report.own(format_args!("publish {subject}"));
        }
    }

    /// Logs in as the other tenant with the own password.
    async fn login_as(&self, report: &mut Report, role: &str) {
        let what = format!("log in to NATS as {role} with the own password");
        let options = async_nats::ConnectOptions::with_user_and_password(role.to_owned(), self.password.clone());
        match options.connect(&self.server).await {
            Ok(_) => report.found(what, "it succeeded"),
            Err(error) => report.refused(what, error),
        }
    }
}
