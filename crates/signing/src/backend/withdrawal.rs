//! Backends that gave a wrong answer: taken out of use, for as long as the process lives.
//!
//! A processor that computes wrongly once is likely to do it again, and a known-answer test at the start does not find a fault that
//! comes later.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::kind::{Backend, Nonce};

/// Why each was withdrawn.
static WITHDRAWN: [OnceLock<String>; Backend::NAMED.len()] = [const { OnceLock::new() }; Backend::NAMED.len()];

/// Held while one is withdrawn, so that two threads cannot withdraw the last two backends at once.
static WITHDRAWING: Mutex<()> = Mutex::new(());

/// The outcome of withdrawing a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// This call withdrew it. Its caller reports that.
    Now,
    /// It was withdrawn before.
    Before,
    /// It remains in use: no other backend here can sign with such nonces.
    Last,
}

impl Backend {
    /// Takes it out of use in this process, with the reason, unless it is the last one that can sign with such nonces here.
    pub fn withdraw(self, nonce: Nonce, why: &str) -> Withdrawal {
        let _one_at_a_time = WITHDRAWING.lock();
        if self.is_withdrawn() {
            return Withdrawal::Before;
        }
        if self.successor(nonce).is_none() {
            return Withdrawal::Last;
        }
        match WITHDRAWN[self as usize].set(why.to_owned()) {
            Ok(()) => Withdrawal::Now,
            Err(_) => Withdrawal::Before,
        }
    }

    /// Whether it was withdrawn.
    #[must_use]
    pub fn is_withdrawn(self) -> bool {
        self.withdrawn_because().is_some()
    }

    /// Why it was withdrawn; `None` when it was not.
    #[must_use]
    pub fn withdrawn_because(self) -> Option<&'static str> {
        WITHDRAWN[self as usize].get().map(String::as_str)
    }
}
