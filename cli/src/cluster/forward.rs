//! Ports of pods, forwarded to this machine's loopback by the API server.

use std::{net::SocketAddr, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    Cluster,
    service::{self, PodPort, ServiceName},
};
use crate::{error::Failure, output};

/// A port on the loopback that leads to a Service, until it is dropped.
pub(crate) struct Forward {
    /// Where it is.
    pub(super) address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Forward {
    /// Opens one. Each connection goes to a pod that is ready then.
    ///
    /// # Errors
    /// When no pod is ready, or this machine has no port left.
    pub(super) async fn to(cluster: Arc<Cluster>, service: ServiceName, port: u16) -> Result<Self, Failure> {
        // Told before anything is connected.
        service::ready_pod(&cluster, &service, port).await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| Failure::of(&error))?;
        let address = listener.local_addr().map_err(|error| Failure::of(&error))?;
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, cluster, service, port));
        Ok(Self { address, _serving: serving })
    }
}

async fn accept(listener: TcpListener, cluster: Arc<Cluster>, service: ServiceName, port: u16) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((local, _)) => {
                let (cluster, service) = (Arc::clone(&cluster), service.clone());
                connections.spawn(async move {
                    if let Err(failure) = connect(&cluster, &service, port, local).await {
                        output::remark_once(format_args!("port-forward: {}", failure.message()));
                    }
                });
            }
            // Too many files are open, for example; the client tries again.
            Err(error) => output::remark_once(format_args!("port-forward: {error}")),
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until one of its sides ends it.
async fn connect(cluster: &Cluster, service: &ServiceName, port: u16, mut local: TcpStream) -> Result<(), Failure> {
    let PodPort { pod, port } = service::ready_pod(cluster, service, port).await?;
    let what = format!("port {port} of the pod {}/{pod}", service.namespace);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &service.namespace);
    let mut forwarder = super::answered(&what, pods.portforward(&pod, &[port])).await?;
    let Some(mut remote) = forwarder.take_stream(port) else { return Ok(()) };
    // A connection that breaks is the business of the two ends.
    let _ = copy_bidirectional(&mut local, &mut remote).await;
    drop(remote);
    forwarder.abort();
    Ok(())
}
