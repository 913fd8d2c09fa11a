//! The codec dag-pb: a node with links and data. <https://ipld.io/specs/codecs/dag-pb/spec/>

use crate::{
    Cid,
    wire::{Fields, Malformed, put_bytes, put_number, set_once},
};

const NODE_DATA: u64 = 1;
const NODE_LINK: u64 = 2;
const LINK_HASH: u64 = 1;
const LINK_NAME: u64 = 2;
const LINK_SIZE: u64 = 3;

/// A link of a file's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) cid: Cid,
    /// Bytes of all blocks below, each counted as often as it occurs. A hint of the writer: no
    /// reader may rely on it.
    pub(crate) tree_size: u64,
}

/// A decoded node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node<'a> {
    pub(crate) links: Vec<Link>,
    /// Whether a link has a name: entries of directories do, parts of files do not.
    pub(crate) named: bool,
    pub(crate) data: Option<&'a [u8]>,
}

/// The canonical form of a node whose links have empty names.
pub(crate) fn encode(links: &[Link], data: &[u8]) -> Vec<u8> {
    let mut node = Vec::new();
    let mut message = Vec::new();
    for link in links {
        message.clear();
        put_bytes(&mut message, LINK_HASH, &link.cid.to_bytes());
        put_bytes(&mut message, LINK_NAME, b"");
        put_number(&mut message, LINK_SIZE, link.tree_size);
        put_bytes(&mut node, NODE_LINK, &message);
    }
    put_bytes(&mut node, NODE_DATA, data);
    node
}

/// Reads a node. Links come before the data and their fields in ascending order, no field occurs
/// twice, and there is no other field.
pub(crate) fn decode(node: &[u8]) -> Result<Node<'_>, Malformed> {
    let mut links = Vec::new();
    let mut named = false;
    let mut data = None;
    for field in Fields::of(node) {
        match field? {
            (NODE_LINK, _) if data.is_some() => {
                return Err(Malformed("a link comes after the data"));
            }
            (NODE_LINK, link) => {
                let (link, has_name) = decode_link(link.bytes()?)?;
                links.push(link);
                named |= has_name;
            }
            (NODE_DATA, value) => set_once(&mut data, value.bytes()?)?,
            _ => return Err(Malformed("a node has an unknown field")),
        }
    }
    Ok(Node { links, named, data })
}

fn decode_link(link: &[u8]) -> Result<(Link, bool), Malformed> {
    let mut last = 0;
    let (mut cid, mut has_name, mut tree_size) = (None, false, 0);
    for field in Fields::of(link) {
        let (number, value) = field?;
        if number <= last {
            return Err(Malformed("the fields of a link are out of order"));
        }
        last = number;
        match number {
            LINK_HASH => {
                let bytes = value.bytes()?;
                cid =
                    Some(Cid::from_bytes(bytes).map_err(|_| {
                        Malformed("a link is no CID of raw or dag-pb with sha2-256")
                    })?);
            }
            LINK_NAME => has_name = !value.bytes()?.is_empty(),
            LINK_SIZE => tree_size = value.number()?,
            _ => return Err(Malformed("a link has an unknown field")),
        }
    }
    let cid = cid.ok_or(Malformed("a link has no CID"))?;
    Ok((Link { cid, tree_size }, has_name))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;
    use crate::Codec;

    fn link(n: u8) -> Link {
        Link { cid: Cid::of(Codec::Raw, &[n]), tree_size: u64::from(n) * 1000 }
    }

    /// A node of two parts that each give the bytes of a field.
    fn node(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    fn link_field(message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, NODE_LINK, message);
        out
    }

    fn hash_field() -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, LINK_HASH, &link(1).cid.to_bytes());
        out
    }

    #[test]
    fn a_node_reads_back_as_it_was_written() {
        let links = [link(1), link(2), link(1)];
        let bytes = encode(&links, b"data");
        let read = decode(&bytes).unwrap();
        assert_eq!(read, Node { links: links.to_vec(), named: false, data: Some(b"data") });
        assert_eq!(decode(&[]).unwrap(), Node { links: vec![], named: false, data: None });
    }

    #[test]
    fn a_link_may_leave_its_name_and_size_out() {
        let bytes = link_field(&hash_field());
        assert_eq!(decode(&bytes).unwrap().links, [Link { tree_size: 0, ..link(1) }]);
        let named = link_field(&[&hash_field()[..], &[0x12, 1, b'a']].concat());
        assert!(decode(&named).unwrap().named);
    }

    #[test]
    fn nodes_out_of_form_are_refused() {
        let data: &[u8] = &[0x0a, 1, b'd'];
        let whole = link_field(&hash_field());
        let reordered = link_field(&[&[0x12, 0][..], &hash_field()].concat());
        let doubled = link_field(&[hash_field(), hash_field()].concat());
        let extra = link_field(&[&hash_field()[..], &[0x20, 1]].concat());
        for (what, bytes) in [
            ("links after the data", node(&[data, &whole])),
            ("data twice", node(&[data, data])),
            ("unknown field of the node", node(&[&whole, &[0x1a, 0]])),
            ("data that is a number", vec![0x08, 1]),
            ("a link that is a number", vec![0x10, 1]),
            ("a link without a CID", link_field(&[0x12, 0])),
            ("an empty CID", link_field(&[0x0a, 0])),
            (
                "a CID and a byte",
                link_field(&{
                    let mut cid = link(1).cid.to_bytes().to_vec();
                    cid.push(0);
                    let mut out = Vec::new();
                    put_bytes(&mut out, LINK_HASH, &cid);
                    out
                }),
            ),
            ("a name before the CID", reordered),
            ("two CIDs", doubled),
            ("unknown field of a link", extra),
        ] {
            assert!(decode(&bytes).is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
        }

        /// What decodes after a change is no more than the bytes can hold, and a truncated node is
        /// never taken for the whole one.
        #[test]
        fn a_changed_node_is_refused_or_stays_within_its_bytes(
            count in 0u8..6,
            data in vec(any::<u8>(), 0..40),
            changes in vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Index>(),
        ) {
            let links: Vec<_> = (0..count).map(link).collect();
            let whole = encode(&links, &data);
            let mut bytes = whole.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(read) = decode(&bytes) {
                prop_assert!(read.links.len() * 38 <= bytes.len());
                prop_assert!(read.data.is_none_or(|data| data.len() < bytes.len()));
            }
            let cut = cut.index(whole.len());
            if let Ok(part) = decode(&whole[..cut]) {
                prop_assert!(part.data.is_none());
            }
        }
    }
}
