//! Workers log in to a real OpenBao with the token of their pod's ServiceAccount, and again before what they got is over.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vaultstream_custody::{KeyWrapper as _, Transit, TransitFiles, TransitLogin, WrapperError};
use vaultstream_signing::{Backend, Digest, Nonce, PrivateKey, RawSignature, jose_encode};

use crate::harness::{ApiServer, Bao, Site, assert_signed_exactly_once, generated, quick};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 60, duration: 5s}}\nconcurrency: {signers: 2}";

/// How a pod's ServiceAccount logs in.
struct Method {
    path: &'static str,
    token: String,
}

/// The auth method that needs no cluster: it checks the token's signature by itself.
async fn jwt(bao: &Bao) -> Method {
    let key = PrivateKey::generate().unwrap();
    let public = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(public.path(), key.public().spki_pem()).unwrap();
    bao.command(&["auth", "enable", "jwt"]).await;
    let keys = format!("jwt_validation_pubkeys=@{}", public.path().display());
    bao.command(&["write", "auth/jwt/config", &keys]).await;
    let role = ["role_type=jwt", "user_claim=sub", "bound_audiences=vault", "bound_subject=worker"];
    bao.role("auth/jwt/role/team", &role).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (before, after) = (now - 60, now + 3600);
    let claims = format!(r#"{{"sub":"worker","aud":"vault","iat":{before},"nbf":{before},"exp":{after}}}"#);
    let text = [r#"{"alg":"ES256","typ":"JWT"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let mut signatures = [RawSignature::EMPTY];
    let mut signer = Backend::fastest().signer(&key, Nonce::Hedged).unwrap();
    signer.sign(&[Digest::of(text.as_bytes())], &mut signatures).unwrap();
    Method { path: "jwt", token: format!("{text}.{}", jose_encode(&signatures[0])) }
}

/// The auth method that has the API server review the token.
async fn kubernetes(bao: &Bao, api: &ApiServer) -> Method {
    bao.command(&["auth", "enable", "kubernetes"]).await;
    let (host, ca) = (format!("kubernetes_host={}", api.url), format!("kubernetes_ca_cert=@{}", api.ca().display()));
    let reviewer = format!("token_reviewer_jwt={}", ApiServer::ADMIN);
    bao.command(&["write", "auth/kubernetes/config", &host, &ca, &reviewer, "disable_local_ca_jwt=true"]).await;
    let role = ["bound_service_account_names=worker", "bound_service_account_namespaces=default", "audience=vault"];
    bao.role("auth/kubernetes/role/team", &role).await;
    Method { path: "kubernetes", token: api.service_account("worker", "vault").await }
}

/// Signs a job whose worker logs in by a method; then calls until two logins are over.
async fn assert_logs_in(bao: &Bao, Method { path, token }: Method) {
    let (site, file) = (Site::new().await, tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), &token).unwrap();
    let seeded = site.seed(&generated("job", 300, SPEC)).await;
    bao.give_to(&site, "");
    std::fs::remove_file(site.dir.path().join("transit-token")).unwrap();
    std::fs::write(site.dir.path().join("transit-role"), "team\n").unwrap();
    if path != "kubernetes" {
        std::fs::write(site.dir.path().join("transit-auth-path"), path).unwrap();
    }
    let job = seeded.drive(quick());
    let worker = site.worker(job.uid).await.args(&["--service-account-token", file.path().to_str().unwrap()]).start();
    job.complete().await;
    drop(worker);
    assert_signed_exactly_once(&site, "job", 300).await;

    let login = |role: &str| TransitLogin::Kubernetes {
        role: role.to_owned(),
        mount: path.to_owned(),
        token_file: file.path().to_owned(),
    };
    let transit = |role| Transit::new(&bao.url("vaultstream"), TransitFiles { login: login(role), ca: Some(bao.ca()) });
    let logins = || bao.requests(&format!("auth/{path}/login"));
    let (before, transit_of_team) = (logins(), transit("team").unwrap());
    for _ in 0..3 {
        transit_of_team.wrap(b"", &[7; 32]).await.unwrap();
    }
    assert_eq!(logins() - before, 1, "a login is used again");
    tokio::time::sleep(Duration::from_secs(5)).await;
    transit_of_team.wrap(b"", &[7; 32]).await.unwrap();
    assert_eq!(logins() - before, 2, "two thirds of 6 s are over");
    bao.command(&["lease", "revoke", "-prefix", "-sync", &format!("auth/{path}/login")]).await;
    transit_of_team.wrap(b"", &[7; 32]).await.unwrap();
    assert_eq!(logins() - before, 3, "a revoked login is replaced at once");
    let refused = transit("other").unwrap().wrap(b"", &[7; 32]).await.unwrap_err();
    assert!(matches!(&refused, WrapperError::Refused(_)), "{refused:?}");
    std::fs::write(file.path(), "nonsense").unwrap();
    let refused = transit("team").unwrap().wrap(b"", &[7; 32]).await.unwrap_err();
    assert!(
        matches!(&refused, WrapperError::Refused(_)) && !format!("{refused:?}").contains("nonsense"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_log_in_with_a_signed_token_and_again_before_what_they_got_is_over() {
    let Some(bao) = Bao::start().await else { return };
    let method = jwt(&bao).await;
    assert_logs_in(&bao, method).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_log_in_with_the_token_of_a_service_account_that_the_api_server_reviews() {
    let Some(bao) = Bao::start().await else { return };
    let Some(api) = ApiServer::start().await else { return };
    let method = kubernetes(&bao, &api).await;
    assert_logs_in(&bao, method).await;
}
