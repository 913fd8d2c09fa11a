//! Length prefixes: concatenations that read back in one way only.

/// Appends `bytes` with their length before them (u64, big-endian).
pub(crate) fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The parts in sequence, each with its length before it.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        push(&mut out, part);
    }
    out
}
