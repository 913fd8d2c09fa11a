//! The bounds of the file system, met from inside.

use super::guest::*;
use sealwork_wasi::{FileTree, FsLimits, TreeError};

/// What a directory entry costs beside twice its name.
const ENTRY: u64 = 128;

fn guest(limits: FsLimits) -> Guest {
    Guest::with(FileTree::new(limits, START), |_| ())
}

#[test]
fn bytes_of_files_end_at_the_limit_and_come_back() {
    let mut guest = guest(FsLimits { bytes: ENTRY + 2 + 1000, ..FsLimits::default() });
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    assert_eq!(guest.write(fd, &[1; 990]), Ok(990));
    assert_eq!(guest.write(fd, &[2; 100]), Ok(10));
    assert_eq!(guest.write(fd, &[3]), Err(NOSPC));
    assert_eq!(guest.pwrite(fd, &[4; 5], 0), Ok(5));
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 1001]), NOSPC);
    assert_eq!(guest.open(ROOT, "g", CREATE, ALL), Err(NOSPC));
    guest.must("fd_filestat_set_size", &[fd, 500]);
    assert_eq!(guest.call("fd_filestat_set_size", &[fd, 1001]), NOSPC);
    assert_eq!(guest.pwrite(fd, &[5; 10], 995), Ok(5));
    assert_eq!(guest.pread(fd, 3, 500).unwrap(), [0; 3]);
    assert_eq!(guest.finish().files.used_bytes(), ENTRY + 2 + 1000);
}

#[test]
fn a_transfer_that_meets_the_limit_between_buffers_is_short() {
    let mut guest = guest(FsLimits { bytes: ENTRY + 2 + 4, ..FsLimits::default() });
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.vector(&[(BUFFER, 4), (BUFFER, 4)]);
    guest.must("fd_write", &[fd, VECTOR, 2, RESULT]);
    assert_eq!(guest.u32(RESULT), 4);
    assert_eq!(guest.finish().bytes_written, 4);
}

#[test]
fn names_and_link_targets_count() {
    let mut guest = guest(FsLimits { bytes: 2 * ENTRY, ..FsLimits::default() });
    assert_eq!(guest.symlink(&"t".repeat(64), &"l".repeat(32)), SUCCESS);
    assert_eq!(guest.on_path("path_create_directory", ROOT, "d"), NOSPC);
    assert_eq!(guest.link(0, &"l".repeat(32), "l"), NOSPC);
    assert_eq!(guest.unlink(&"l".repeat(32)), SUCCESS);
    guest.make_directory("d");
    assert_eq!(guest.rename("d", &"e".repeat(100)), NOSPC);
    assert_eq!(guest.remove_directory("d"), SUCCESS);
    assert_eq!(guest.finish().files.used_bytes(), 0);
}

#[test]
fn inodes_end_at_the_limit_open_ones_included() {
    let mut guest = guest(FsLimits { inodes: 3, ..FsLimits::default() });
    let fd = guest.open(ROOT, "a", CREATE, ALL).unwrap();
    guest.make_directory("b");
    assert_eq!(guest.symlink("a", "c"), SUCCESS);
    assert_eq!(guest.open(ROOT, "d", CREATE, 0), Err(NOSPC));
    assert_eq!(guest.link(0, "a", "d"), SUCCESS);
    assert_eq!(guest.unlink("a"), SUCCESS);
    assert_eq!(guest.unlink("d"), SUCCESS);
    assert_eq!(guest.open(ROOT, "d", CREATE, 0), Err(NOSPC));
    guest.must("fd_close", &[fd]);
    assert!(guest.open(ROOT, "d", CREATE, 0).is_ok());
}

#[test]
fn directories_go_as_deep_as_the_limit_also_by_moving() {
    let mut guest = guest(FsLimits { depth: 3, ..FsLimits::default() });
    for path in ["a", "a/b", "a/b/c", "x", "x/y"] {
        guest.make_directory(path);
    }
    assert_eq!(guest.on_path("path_create_directory", ROOT, "a/b/c/d"), NOSPC);
    guest.touch("a/b/c/file");
    assert_eq!(guest.rename("x", "a/b/x"), NOSPC);
    assert_eq!(guest.rename("x", "a/x"), SUCCESS);
    let deep = guest.open(ROOT, "a/b/c", DIRECTORY, NOT_WRITE).unwrap();
    assert_eq!(guest.on_path("path_create_directory", deep, "d"), NOSPC);
}

#[test]
fn descriptors_end_at_the_limit_before_a_file_is_made() {
    let mut guest = guest(FsLimits { open_files: 5, ..FsLimits::default() });
    let fd = guest.open(ROOT, "a", CREATE, 0).unwrap();
    assert_eq!(guest.open(ROOT, "b", CREATE, 0), Err(MFILE));
    assert_eq!(guest.stat_path(0, "b"), Err(NOENT));
    guest.must("fd_close", &[fd]);
    assert_eq!(guest.open(ROOT, "b", CREATE, 0), Ok(fd));
}

#[test]
fn files_of_the_caller_are_bounded_too() {
    let limits = FsLimits { bytes: 2 * ENTRY, inodes: 2, depth: 1, open_files: 8 };
    let mut files = FileTree::new(limits, 0);
    let too_much = |path: &str| Err(TreeError::TooMuch { path: path.into() });
    assert_eq!(files.add_file("f", vec![0; 200]), too_much("f"));
    files.add_file("f", vec![0; 100]).unwrap();
    assert_eq!(files.add_directory("b"), too_much("b"));
    assert_eq!(files.used_inodes(), 1);
    let mut files = FileTree::new(limits, 0);
    assert_eq!(files.add_directory("a/b"), too_much("a/b"));
}

#[test]
fn what_does_not_make_a_tree_is_refused() {
    let mut files = empty_tree();
    files.add_file("f", Vec::new()).unwrap();
    files.add_directory("d").unwrap();
    files.add_directory("d").unwrap();
    let taken = |path: &str| Err(TreeError::Taken { path: path.into() });
    let unfit = |path: &str| Err(TreeError::Unfit { path: path.into() });
    assert_eq!(files.add_file("f", Vec::new()), taken("f"));
    assert_eq!(files.add_file("d", Vec::new()), taken("d"));
    assert_eq!(files.add_file("f/g", Vec::new()), taken("f/g"));
    assert_eq!(files.add_directory("f"), taken("f"));
    for path in ["", "/", ".", "..", "d/../x", "a\0b"] {
        assert_eq!(files.add_file(path, Vec::new()), unfit(path));
    }
    assert_eq!(files.add_file(&"n".repeat(256), Vec::new()), unfit(&"n".repeat(256)));
    assert_eq!(files.add_symlink("l", "/etc"), unfit("l"));
    assert_eq!(files.add_symlink("l", ""), unfit("l"));
}
