//! Error numbers of the interface.

/// An error number that a call answers with. The values are those of `errno` in
/// `wasi_snapshot_preview1.witx`; zero, success, is the absence of an error here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    BadF = 8,
    Busy = 10,
    Exist = 20,
    Fault = 21,
    FBig = 22,
    IlSeq = 25,
    Inval = 28,
    Io = 29,
    IsDir = 31,
    Loop = 32,
    MFile = 33,
    NameTooLong = 37,
    NoEnt = 44,
    NoSpc = 51,
    NotDir = 54,
    NotEmpty = 55,
    NotSock = 57,
    NotSup = 58,
    Overflow = 61,
    Perm = 63,
    SPipe = 70,
    NotCapable = 76,
}

impl Errno {
    /// The number as the guest sees it.
    pub(crate) const fn code(self) -> u16 {
        self as u16
    }
}
