//! A network between a program and a server that a test can break: cut, hold, slow down, and on the way to NATS, deliver twice.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Site;
use super::nats_frames::Frames;

/// What a relay does to what it carries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    /// All connections end, and new ones end at once.
    pub(crate) cut: bool,
    /// Nothing arrives until this is false again; nothing is lost.
    pub(crate) held: bool,
    /// Each piece arrives this much later.
    pub(crate) delay: Duration,
    /// Deliveries, acknowledgements and publications of NATS arrive twice, each time as whole messages.
    pub(crate) doubled: bool,
}

/// How often each weather has met something that was carried.
#[derive(Default)]
pub(crate) struct Met {
    /// Connections that were cut.
    pub(crate) cut: AtomicU64,
    /// Pieces that were held.
    pub(crate) held: AtomicU64,
    /// Pieces that were delayed.
    pub(crate) delayed: AtomicU64,
    /// Messages that arrived twice.
    pub(crate) doubled: AtomicU64,
}

impl Met {
    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        [&self.cut, &self.held, &self.delayed, &self.doubled].iter().map(|met| met.load(Ordering::Relaxed)).sum()
    }
}

#[derive(Clone)]
enum Server {
    Postgres(PathBuf),
    Nats(SocketAddr),
}

pub(crate) struct Relay {
    pub(crate) port: u16,
    pub(crate) met: Arc<Met>,
    weather: watch::Sender<Weather>,
    server: Arc<Mutex<Server>>,
    task: JoinHandle<()>,
}

/// Both ways from one program to the servers of a site.
pub(crate) struct Lines {
    pub(crate) postgres: Relay,
    pub(crate) nats: Relay,
    pub(crate) database_url: String,
    pub(crate) nats_url: String,
}

impl Lines {
    pub(crate) async fn to(site: &Site) -> Self {
        let (socket, database) = socket(&site.database_url);
        let (token, address) = site.nats_url.strip_prefix("nats://").unwrap().split_once('@').unwrap();
        let postgres = Relay::to(Server::Postgres(socket)).await;
        let nats = Relay::to(Server::Nats(address.parse().unwrap())).await;
        let database_url = format!("postgresql://vaultstream@127.0.0.1:{}/{database}?sslmode=disable", postgres.port);
        let nats_url = format!("nats://{token}@127.0.0.1:{}", nats.port);
        Self { postgres, nats, database_url, nats_url }
    }
}

/// The socket and the database of a private server's URL.
fn socket(url: &str) -> (PathBuf, &str) {
    let (host, database) = url.strip_prefix("postgresql://vaultstream@").unwrap().split_once('/').unwrap();
    (Path::new(&host.replace("%2F", "/")).join(".s.PGSQL.5432"), database)
}

impl Relay {
    async fn to(server: Server) -> Self {
        let server = Arc::new(Mutex::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (weather, _) = watch::channel(Weather::default());
        let met = Arc::<Met>::default();
        let (shared, seen, target) = (weather.clone(), Arc::clone(&met), Arc::clone(&server));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = target.lock().unwrap().clone();
                tokio::spawn(carry(client, server, shared.subscribe(), Arc::clone(&seen)));
            }
        });
        Self { port, met, weather, server, task }
    }

    /// New connections lead to the Postgres of this URL.
    pub(crate) fn lead_to(&self, database_url: &str) {
        *self.server.lock().unwrap() = Server::Postgres(socket(database_url).0);
    }

    /// What it does from now on.
    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Weather { cut: true, ..Weather::default() });
    }
}

/// A connection. When one side ends it, the other side's ends, too.
async fn carry(client: TcpStream, server: Server, mut weather: watch::Receiver<Weather>, met: Arc<Met>) {
    if weather.borrow().cut {
        met.cut.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let is_nats = matches!(server, Server::Nats(_));
    let _ = client.set_nodelay(true);
    let (from_client, to_client) = split(client);
    let Ok((from_server, to_server)) = connect(server).await.map(split) else { return };
    let frames = || is_nats.then(Frames::default);
    tokio::select! {
        _ = pump(from_client, to_server, frames(), weather.clone(), &met) => {}
        _ = pump(from_server, to_client, frames(), weather.clone(), &met) => {}
        _ = weather.wait_for(|weather| weather.cut) => {
            met.cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

async fn connect(server: Server) -> io::Result<Box<dyn Connection>> {
    Ok(match server {
        Server::Postgres(socket) => Box::new(UnixStream::connect(socket).await?),
        Server::Nats(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    })
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut frames: Option<Frames>,
    mut weather: watch::Receiver<Weather>,
    met: &Met,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if weather.borrow_and_update().held {
            met.held.fetch_add(1, Ordering::Relaxed);
            // Its sender lives as long as the relay; without one, the connection ends.
            weather.wait_for(|weather| !weather.held).await.map_err(io::Error::other)?;
        }
        let now = *weather.borrow_and_update();
        if !now.delay.is_zero() {
            met.delayed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(now.delay).await;
        }
        match &mut frames {
            None => to.write_all(&buffer[..length]).await?,
            Some(frames) => {
                frames.push(&buffer[..length]);
                for frame in frames.by_ref() {
                    to.write_all(frame.bytes()).await?;
                    if now.doubled && frame.may_come_twice() {
                        met.doubled.fetch_add(1, Ordering::Relaxed);
                        to.write_all(frame.bytes()).await?;
                    }
                }
            }
        }
        to.flush().await?;
    }
}
