use std::io;

/// Takes the beginning of an output that is too large to be held in memory. The output of the job
/// is what was appended here, then the data of the report.
pub trait Spool: Send + Sync {
    /// Appends. The disk is written to at once, which takes well under a millisecond for 64 KiB.
    ///
    /// # Errors
    /// Those of the disk; and every time once the job has been stopped. Then the job can give no
    /// output any more.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Bytes that were appended.
    fn appended(&self) -> u64;
}
