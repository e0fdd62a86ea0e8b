//! A way to a server that can be cut: the network between the cluster and Postgres or NATS. Its address never changes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use super::cluster::NODE;

/// Below the ports that the system assigns, so that no program takes one while it is cut, and above the well-known ones.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// Where a relay leads to.
#[derive(Clone)]
pub(crate) enum Server {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    server: Server,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// A port of the node that is free, and that the system will not assign.
pub(crate) async fn free_port() -> (SocketAddr, TcpListener) {
    loop {
        let address = SocketAddr::from((NODE, NEXT_PORT.fetch_add(1, Ordering::Relaxed)));
        assert!(address.port() < 30_000, "no port of {NODE} is free: is this the test cluster?");
        if let Ok(listener) = TcpListener::bind(address).await {
            return (address, listener);
        }
    }
}

impl Relay {
    pub(crate) async fn to(server: Server) -> Self {
        let (address, listener) = free_port().await;
        let task = Mutex::new(Some(tokio::spawn(serve(listener, server.clone()))));
        Self { address, server, task }
    }

    /// The same server, at another address.
    pub(crate) async fn moved(&self) -> Self {
        Self::to(self.server.clone()).await
    }

    /// Ends all connections and refuses new ones.
    pub(crate) async fn cut(&self) {
        let task = self.task.lock().unwrap().take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }

    /// Lets the server be reached again.
    pub(crate) async fn restore(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let task = tokio::spawn(serve(listener, self.server.clone()));
        assert!(self.task.lock().unwrap().replace(task).is_none(), "it was not cut");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap().take() {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, server: Server) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                connections.spawn(join(client, server.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// When one side ends, both do.
async fn join(mut client: TcpStream, server: Server) {
    let _ = client.set_nodelay(true);
    let _ = match server {
        Server::Unix(path) => match UnixStream::connect(path).await {
            Ok(mut server) => copy_bidirectional(&mut client, &mut server).await,
            Err(error) => Err(error),
        },
        Server::Tcp(address) => match TcpStream::connect(address).await {
            Ok(mut server) => copy_bidirectional(&mut client, &mut server).await,
            Err(error) => Err(error),
        },
    };
}
