//! Off this machine nothing goes in the clear unless the URL says so.

use vaultstream_streams::{ConnectError, ConnectOptions, Streams};

use crate::server::Server;

#[tokio::test]
async fn a_server_without_tls_is_talked_to_only_where_the_url_allows_it() {
    let server = Server::start();
    // An address of this machine that no rule takes for it.
    let elsewhere = server.servers.nats_url().replace("127.0.0.1", "0.0.0.0");
    let options = |url: &str| ConnectOptions { url: url.to_owned(), ..server.options() };
    let Err(error) = Streams::connect(&options(&elsewhere)).await else { panic!("it was talked to in the clear") };
    assert!(matches!(error, ConnectError::NotEncrypted { .. }), "{error:?}");
    assert!(error.to_string().ends_with("add ?tls=disable to the URL"), "{error}");
    Streams::connect(&options(&format!("{elsewhere}?tls=disable"))).await.unwrap();
    Streams::connect(&server.options()).await.unwrap();
}
