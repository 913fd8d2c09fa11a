//! Journal, replay entries, results, outbox and namespaces: durable, sealed at rest, group commit.
#![forbid(unsafe_code)]
