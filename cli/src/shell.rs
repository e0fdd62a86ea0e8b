//! Commands that users can copy into a shell.

/// The name by which this program was called, so that a suggested command can be copied.
pub(crate) fn program() -> String {
    let typed = std::env::args().next().unwrap_or_default();
    let named = std::path::Path::new(&typed).file_name().is_some_and(|name| name == "vaultstream");
    if named { quoted(&typed) } else { "vaultstream".to_owned() }
}

/// The command line of this process, for a shell and without passwords.
pub(crate) fn command_line() -> String {
    let words = std::env::args().skip(1);
    let mut line = program();
    let mut url_follows = false;
    for word in words {
        let told = match word.split_once('=') {
            _ if url_follows => without_secret(&word),
            Some((flag @ ("--database-url" | "--nats-url" | "--source-url"), url)) => {
                format!("{flag}={}", without_secret(url))
            }
            _ => quoted(&word),
        };
        url_follows = matches!(word.as_str(), "--database-url" | "--nats-url" | "--source-url");
        line.push(' ');
        line.push_str(&told);
    }
    line
}

/// A URL that can be shown: the word URL if it may contain a password.
pub(crate) fn without_secret(url: &str) -> String {
    let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(login, _)| login);
    let secret =
        login.is_some_and(|login| !url.starts_with("postgres") || login.contains(':')) || url.contains("password");
    if secret { "URL".to_owned() } else { quoted(url) }
}

/// A word quoted for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_what_may_be_a_password_is_left_out() {
        assert_eq!(quoted("--batch=7"), "--batch=7");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(without_secret("nats://token@host"), "URL");
        assert_eq!(without_secret("nats://host:4222"), "nats://host:4222");
        assert_eq!(without_secret("postgres://me:secret@host/db"), "URL");
    }
}
