//! A cluster of three nats-servers on this machine, whose servers can be killed and started again. Shared by all suites.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The names of the servers.
const NAMES: [&str; 3] = ["n1", "n2", "n3"];

pub(crate) struct Three {
    dir: tempfile::TempDir,
    program: PathBuf,
    client_ports: Vec<u16>,
    cluster_ports: Vec<u16>,
    running: Mutex<[Option<Child>; 3]>,
}

impl Three {
    /// Starts all three.
    pub(crate) fn start(program: PathBuf) -> Self {
        let free: Vec<TcpListener> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = free.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let (client_ports, cluster_ports) = (ports[..3].to_vec(), ports[3..].to_vec());
        drop(free);
        let dir = tempfile::tempdir().unwrap();
        let three = Self { dir, program, client_ports, cluster_ports, running: Mutex::default() };
        NAMES.iter().for_each(|name| three.start_one(name));
        three
    }

    /// All three, the connection's to choose from.
    pub(crate) fn url(&self) -> String {
        let urls: Vec<String> = self.client_ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        urls.join(",")
    }

    pub(crate) fn start_one(&self, name: &str) {
        let nth = place(name);
        let routes: Vec<String> = self.cluster_ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let text = format!(
            "server_name: {name}\nhost: 127.0.0.1\nport: {}\njetstream {{ store_dir: {:?} }}\n\
             cluster {{ name: three, host: 127.0.0.1, port: {}, routes: [{}] }}\n",
            self.client_ports[nth],
            self.dir.path().join(name),
            self.cluster_ports[nth],
            routes.join(", ")
        );
        let file = self.dir.path().join(format!("{name}.conf"));
        std::fs::write(&file, text).unwrap();
        let started = Command::new(&self.program)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.running.lock().unwrap()[nth] = Some(started);
    }

    /// As a crash would.
    pub(crate) fn kill(&self, name: &str) {
        if let Some(mut process) = self.running.lock().unwrap()[place(name)].take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn place(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap()
}

impl Drop for Three {
    fn drop(&mut self) {
        NAMES.iter().for_each(|name| self.kill(name));
    }
}
