//! Holds servers until its input ends: the parent that tests kill.
//!
//! `hold [DIR]`: on DIR, or on a temporary directory. Prints one line: the data-dir, the process ids of Postgres and
//! nats-server, and the database's URL, separated by tabs. An error goes to standard error, and the exit code is 1.

use std::io::{self, Read, Write};

use vaultstream_embedded::{Options, Servers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = std::env::args_os().nth(1).map_or_else(Options::temporary, Options::kept);
    let servers = Servers::start(&options)?;
    let pid = |pid: Option<u32>| pid.map_or_else(String::new, |pid| pid.to_string());
    println!(
        "{}\t{}\t{}\t{}",
        servers.data_dir().display(),
        pid(servers.postgres_pid()),
        pid(servers.nats_pid()),
        servers.database_url()
    );
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    servers.stop();
    Ok(())
}
