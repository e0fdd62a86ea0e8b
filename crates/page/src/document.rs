//! The page itself: one document with its style and its script, which may run, while nothing else may.

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{Html, IntoResponse},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// Built from `web/` by `make page`.
const PAGE: &str = include_str!("../assets/ui.html");

/// Nothing is loaded but the page's own script and style, by their hashes, and nothing is asked but this server. The script sets styles of
/// elements one by one, which needs no permission. Nothing makes markup or scripts of text: where the browser knows Trusted Types, it
/// refuses that.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (script, style) = (hash(within("script")), hash(within("style")));
    let policy = format!(
        "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// What is between the only element of this name.
fn within(element: &str) -> &'static str {
    let opened = PAGE.find(&format!("<{element}>")).map(|at| &PAGE[at + element.len() + 2..]);
    opened.and_then(|rest| rest.split_once(&format!("</{element}>"))).map_or("", |(inside, _)| inside)
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// The page with its headers.
pub(crate) async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, Html(PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_script_and_one_style_and_loads_nothing() {
        for element in ["script", "style"] {
            assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "{element}");
            assert!(!within(element).is_empty(), "{element}");
        }
        let policy = POLICY.to_str().unwrap();
        assert!(policy.contains(&hash(within("script"))) && !policy.contains("unsafe"), "{policy}");
        // The icon is an empty one, so that no browser asks for another.
        let beside = PAGE.replace(within("script"), "").replace("<link rel=\"icon\" href=\"data:,\">", "");
        for loading in [" src=", "url(", "@import", "<link"] {
            assert!(!beside.contains(loading), "{loading}");
        }
    }

    #[test]
    fn the_page_is_small() {
        assert!(PAGE.len() < 300_000, "{} bytes", PAGE.len());
    }
}
