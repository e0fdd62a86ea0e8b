//! Fixed threads for work that keeps a core busy, so that signing never delays the sockets.
//!
//! In: closures. Out: their results, awaited. A lane hands over one unit at a time, so the queue is never longer than
//! the number of lanes.

use std::{num::NonZeroUsize, thread};

use tokio::sync::oneshot;

type Task = Box<dyn FnOnce() + Send>;

/// A pool of threads that run one task each, first come first served.
#[derive(Clone)]
pub struct CpuPool {
    tasks: async_channel::Sender<Task>,
}

/// A thread of the pool ended, which only a bug can cause.
#[derive(Debug, thiserror::Error)]
#[error("a signing thread ended early")]
pub struct ThreadEnded;

impl CpuPool {
    /// Starts `threads` threads; each runs `warm_up` first, for what a library does once per thread (seeding its
    /// random generator, building tables).
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(threads: NonZeroUsize, warm_up: fn()) -> Result<Self, std::io::Error> {
        let (tasks, queue) = async_channel::unbounded::<Task>();
        for number in 0..threads.get() {
            let queue = queue.clone();
            thread::Builder::new().name(format!("signer-{number}")).spawn(move || {
                warm_up();
                while let Ok(task) = queue.recv_blocking() {
                    task();
                }
            })?;
        }
        Ok(Self { tasks })
    }

    /// Runs `work` on a thread of the pool.
    ///
    /// # Errors
    /// [`ThreadEnded`] when the thread went away with the work.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ThreadEnded> {
        let (done, result) = oneshot::channel();
        let task: Task = Box::new(move || {
            // A lane that was cancelled does not wait for the result.
            let _ = done.send(work());
        });
        self.tasks.send(task).await.map_err(|_| ThreadEnded)?;
        result.await.map_err(|_| ThreadEnded)
    }
}
