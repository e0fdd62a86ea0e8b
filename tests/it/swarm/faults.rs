//! The faults, each with the proof that it has met a job that was under way.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use rustix::process::Signal;
use vaultstream_embedded::Servers;

use super::crew::Crew;
use super::plan::{Fault, Strike};
use crate::harness::{Running, Weather, blocking};

/// Waits for its moment, strikes, and mends what has to be mended. True when it has met the job.
pub(super) async fn strike(crew: &Crew<'_>, strike: &Strike) -> bool {
    if !crew.until_signed(strike.signed).await {
        return false;
    }
    match strike.fault {
        Fault::KillWorker => kill_worker(crew, strike).await,
        Fault::KillAtPoint => kill_at_point(crew, strike).await,
        Fault::StopWorker => stop_worker(crew, strike).await,
        Fault::StopAtPoint => stop_at_point(crew, strike).await,
        Fault::Cut => weather(crew, strike, Weather { cut: true, ..Weather::default() }).await,
        Fault::Hold => weather(crew, strike, Weather { held: true, ..Weather::default() }).await,
        Fault::Delay => weather(crew, strike, Weather { delay: strike.lasts / 30, ..Weather::default() }).await,
        Fault::Duplicate => duplicate(crew, strike).await,
        Fault::RestartPostgres => {
            restart(crew, Servers::postgres_pid, |servers| servers.restart_postgres().unwrap()).await
        }
        Fault::CrashPostgres => {
            let away = strike.lasts / 2;
            restart(crew, Servers::postgres_pid, move |servers| {
                servers.kill_postgres();
                std::thread::sleep(away);
                servers.start_postgres().unwrap();
            })
            .await
        }
        Fault::RestartNats => restart(crew, Servers::nats_pid, |servers| servers.restart_nats().unwrap()).await,
        Fault::CrashNats => {
            let away = strike.lasts / 2;
            restart(crew, Servers::nats_pid, move |servers| {
                servers.kill_nats();
                std::thread::sleep(away);
                servers.start_nats().unwrap();
            })
            .await
        }
        Fault::WipeJetStream => restart(crew, Servers::nats_pid, |servers| servers.wipe_jetstream().unwrap()).await,
        Fault::ReplaceDriver => crew.drive.lock().await.replace_driver(),
    }
}

async fn kill_worker(crew: &Crew<'_>, strike: &Strike) -> bool {
    let worker = crew.worker(strike.whom);
    let mut process = worker.process.lock().await;
    let Some(killed) = process.take() else { return false };
    killed.signal(Signal::KILL);
    let ended = killed.end().await;
    tokio::time::sleep(strike.lasts / 4).await;
    *process = Some(crew.program(worker).await.start());
    ended.status.signal() == Some(9)
}

async fn stop_worker(crew: &Crew<'_>, strike: &Strike) -> bool {
    let process = crew.worker(strike.whom).process.lock().await;
    let Some(stopped) = &*process else { return false };
    stopped.signal(Signal::STOP);
    stopped.until_stopped().await;
    tokio::time::sleep(strike.lasts).await;
    stopped.signal(Signal::CONT);
    true
}

/// Starts a worker beside the others, with a fault point armed. `None` when the job is over before the point is reached.
async fn armed(crew: &Crew<'_>, strike: &Strike, action: &str, reached: fn(&Running) -> bool) -> Option<Running> {
    let (point, pass) = strike.point;
    let program = crew.program(crew.worker(strike.whom)).await;
    let process = program.fault(&format!("{point}:{pass}={action}")).start();
    while !reached(&process) {
        if crew.is_over().await {
            crew.extras.lock().await.push(process);
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Some(process)
}

async fn kill_at_point(crew: &Crew<'_>, strike: &Strike) -> bool {
    let killed = armed(crew, strike, "kill", |process| process.status("State").starts_with('Z')).await;
    let Some(killed) = killed else { return false };
    killed.end().await.assert_killed(strike.point.0);
    true
}

/// With the time that it stands still, what it holds may be another's when it continues.
async fn stop_at_point(crew: &Crew<'_>, strike: &Strike) -> bool {
    let Some(stopped) = armed(crew, strike, "stop", Running::is_stopped).await else { return false };
    tokio::time::sleep(strike.lasts).await;
    stopped.signal(Signal::CONT);
    crew.extras.lock().await.push(stopped);
    true
}

async fn weather(crew: &Crew<'_>, strike: &Strike, weather: Weather) -> bool {
    let lines = crew.lines(strike.whom).lock().await;
    let relays: Vec<_> = [(&lines.postgres, strike.ways.0), (&lines.nats, strike.ways.1)]
        .into_iter()
        .filter_map(|(relay, meant)| meant.then_some(relay))
        .collect();
    let met = || relays.iter().map(|relay| relay.met.total()).sum::<u64>();
    let before = met();
    relays.iter().for_each(|relay| relay.set(weather));
    tokio::time::sleep(strike.lasts).await;
    relays.iter().for_each(|relay| relay.set(Weather::default()));
    met() > before
}

/// On a worker's way to NATS; what the driver sends comes twice there, too.
async fn duplicate(crew: &Crew<'_>, strike: &Strike) -> bool {
    let doubled = Weather { doubled: true, ..Weather::default() };
    weather(crew, &Strike { whom: strike.whom % crew.workers.len(), ways: (false, true), ..*strike }, doubled).await
}

/// Another process of the server has the old one's data, or none.
async fn restart(
    crew: &Crew<'_>,
    pid: fn(&Servers) -> Option<u32>,
    act: impl FnOnce(&Servers) + Send + 'static,
) -> bool {
    let servers = crew.site.servers.clone();
    blocking(move || {
        let before = pid(&servers);
        act(&servers);
        before != pid(&servers)
    })
    .await
}
