//! PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of a line (RFC 7468 §2).
const LINE: usize = 64;

/// DER as PEM, with a label such as `CERTIFICATE`.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_characters_and_the_last_one_what_is_left() {
        let pem = encode("CERTIFICATE", &[0; 49]);
        let lines: Vec<&str> = pem.lines().collect();
        let zeros = "A".repeat(64);
        assert_eq!(lines, ["-----BEGIN CERTIFICATE-----", zeros.as_str(), "AA==", "-----END CERTIFICATE-----"]);
        assert_eq!(encode("CERTIFICATE", &[0; 48]).lines().count(), 3);
        assert!(pem.ends_with('\n'));
    }
}
