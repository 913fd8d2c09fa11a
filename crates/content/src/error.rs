use std::io;

use sealwork_job::Code;

use crate::{Cid, CidError, PinName};

/// Why content cannot be taken, read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A CID does not parse, or is of a kind that is not read.
    #[error(transparent)]
    Cid(#[from] CidError),
    /// A block is not here.
    #[error("{0} is not in the local content store: add it first")]
    Unknown(Cid),
    /// No content has this name.
    #[error("no content has the name `{0}`: look at the list of names")]
    NameUnknown(PinName),
    /// Bytes that were given for a CID are others.
    #[error("these bytes are not the block {0}: fetch it again, from somebody else")]
    Mismatch(Cid),
    /// A block is no node of a file.
    #[error("the block {cid} is no well-formed node of a file ({detail}): add the file again")]
    Invalid {
        /// The block.
        cid: Cid,
        /// What does not fit.
        detail: &'static str,
    },
    /// Well-formed, and no file.
    #[error("{cid} is a {kind}, not a file: give the CID of a file")]
    NotAFile {
        /// The block.
        cid: Cid,
        /// What it is.
        kind: &'static str,
    },
    /// A block is larger than any reader takes.
    #[error("the block {0} has more than 2 MiB: add the file again with smaller chunks")]
    BlockTooLarge(Cid),
    /// The content is larger than allowed.
    #[error("the content has {size} bytes, {limit} are allowed: make it smaller")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The largest allowed.
        limit: u64,
    },
    /// The tree of blocks is too deep.
    #[error("{root} is deeper than {limit} levels: add the file again in the balanced layout")]
    TooDeep {
        /// The content.
        root: Cid,
        /// The deepest level allowed.
        limit: u32,
    },
    /// Reading needs too many blocks.
    #[error("{root} has more than {limit} blocks: add the file again with larger chunks")]
    TooManyBlocks {
        /// The content.
        root: Cid,
        /// The largest number allowed.
        limit: u64,
    },
    /// The store's bound is reached.
    #[error(
        "the content store has no room for this ({what}, at most {limit}): remove content that is no longer needed, or raise the limit"
    )]
    StoreFull {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The name has a form that is not taken.
    #[error("`{}` is no name for content: use up to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, the first a letter or digit", .0.escape_debug())]
    Name(String),
    /// The name stands for other content.
    #[error(
        "the name `{name}` stands for {root}: choose another name, or remove that content first"
    )]
    NameTaken {
        /// The name.
        name: PinName,
        /// What it stands for.
        root: Cid,
    },
    /// A block on disk is not what was written.
    #[error("the block {0} is damaged on disk: check the disk, then add its content again")]
    Damaged(Cid),
    /// A name's record on disk is not what was written.
    #[error(
        "the record of the name `{0}` is damaged on disk: check the disk, then remove the name and add its content again"
    )]
    DamagedPin(PinName),
    /// Another process has the store open.
    #[error("another process uses this content store: go through the running worker, or stop it")]
    Locked,
    /// The disk fails.
    #[error("the content store cannot be used ({0}): check the disk and the file system")]
    Io(#[from] io::Error),
}

impl ContentError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Cid(error) => error.code(),
            Self::Unknown(_) | Self::NameUnknown(_) => Code::ContentUnknown,
            Self::Mismatch(_) | Self::Invalid { .. } => Code::ContentInvalid,
            Self::NotAFile { .. } => Code::ContentNotAFile,
            Self::BlockTooLarge(_)
            | Self::TooLarge { .. }
            | Self::TooDeep { .. }
            | Self::TooManyBlocks { .. } => Code::ContentTooLarge,
            Self::StoreFull { .. } => Code::ContentStoreFull,
            Self::Name(_) => Code::ArgumentsInvalid,
            Self::NameTaken { .. } => Code::ContentNameTaken,
            Self::Damaged(_) | Self::DamagedPin(_) => Code::ContentDamaged,
            Self::Locked | Self::Io(_) => Code::StoreUnavailable,
        }
    }
}
