//! What a command is doing, on stderr: on a terminal one line that changes, elsewhere lines now and then.

mod bar;
mod display;
mod follow;
mod rate;

pub(crate) use display::ProgressDisplay;
pub(crate) use follow::JobFollower;
pub(crate) use rate::{RateMeter, with_rate};
