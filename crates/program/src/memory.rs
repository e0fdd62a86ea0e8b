//! The memory of a program that holds private keys.

/// Has the kernel make no core dump of this process, whatever limits are set, and let no other process of the same user read its memory
/// (prctl(2), PR_SET_DUMPABLE). Programs that it starts are not affected.
///
/// # Errors
/// What the kernel refuses.
pub fn keep_private() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn no_core_is_dumped_of_a_program_that_holds_keys() {
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::Dumpable));
        super::keep_private().unwrap();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
