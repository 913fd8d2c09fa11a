//! The tree against a model that is too simple to be wrong, and its books against what it holds.

use super::inode::Node;
use super::limits::entry_cost;
use super::{FileTree, FsLimits, ROOT};
use crate::errno::Errno;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

const LIMITS: FsLimits = FsLimits { bytes: 3000, inodes: 9, depth: 3, open_files: 0 };

/// Each path from the root and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum There {
    File(Vec<u8>),
    Directory,
}

type Model = BTreeMap<String, There>;

#[derive(Debug, Clone)]
enum Step {
    MakeFile(String),
    MakeDirectory(String),
    Write(String, u64, u8),
    Cut(String, u64),
    Unlink(String),
    RemoveDirectory(String),
    Rename(String, String),
}

fn path() -> impl Strategy<Value = String> {
    let name = select(vec!["a", "b", "c"]);
    proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        path().prop_map(Step::MakeFile),
        path().prop_map(Step::MakeDirectory),
        (path(), 0..200_u64, any::<u8>()).prop_map(|(p, at, byte)| Step::Write(p, at, byte)),
        (path(), 0..200_u64).prop_map(|(p, size)| Step::Cut(p, size)),
        path().prop_map(Step::Unlink),
        path().prop_map(Step::RemoveDirectory),
        (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
    ]
}

fn apply(tree: &mut FileTree, step: &Step) -> Result<(), Errno> {
    match step {
        Step::MakeFile(path) => {
            let (directory, name) = tree.resolve(ROOT, path, false)?.vacant()?;
            tree.create_file(directory, &name, 0).map(|_| ())
        }
        Step::MakeDirectory(path) => {
            let (directory, name) = tree.resolve(ROOT, path, false)?.vacant()?;
            tree.create_directory(directory, &name, 0).map(|_| ())
        }
        Step::Write(path, at, byte) => {
            let inode = tree.resolve(ROOT, path, false)?.existing()?;
            tree.write(inode, *at, &[*byte], 0).map(|_| ())
        }
        Step::Cut(path, size) => {
            let inode = tree.resolve(ROOT, path, false)?.existing()?;
            tree.set_size(inode, *size, 0)
        }
        Step::Unlink(path) => {
            let target = tree.resolve(ROOT, path, false)?;
            tree.unlink(&target, 0)
        }
        Step::RemoveDirectory(path) => {
            let target = tree.resolve(ROOT, path, false)?;
            tree.remove_directory(&target, 0)
        }
        Step::Rename(from, to) => {
            let from = tree.resolve(ROOT, from, false)?;
            let to = tree.resolve(ROOT, to, false)?;
            tree.rename(&from, &to, 0)
        }
    }
}

/// Whether the step must succeed, limits aside; changes the model if so.
fn expect(model: &mut Model, step: &Step) -> bool {
    let above = |model: &Model, path: &str| {
        path.rsplit_once('/').is_none_or(|(above, _)| model.get(above) == Some(&There::Directory))
    };
    let empty = |model: &Model, path: &str| !model.keys().any(|p| below(p, path));
    match step {
        Step::MakeFile(path) | Step::MakeDirectory(path) => {
            let ok = above(model, path) && !model.contains_key(path);
            if ok {
                let file = matches!(step, Step::MakeFile(_));
                let there = if file { There::File(Vec::new()) } else { There::Directory };
                model.insert(path.clone(), there);
            }
            ok
        }
        Step::Write(path, at, byte) => match model.get_mut(path) {
            Some(There::File(content)) => {
                let end = *at as usize + 1;
                content.resize(content.len().max(end), 0);
                content[end - 1] = *byte;
                true
            }
            _ => false,
        },
        Step::Cut(path, size) => match model.get_mut(path) {
            Some(There::File(content)) => {
                content.resize(*size as usize, 0);
                true
            }
            _ => false,
        },
        Step::Unlink(path) => {
            let ok = matches!(model.get(path), Some(There::File(_)));
            if ok {
                model.remove(path);
            }
            ok
        }
        Step::RemoveDirectory(path) => {
            let ok = model.get(path) == Some(&There::Directory) && empty(model, path);
            if ok {
                model.remove(path);
            }
            ok
        }
        Step::Rename(from, to) => {
            let Some(moved) = model.get(from).cloned() else { return false };
            let fits = match (&moved, model.get(to)) {
                _ if from == to => return true,
                (There::File(_), Some(There::Directory)) => false,
                (There::Directory, Some(There::File(_))) => false,
                (There::Directory, Some(There::Directory)) => empty(model, to),
                _ => above(model, to),
            };
            if !fits || below(to, from) {
                return false;
            }
            let names: Vec<_> =
                model.keys().filter(|p| *p == from || below(p, from)).cloned().collect();
            for name in names {
                if let Some(there) = model.remove(&name) {
                    model.insert(format!("{to}{}", &name[from.len()..]), there);
                }
            }
            true
        }
    }
}

fn below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn picture(tree: &FileTree) -> Model {
    let mut model = Model::new();
    let mut pending = vec![(String::new(), ROOT)];
    while let Some((at, inode)) = pending.pop() {
        for (name, inode) in tree.directory(inode).unwrap().iter() {
            let path = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            let there = match &tree.inode(inode).unwrap().node {
                Node::File(content) => There::File(content.clone()),
                Node::Directory(directory) => {
                    assert_eq!(directory.parent, tree.directory_at(&at).unwrap());
                    pending.push((path.clone(), inode));
                    There::Directory
                }
                Node::Symlink(_) => unreachable!("no step makes one"),
            };
            model.insert(path, there);
        }
    }
    model
}

fn check_books(tree: &FileTree) {
    let mut bytes = 0;
    for inode in tree.inodes.values() {
        bytes += inode.node.size();
        if let Node::Directory(directory) = &inode.node {
            bytes += directory.iter().map(|(name, _)| entry_cost(name)).sum::<u64>();
            let ordered = directory.after(0).count();
            assert_eq!(ordered, directory.iter().count());
        }
    }
    assert_eq!(tree.used_bytes(), bytes);
    assert_eq!(tree.used_inodes(), tree.inodes.len() as u64 - 1);
    assert!(bytes <= LIMITS.bytes && tree.used_inodes() <= LIMITS.inodes);
}

proptest! {
    #[test]
    fn the_tree_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..120)) {
        let mut tree = FileTree::new(LIMITS, 0);
        let mut model = Model::new();
        for step in &steps {
            let mut after = model.clone();
            let expected = expect(&mut after, step);
            match apply(&mut tree, step) {
                Ok(()) => {
                    prop_assert!(expected, "{step:?}");
                    model = after;
                }
                Err(Errno::NoSpc) => {}
                Err(errno) => prop_assert!(!expected, "{step:?}: {errno:?}"),
            }
            prop_assert_eq!(&picture(&tree), &model);
            check_books(&tree);
        }
    }

    #[test]
    fn a_listing_from_any_cookie_is_the_rest_of_the_whole(
        names in proptest::collection::btree_set("[a-z]{1,3}", 0..9),
        cookie in 0..20_u64,
    ) {
        let mut tree = FileTree::new(FsLimits::default(), 0);
        for name in &names {
            tree.create_file(ROOT, name, 0).unwrap();
        }
        let whole: Vec<_> = tree.list(ROOT, 0).unwrap().collect();
        let rest: Vec<_> = tree.list(ROOT, cookie).unwrap().collect();
        prop_assert_eq!(whole.len(), names.len() + 2);
        prop_assert_eq!(rest.as_slice(), &whole[(cookie as usize).min(whole.len())..]);
    }
}
