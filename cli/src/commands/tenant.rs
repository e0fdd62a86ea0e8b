//! `vaultstream tenant`: the database logins of each namespace, of the operator and of auditors.

mod secret;

use std::process::ExitCode;

use serde_json::json;
use uuid::Uuid;
use vaultstream_ledger::{Ledger, tenants};
use vaultstream_signing::Kek;
use vaultstream_streams::{NatsUser, Tenant};

use crate::{
    args::{
        AuditorArgs, OperatorArgs, OutputFormat, SecretServerFields, TenantAddArgs, TenantArgs, TenantCommand,
        TenantListArgs, TenantRemoveArgs, TenantSecretArgs,
    },
    columns::columns,
    error::Failure,
    kek, ledger, output,
};
use secret::{Login, render};

/// The file that names the service of a namespace's key-encryption key.
const KEK_URL: &str = "KEK_URL";

/// Runs one of them.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn run(command: TenantCommand) -> Result<ExitCode, Failure> {
    match command {
        TenantCommand::Add(args) => add(args).await,
        TenantCommand::List(args) => list(args).await,
        TenantCommand::Remove(args) => remove(args).await,
        TenantCommand::Secret(args) => new_secret(args).await,
        TenantCommand::Operator(args) => operator(args).await,
        TenantCommand::Auditor(args) => auditor(args).await,
    }
    .map(|()| ExitCode::SUCCESS)
}

async fn add(args: TenantAddArgs) -> Result<(), Failure> {
    let TenantAddArgs { tenant, role, kek_file, secret } = args;
    let namespace = namespace(&tenant)?;
    // All that can be wrong with the input is found before a login is made.
    let kek = match &kek_file {
        Some(file) => Some(kek::read(file)?),
        None if secret.servers.names(KEK_URL) => None,
        None => {
            let id = "new".parse().map_err(|error| Failure::of(&error))?;
            Some(Kek::generate(id).map_err(|error| Failure::of(&error))?)
        }
    };
    let opened = ledger::open(&tenant.ledger).await?;
    let cluster = cluster(&opened.ledger, &tenant).await?;
    let mut server = secret::Server::of(&opened.location, &secret.servers)?;
    let login = Login { role: role.unwrap_or_else(|| tenants::role_of(namespace)), password: password() };
    tenants::add(&opened.ledger, &cluster, namespace, &login.role, &login.password)
        .await
        .map_err(|error| Failure::input(&error))?;
    output::remark(format_args!("{namespace}: made the login {}", login.role));
    let user = NatsUser::Worker(Tenant::new(&cluster, namespace));
    make_nats_user(&mut server, &user, &login.role)?;
    tell_shared(&opened.ledger).await?;
    output::print(&render(namespace, &secret.secret_name, &server, &login, kek.as_ref())?)
}

async fn new_secret(args: TenantSecretArgs) -> Result<(), Failure> {
    let TenantSecretArgs { tenant, kek_file, secret } = args;
    let namespace = namespace(&tenant)?;
    let kek = kek_file.as_deref().map(kek::read).transpose()?;
    if kek.is_none() && !secret.servers.names(KEK_URL) {
        return Err(Failure::bad_input(
            "the namespace's key-encryption key is missing, which the ledger does not know: give --kek-file FILE, or --file KEK_URL",
        ));
    }
    let opened = ledger::open(&tenant.ledger).await?;
    let cluster = cluster(&opened.ledger, &tenant).await?;
    let mut server = secret::Server::of(&opened.location, &secret.servers)?;
    let password = password();
    let role = tenants::set_password(&opened.ledger, &cluster, namespace, &password)
        .await
        .map_err(|error| Failure::input(&error))?;
    output::remark(format_args!("{namespace}: the login {role} has a new password"));
    let user = NatsUser::Worker(Tenant::new(&cluster, namespace));
    make_nats_user(&mut server, &user, &role)?;
    output::print(&render(namespace, &secret.secret_name, &server, &Login { role, password }, kek.as_ref())?)
}

async fn operator(args: OperatorArgs) -> Result<(), Failure> {
    let OperatorArgs { namespace, role, servers, secret_name, ledger } = args;
    check_namespace(&namespace)?;
    let opened = ledger::open(&ledger).await?;
    let mut server = secret::Server::of(&opened.location, &servers)?;
    let login = Login { role, password: password() };
    tenants::add_operator(&opened.ledger, &login.role, &login.password)
        .await
        .map_err(|error| Failure::input(&error))?;
    output::remark(format_args!("the login {} drives the jobs of all namespaces", login.role));
    make_nats_user(&mut server, &NatsUser::Operator, &login.role)?;
    output::print(&render(&namespace, &secret_name, &server, &login, None)?)
}

async fn auditor(args: AuditorArgs) -> Result<(), Failure> {
    let AuditorArgs { namespace, role, database_host, file, secret_name, ledger } = args;
    check_namespace(&namespace)?;
    let opened = ledger::open(&ledger).await?;
    let servers = SecretServerFields { database_host, file, ..SecretServerFields::default() };
    let server = secret::Server::of(&opened.location, &servers)?;
    let login = Login { role, password: password() };
    tenants::add_auditor(&opened.ledger, &login.role, &login.password).await.map_err(|error| Failure::input(&error))?;
    output::remark(format_args!("the login {} reads everything but private keys", login.role));
    output::print(&render(&namespace, &secret_name, &server, &login, None)?)
}

async fn list(args: TenantListArgs) -> Result<(), Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let found = tenants::list(&opened.ledger).await.map_err(|error| Failure::of(&error))?;
    match args.output {
        OutputFormat::Json => {
            for tenant in &found {
                output::json(&json!({
                    "namespace": tenant.namespace, "cluster": tenant.cluster, "role": tenant.role,
                    "liveJobs": tenant.live_jobs, "mayLogIn": tenant.may_log_in,
                }))?;
            }
        }
        OutputFormat::Text => {
            let rows = found.iter().map(|tenant| {
                let lost = if tenant.may_log_in { "" } else { "  (the login is gone)" };
                [
                    output::printable(&tenant.namespace).into_owned(),
                    output::printable(&tenant.role).into_owned(),
                    output::printable(&tenant.cluster).into_owned(),
                    format!("{}{lost}", tenant.live_jobs),
                ]
            });
            output::print(&columns(&["NAMESPACE", "LOGIN", "CLUSTER", "JOBS"], rows.collect(), 4))?;
        }
    }
    tell_shared(&opened.ledger).await
}

async fn remove(args: TenantRemoveArgs) -> Result<(), Failure> {
    let namespace = namespace(&args.tenant)?;
    let opened = ledger::open(&args.tenant.ledger).await?;
    let cluster = cluster(&opened.ledger, &args.tenant).await?;
    let role = tenants::remove(&opened.ledger, &cluster, namespace, args.force)
        .await
        .map_err(|error| Failure::input(&error))?;
    output::line(format_args!("{namespace}: the login {role} is gone"))
}

/// Logins of before there were tenants reach all of them.
async fn tell_shared(ledger: &Ledger) -> Result<(), Failure> {
    let logins = tenants::shared_logins(ledger).await.map_err(|error| Failure::of(&error))?;
    if logins.is_empty() {
        return Ok(());
    }
    output::remark(format_args!(
        "these logins reach the jobs of all namespaces, as members of vaultstream_worker: {}. When each namespace with jobs has a login \
         of its own and its workers use it: REVOKE vaultstream_worker FROM {};",
        logins.join(", "),
        logins.join(", ")
    ));
    Ok(())
}

/// Its user of NATS has the same name, and a password of its own.
fn make_nats_user(server: &mut secret::Server, user: &NatsUser, role: &str) -> Result<(), Failure> {
    server.make_nats_user(user, &Login { role: role.to_owned(), password: password() })
}

/// The namespace of the tenant.
fn namespace(args: &TenantArgs) -> Result<&str, Failure> {
    check_namespace(&args.namespace)?;
    Ok(&args.namespace)
}

/// As Kubernetes allows it.
fn check_namespace(name: &str) -> Result<(), Failure> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = name.starts_with('-') || name.ends_with('-');
    if name.is_empty() || name.len() > 63 || edges || !name.bytes().all(fits) {
        return Err(Failure::bad_input(format!(
            "{name:?} is no namespace: it has to have 1 to 63 small letters, digits and dashes, and a letter or digit at each end"
        )));
    }
    Ok(())
}

/// The cluster: the one that was given, else the only one that the ledger knows.
async fn cluster(ledger: &Ledger, args: &TenantArgs) -> Result<String, Failure> {
    if let Some(cluster) = &args.cluster {
        return Ok(cluster.clone());
    }
    let how = "give --cluster with the operator's --cluster-id, or with what \
         `kubectl get namespace kube-system -o jsonpath='{.metadata.uid}'` prints";
    let known = tenants::clusters(ledger).await.map_err(|error| Failure::of(&error))?;
    match known.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::bad_input(format!("which cluster? the ledger knows none yet: {how}"))),
        several => Err(Failure::bad_input(format!("which cluster? the ledger knows {}: {how}", several.join(", ")))),
    }
}

/// 244 random bits.
fn password() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
