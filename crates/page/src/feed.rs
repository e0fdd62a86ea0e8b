//! Readings that go on as long as somebody looks, and are made once however many look.

use std::{collections::HashMap, future::Future, hash::Hash, pin::pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;

type Running<K, V> = Arc<Mutex<HashMap<K, watch::Sender<V>>>>;

/// Readings by what is read.
pub(crate) struct Feeds<K, V> {
    running: Running<K, V>,
}

impl<K, V> Default for Feeds<K, V> {
    fn default() -> Self {
        Self { running: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash + Send + 'static, V: Default + Send + Sync + 'static> Feeds<K, V> {
    /// What is read of `key`. `read` is begun for the first who looks, and goes on until its audience has left.
    pub(crate) fn look<F>(&self, key: K, read: impl FnOnce(Audience<K, V>) -> F) -> watch::Receiver<V>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut running = self.running.lock();
        if let Some(sender) = running.get(&key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(V::default());
        running.insert(key.clone(), sender.clone());
        tokio::spawn(read(Audience { key, sender, running: Arc::clone(&self.running) }));
        receiver
    }
}

/// Those who look.
pub(crate) struct Audience<K: Eq + Hash, V> {
    key: K,
    sender: watch::Sender<V>,
    running: Running<K, V>,
}

/// Whoever looks is told when nothing came for this long.
pub(crate) const SILENCE: Duration = Duration::from_secs(4);

impl<K: Eq + Hash, V> Audience<K, V> {
    /// The same, and if it takes long, they are shown `meanwhile`. It is not given up: a large ledger may need long, too.
    pub(crate) async fn wait<T>(&self, reading: impl Future<Output = T>, meanwhile: impl FnOnce() -> V) -> T {
        let mut reading = pin!(reading);
        match tokio::time::timeout(SILENCE, &mut reading).await {
            Ok(read) => read,
            Err(_) => {
                self.show(meanwhile());
                reading.await
            }
        }
    }

    /// Shows them a reading.
    pub(crate) fn show(&self, reading: V) {
        self.sender.send_replace(reading);
    }

    /// Whether nobody looks any more. Whoever comes later begins a reading anew.
    pub(crate) fn has_left(&self) -> bool {
        // Under the lock, so that nobody comes to look at what is about to end.
        let mut running = self.running.lock();
        let has_left = self.sender.receiver_count() == 0;
        if has_left {
            running.remove(&self.key);
        }
        has_left
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn many_who_look_share_one_reading_which_ends_with_the_last_of_them() {
        let (feeds, begun) = (Feeds::<u8, u32>::default(), Arc::new(AtomicU32::new(0)));
        let look = || {
            let begun = Arc::clone(&begun);
            feeds.look(7, |audience| async move {
                begun.fetch_add(1, Ordering::Relaxed);
                let mut reading = 0;
                while !audience.has_left() {
                    reading += 1;
                    audience.show(reading);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let (mut one, mut other) = (look(), look());
        one.wait_for(|reading| *reading > 3).await.unwrap();
        other.wait_for(|reading| *reading > 3).await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        drop((one, other));
        while !feeds.running.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        look().wait_for(|reading| *reading > 0).await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}
