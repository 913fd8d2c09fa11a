//! Sections: how the plaintext of an envelope is divided (`u8 tag, u32 length, bytes`).

use crate::EnvelopeError;

const PREFIX_LEN: usize = 5;
/// Where the sections end and the padding begins.
pub(crate) const END: u8 = 0;

/// One section of a plaintext.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// What it is; never 0.
    pub tag: u8,
    /// Its content.
    pub bytes: &'a [u8],
}

impl std::fmt::Debug for Section<'_> {
    /// Shows the size, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Section({}, {} bytes)", self.tag, self.bytes.len())
    }
}

/// Divides a plaintext into its sections. There is one encoding of the same sections and padding:
/// tags ascend, none occurs twice, and everything after a zero tag is zero.
///
/// # Errors
/// [`EnvelopeError::Malformed`] for anything else, and for tags that are not in `known`.
pub fn parse<'a>(plaintext: &'a [u8], known: &[u8]) -> Result<Vec<Section<'a>>, EnvelopeError> {
    let mut sections = Vec::new();
    let mut rest = plaintext;
    let mut last = END;
    while let Some((&tag, after_tag)) = rest.split_first() {
        if tag == END {
            if after_tag.iter().any(|&byte| byte != 0) {
                return Err(EnvelopeError::Malformed("its padding is not zero"));
            }
            break;
        }
        if tag <= last {
            return Err(EnvelopeError::Malformed("its sections are out of order"));
        }
        if !known.contains(&tag) {
            return Err(EnvelopeError::Malformed("it has a section of an unknown kind"));
        }
        last = tag;
        let (len, content) = after_tag
            .split_first_chunk()
            .ok_or(EnvelopeError::Malformed("it ends inside a section"))?;
        let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
        let (bytes, after) = content
            .split_at_checked(len)
            .ok_or(EnvelopeError::Malformed("a section is longer than the whole"))?;
        sections.push(Section { tag, bytes });
        rest = after;
    }
    Ok(sections)
}

/// Length of a section whose content has `len` bytes.
pub(crate) const fn section_len(len: usize) -> usize {
    len.saturating_add(PREFIX_LEN)
}

/// Appends a section. Its content is shorter than the longest envelope, so its length fits.
pub fn push(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    push_head(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends what precedes a section's content of `len` bytes.
pub(crate) fn push_head(out: &mut Vec<u8>, tag: u8, len: usize) {
    debug_assert!(tag != END && len <= crate::padding::MAX_ENVELOPE_LEN);
    out.push(tag);
    out.extend_from_slice(&(len as u32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(plaintext: &[u8]) -> bool {
        matches!(parse(plaintext, &[1, 2, 3]), Err(EnvelopeError::Malformed(_)))
    }

    #[test]
    fn only_the_one_encoding_of_sections_is_read() {
        let one = [1, 0, 0, 0, 1, 7];
        let two = [2, 0, 0, 0, 0];
        assert_eq!(parse(&[], &[1]).unwrap(), []);
        assert_eq!(parse(&one, &[1]).unwrap(), [Section { tag: 1, bytes: &[7] }]);
        assert_eq!(parse(&[&one[..], &two, &[0, 0]].concat(), &[1, 2]).unwrap().len(), 2);

        assert!(refused(&[&two[..], &one].concat()), "descending");
        assert!(refused(&[one, one].concat()), "twice");
        assert!(refused(&[4, 0, 0, 0, 0]), "unknown");
        assert!(refused(&[&one[..], &[0, 0, 1]].concat()), "padding");
        assert!(refused(&[1, 0xff, 0xff, 0xff, 0xff, 7]), "too long");
        for len in 1..one.len() {
            assert!(refused(&one[..len]), "{len}");
        }
    }

    proptest! {
        #[test]
        fn sections_read_back_as_they_were_written(
            contents in prop::collection::btree_map(
                1_u8.., prop::collection::vec(any::<u8>(), 0..40), 0..6),
            padding in 0_usize..40,
        ) {
            let mut plaintext = Vec::new();
            for (&tag, bytes) in &contents {
                push(&mut plaintext, tag, bytes);
            }
            plaintext.resize(plaintext.len() + padding, 0);
            let known: Vec<u8> = (1..=255).collect();
            let sections = parse(&plaintext, &known).unwrap();
            let read: Vec<_> = sections.iter().map(|s| (s.tag, s.bytes.to_vec())).collect();
            prop_assert_eq!(read, contents.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn what_is_read_writes_back_to_the_same_bytes(
            plaintext in prop::collection::vec(0_u8..4, 0..64),
        ) {
            if let Ok(sections) = parse(&plaintext, &[1, 2, 3]) {
                let mut again = Vec::new();
                sections.iter().for_each(|section| push(&mut again, section.tag, section.bytes));
                again.resize(plaintext.len(), 0);
                prop_assert_eq!(again, plaintext);
            }
        }
    }
}
