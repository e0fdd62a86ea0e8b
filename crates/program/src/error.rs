//! Errors as the one line that a person reads.

/// An error and its causes on one line. A cause that the text before it contains already is left out: some libraries show
/// their cause in their own sentence as well.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = on_one_line(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let sentence = on_one_line(cause);
        if !text.contains(&sentence) {
            text.push_str(": ");
            text.push_str(&sentence);
        }
        source = cause.source();
    }
    text
}

/// Postgres gives its hints lines of their own.
fn on_one_line(error: &dyn std::error::Error) -> String {
    error.to_string().replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        source: Option<Box<Told>>,
    }

    fn told(text: &'static str, source: Option<Told>) -> Told {
        Told { text, source: source.map(Box::new) }
    }

    #[test]
    fn causes_follow_on_one_line() {
        let error =
            told("failed to connect", Some(told("db error", Some(told("no such role\nHINT: create it", None)))));
        assert_eq!(chain(&error), "failed to connect: db error: no such role; HINT: create it");
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_said_again() {
        let inner = told("timed out", None);
        let error = told("request failed: timed out (30 s)", Some(inner));
        assert_eq!(chain(&error), "request failed: timed out (30 s)");
    }
}
