//! The `path_` functions.

use super::guest::*;
use sealwork_wasi::{Entry, FileTree, FsLimits, Preopen};

#[test]
fn opening_finds_makes_excludes_and_cuts() {
    let mut guest = Guest::new();
    assert_eq!(guest.open(ROOT, "f", 0, ALL), Err(NOENT));
    assert_eq!(guest.open(ROOT, "f", EXCLUSIVE, ALL), Err(NOENT));
    let fd = guest.open(ROOT, "f", CREATE | EXCLUSIVE, ALL).unwrap();
    guest.write(fd, b"content").unwrap();
    assert_eq!(guest.open(ROOT, "f", CREATE | EXCLUSIVE, ALL), Err(EXIST));
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    assert_eq!(guest.read(fd, 9).unwrap(), b"content");
    let fd = guest.open(ROOT, "f", CREATE | TRUNCATE, FD_READ).unwrap();
    assert_eq!(guest.read(fd, 9).unwrap(), b"");
    assert_eq!(guest.open(ROOT, "", 0, 0), Err(NOENT));
}

#[test]
fn a_directory_opens_without_the_right_to_write() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    guest.touch("f");
    for path in ["d", "d/", "d///", ".", "./d/.", "d/.."] {
        for flags in [0, DIRECTORY] {
            let fd = guest.open_with(ROOT, 0, path, flags, NOT_WRITE, 4).unwrap();
            assert_eq!(guest.fd_stat(fd).unwrap().file_type, 3);
            assert_eq!(guest.open(ROOT, path, flags, FD_READ | FD_WRITE), Err(ISDIR));
        }
        assert_eq!(guest.open(ROOT, path, CREATE, 0), Err(ISDIR));
        assert_eq!(guest.open(ROOT, path, TRUNCATE, 0), Err(ISDIR));
        assert_eq!(guest.open(ROOT, path, CREATE | EXCLUSIVE, 0), Err(EXIST));
    }
    assert_eq!(guest.open(ROOT, "f", DIRECTORY, 0), Err(NOTDIR));
    assert_eq!(guest.open(ROOT, "new", CREATE | DIRECTORY, 0), Err(INVAL));
}

#[test]
fn a_trailing_slash_means_a_directory() {
    let mut guest = Guest::new();
    guest.touch("f");
    for path in ["f/", "f///", "f/.", "f/..", "f/x"] {
        assert_eq!(guest.open(ROOT, path, 0, 0), Err(NOTDIR), "{path}");
        assert_eq!(guest.stat_path(0, path), Err(NOTDIR), "{path}");
        assert_eq!(guest.unlink(path), NOTDIR, "{path}");
        assert_eq!(guest.remove_directory(path), NOTDIR, "{path}");
    }
    assert_eq!(guest.open(ROOT, "new/", CREATE, 0), Err(ISDIR));
    assert_eq!(guest.open(ROOT, "new/", 0, 0), Err(NOENT));
    guest.make_directory("d/");
    assert_eq!(guest.unlink("d"), ISDIR);
    assert_eq!(guest.unlink("d/"), ISDIR);
    assert_eq!(guest.remove_directory("d/"), SUCCESS);
}

#[test]
fn dots_and_repeated_slashes_work_inside_the_directory() {
    let mut guest = Guest::new();
    guest.make_directory("dir");
    guest.make_directory("dir/nested");
    guest.touch("dir/nested/file");
    let path = "dir/.//nested/../../dir/nested/../nested///./file";
    assert_eq!(guest.stat_path(0, path).unwrap(), guest.stat_path(0, "dir/nested/file").unwrap());
}

#[test]
fn nothing_leads_out_of_the_directory() {
    let mut files = empty_tree();
    files.add_file("secret", b"secret".to_vec()).unwrap();
    files.add_directory("inside/deep").unwrap();
    files.add_symlink("inside/out", "../secret").unwrap();
    files.add_symlink("inside/deep/far", "../../inside").unwrap();
    let mut guest = Guest::with(files, |config| {
        config.preopens = vec![Preopen { guest: "/".into(), path: "inside".into() }];
    });
    let escapes = ["..", "../secret", "deep/../../secret", "/", "/secret", "out", "deep/far/out"];
    for path in escapes {
        assert_eq!(guest.open_with(ROOT, FOLLOW, path, 0, 0, 0), Err(PERM), "{path}");
        assert_eq!(guest.stat_path(FOLLOW, path), Err(PERM), "{path}");
    }
    for path in ["..", "../secret", "/secret", "deep/far/x"] {
        assert_eq!(guest.open(ROOT, path, CREATE, ALL), Err(PERM), "{path}");
        assert_eq!(guest.unlink(path), PERM, "{path}");
        assert_eq!(guest.remove_directory(path), PERM, "{path}");
        assert_eq!(guest.on_path("path_create_directory", ROOT, path), PERM, "{path}");
        assert_eq!(guest.rename(path, "stolen"), PERM, "{path}");
        assert_eq!(guest.rename("deep", path), PERM, "{path}");
        assert_eq!(guest.link(0, path, "stolen"), PERM, "{path}");
        assert_eq!(guest.symlink("x", path), PERM, "{path}");
        assert_eq!(guest.readlink(path, 9), Err(PERM), "{path}");
    }
    let deep = guest.open(ROOT, "deep", DIRECTORY, NOT_WRITE).unwrap();
    assert_eq!(guest.open(deep, "../out", 0, 0), Err(PERM));
    assert_eq!(guest.finish().files.get("secret"), Some(Entry::File(b"secret")));
}

#[test]
fn a_path_is_text_of_bounded_length_without_nul() {
    let mut guest = Guest::new();
    guest.touch("f");
    assert_eq!(guest.open(ROOT, "f\0", 0, 0), Err(INVAL));
    assert_eq!(guest.open(ROOT, "f\0g", 0, 0), Err(INVAL));
    guest.put(BUFFER, b"\xff\xfe");
    let arguments = [ROOT, 0, BUFFER, 2, CREATE, 0, 0, 0, RESULT];
    assert_eq!(guest.call("path_open", &arguments), ILSEQ);
    assert_eq!(guest.on_path("path_create_directory", ROOT, &"n".repeat(256)), NAMETOOLONG);
    guest.make_directory(&"n".repeat(255));
    assert_eq!(guest.stat_path(0, &"./".repeat(2049)), Err(NAMETOOLONG));
    assert!(guest.stat_path(0, &"./".repeat(2048)).is_ok());
}

#[test]
fn a_path_needs_a_directory_to_start_from() {
    let mut guest = Guest::new();
    let file = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    for (fd, errno) in [(file, NOTDIR), (1, NOTDIR), (99, BADF)] {
        assert_eq!(guest.open(fd, "x", CREATE, 0), Err(errno));
        for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
            assert_eq!(guest.on_path(name, fd, "x"), errno);
        }
        let (at, len) = guest.path("f");
        let calls: [(&str, &[u64]); 7] = [
            ("path_filestat_get", &[fd, 0, at, len, RESULT]),
            ("path_filestat_set_times", &[fd, 0, at, len, 0, 0, 0]),
            ("path_link", &[fd, 0, at, len, ROOT, at, len]),
            ("path_link", &[ROOT, 0, at, len, fd, at, len]),
            ("path_readlink", &[fd, at, len, BUFFER, 9, RESULT]),
            ("path_rename", &[ROOT, at, len, fd, at, len]),
            ("path_symlink", &[at, len, fd, at, len]),
        ];
        for (name, arguments) in calls {
            assert_eq!(guest.call(name, arguments), errno, "{name}");
        }
    }
}

#[test]
fn each_path_call_needs_its_right() {
    let mut guest = Guest::new();
    guest.touch("f");
    let bare = guest.open(ROOT, ".", 0, 0).unwrap();
    assert_eq!(guest.open(bare, "f", 0, 0), Err(NOTCAPABLE));
    for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
        assert_eq!(guest.on_path(name, bare, "x"), NOTCAPABLE);
    }
    let (at, len) = guest.path("f");
    let calls: [(&str, &[u64]); 8] = [
        ("path_filestat_get", &[bare, 0, at, len, RESULT]),
        ("path_filestat_set_times", &[bare, 0, at, len, 0, 0, 0]),
        ("path_link", &[bare, 0, at, len, ROOT, at, len]),
        ("path_link", &[ROOT, 0, at, len, bare, at, len]),
        ("path_readlink", &[bare, at, len, BUFFER, 9, RESULT]),
        ("path_rename", &[bare, at, len, ROOT, at, len]),
        ("path_rename", &[ROOT, at, len, bare, at, len]),
        ("path_symlink", &[at, len, bare, at, len]),
    ];
    for (name, arguments) in calls {
        assert_eq!(guest.call(name, arguments), NOTCAPABLE, "{name}");
    }
}

#[test]
fn cutting_by_path_needs_the_right_of_the_directory_not_of_the_file() {
    let mut guest = Guest::new();
    guest.touch("f");
    assert!(guest.open(ROOT, "f", TRUNCATE, 0).is_ok());
    let stat = guest.fd_stat(ROOT).unwrap();
    let lesser = stat.base & !PATH_FILESTAT_SET_SIZE & !PATH_CREATE_FILE;
    guest.must("fd_fdstat_set_rights", &[ROOT, lesser, stat.inheriting]);
    assert_eq!(guest.open(ROOT, "f", TRUNCATE, 0), Err(NOTCAPABLE));
    assert_eq!(guest.open(ROOT, "f", CREATE, 0), Err(NOTCAPABLE));
    assert!(guest.open(ROOT, "f", 0, 0).is_ok());
}

#[test]
fn unknown_flags_are_refused() {
    let mut guest = Guest::new();
    guest.touch("f");
    assert_eq!(guest.open_with(ROOT, 2, "f", 0, 0, 0), Err(INVAL));
    assert_eq!(guest.open_with(ROOT, 0, "f", 16, 0, 0), Err(INVAL));
    assert_eq!(guest.open_with(ROOT, 0, "f", 0, 0, 32), Err(INVAL));
    assert_eq!(guest.stat_path(2, "f"), Err(INVAL));
    assert_eq!(guest.link(2, "f", "g"), INVAL);
}

#[test]
fn directories_are_made_once_and_removed_when_empty() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    for path in ["d", "d/", ".", "d/.."] {
        assert_eq!(guest.on_path("path_create_directory", ROOT, path), EXIST, "{path}");
    }
    assert_eq!(guest.on_path("path_create_directory", ROOT, "no/d"), NOENT);
    guest.touch("d/f");
    assert_eq!(guest.remove_directory("d"), NOTEMPTY);
    assert_eq!(guest.remove_directory("d/f"), NOTDIR);
    assert_eq!(guest.unlink("d/f"), SUCCESS);
    assert_eq!(guest.remove_directory("."), INVAL);
    assert_eq!(guest.remove_directory("d/."), INVAL);
    assert_eq!(guest.remove_directory("d"), SUCCESS);
    assert_eq!(guest.remove_directory("d"), NOENT);
    assert_eq!(guest.unlink("."), ISDIR);
    assert_eq!(guest.unlink("no"), NOENT);
}

#[test]
fn what_is_removed_stays_usable_while_it_is_open() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    assert_eq!(guest.unlink("f"), SUCCESS);
    guest.write(fd, b"still here").unwrap();
    assert_eq!(guest.pread(fd, 5, 0).unwrap(), b"still");
    assert_eq!(guest.stat(fd).unwrap().links, 0);
    guest.touch("f");
    assert_eq!(guest.stat_path(0, "f").unwrap().size, 0);
    guest.make_directory("d");
    let directory = guest.open(ROOT, "d", DIRECTORY, NOT_WRITE).unwrap();
    assert_eq!(guest.remove_directory("d"), SUCCESS);
    assert_eq!(guest.open(directory, "f", CREATE, 0), Err(NOENT));
    assert_eq!(guest.on_path("path_create_directory", directory, "d"), NOENT);
    assert_eq!(guest.names(directory), [".", ".."]);
    guest.make_directory("d");
    for path in ["f", "d"] {
        let (at, len) = guest.path(path);
        assert_eq!(guest.call("path_rename", &[ROOT, at, len, directory, at, len]), NOENT);
    }
    let (at, len) = guest.path("f");
    assert_eq!(guest.call("path_link", &[ROOT, 0, at, len, directory, at, len]), NOENT);
    assert_eq!(guest.call("path_symlink", &[at, len, directory, at, len]), NOENT);
}

#[test]
fn a_removed_file_gives_its_bytes_back_when_it_is_closed() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.must("fd_allocate", &[fd, 0, 1 << 20]);
    assert_eq!(guest.unlink("f"), SUCCESS);
    guest.must("fd_close", &[fd]);
    let files = guest.finish().files;
    assert_eq!((files.used_bytes(), files.used_inodes()), (0, 0));
}

#[test]
fn attributes_by_path_follow_a_link_only_when_told() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    guest.touch("d/f");
    assert_eq!(guest.symlink("d/f", "to-file"), SUCCESS);
    assert_eq!(guest.symlink("d", "to-directory"), SUCCESS);
    assert_eq!(guest.stat_path(0, "to-file").unwrap().file_type, 7);
    assert_eq!(guest.stat_path(FOLLOW, "to-file"), guest.stat_path(0, "d/f"));
    assert_eq!(guest.stat_path(0, "to-directory").unwrap().file_type, 7);
    assert_eq!(guest.stat_path(FOLLOW, "to-directory").unwrap().file_type, 3);
    assert_eq!(guest.stat_path(0, "to-directory/").unwrap().file_type, 3);
    assert_eq!(guest.stat_path(0, "to-directory/f"), guest.stat_path(0, "d/f"));
    assert_eq!(guest.stat_path(0, "to-file").unwrap().size, 3);
}

#[test]
fn times_by_path_are_those_of_the_link_or_of_what_it_leads_to() {
    let mut guest = Guest::new();
    guest.touch("f");
    assert_eq!(guest.symlink("f", "l"), SUCCESS);
    let (at, len) = guest.path("l");
    guest.must("path_filestat_set_times", &[ROOT, 0, at, len, 0, START - 200, 4]);
    assert_eq!(guest.stat_path(0, "l").unwrap().modify, START - 200);
    assert_eq!(guest.stat_path(0, "f").unwrap().modify, START);
    let (at, len) = guest.path("l");
    guest.must("path_filestat_set_times", &[ROOT, FOLLOW, at, len, 9, START - 100, 5]);
    let stat = guest.stat_path(FOLLOW, "l").unwrap();
    assert_eq!((stat.access, stat.modify), (9, START - 100));
    let (at, len) = guest.path("f");
    for flags in [3, 12, 16] {
        let arguments = [ROOT, 0, at, len, 1, 2, flags];
        assert_eq!(guest.call("path_filestat_set_times", &arguments), INVAL);
    }
    assert_eq!(guest.stat_path(0, "f").unwrap(), stat);
}

#[test]
fn inodes_tell_files_apart_and_names_of_one_file_together() {
    let mut guest = Guest::new();
    guest.touch("a");
    guest.touch("b");
    assert_eq!(guest.link(0, "a", "c"), SUCCESS);
    let [a, b, c] = ["a", "b", "c"].map(|path| guest.stat_path(0, path).unwrap());
    assert_eq!(a.device, b.device);
    assert_ne!(a.inode, b.inode);
    assert_eq!(a, c);
    assert_eq!(a.links, 2);
}

#[test]
fn a_hard_link_is_another_name_until_the_last_one_goes() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.write(fd, b"shared").unwrap();
    assert_eq!(guest.link(0, "f", "d/l"), SUCCESS);
    assert_eq!(guest.unlink("f"), SUCCESS);
    let linked = guest.open(ROOT, "d/l", 0, ALL).unwrap();
    assert_eq!(guest.read(linked, 9).unwrap(), b"shared");
    assert_eq!(guest.stat(linked), guest.stat(fd));
}

#[test]
fn a_hard_link_needs_a_free_name_and_no_directory() {
    let mut guest = Guest::new();
    guest.touch("f");
    guest.make_directory("d");
    assert_eq!(guest.symlink("nowhere", "dangling"), SUCCESS);
    for there in ["f", "d", "dangling", "."] {
        assert_eq!(guest.link(0, "f", there), EXIST, "{there}");
    }
    assert_eq!(guest.link(0, "d", "l"), PERM);
    assert_eq!(guest.link(0, "f", "l/"), NOENT);
    assert_eq!(guest.link(0, "no", "l"), NOENT);
    assert_eq!(guest.link(0, "f", "no/l"), NOENT);
    assert_eq!(guest.link(FOLLOW, "dangling", "l"), INVAL);
    assert_eq!(guest.link(0, "dangling", "l"), SUCCESS);
    assert_eq!(guest.readlink("l", 20).unwrap(), b"nowhere");
}

#[test]
fn symbolic_links_are_made_at_free_names_and_lead_to_relative_paths() {
    let mut guest = Guest::new();
    assert_eq!(guest.symlink("source", "target/"), NOENT);
    assert_eq!(guest.symlink("/", "l"), PERM);
    assert_eq!(guest.symlink("/etc/passwd", "l"), PERM);
    assert_eq!(guest.symlink("", "l"), NOENT);
    assert_eq!(guest.symlink("x", "no/l"), NOENT);
    guest.make_directory("d");
    guest.touch("f");
    for path in ["d", "d/", "f", "f/"] {
        assert_eq!(guest.symlink("source", path), EXIST, "{path}");
    }
}

#[test]
fn path_readlink_gives_what_fits() {
    let mut guest = Guest::new();
    assert_eq!(guest.symlink("target", "l"), SUCCESS);
    guest.put(BUFFER, &[9; 10]);
    assert_eq!(guest.readlink("l", 10).unwrap(), b"target");
    assert_eq!(guest.bytes(BUFFER + 6, 4), [9; 4]);
    assert_eq!(guest.readlink("l", 4).unwrap(), b"targ");
    assert_eq!(guest.readlink("l", 0).unwrap(), b"");
    guest.touch("f");
    assert_eq!(guest.readlink("f", 10), Err(INVAL));
    assert_eq!(guest.readlink(".", 10), Err(INVAL));
    assert_eq!(guest.readlink("no", 10), Err(NOENT));
    assert_eq!(guest.readlink("f/", 10), Err(NOTDIR));
    assert_eq!(guest.readlink("l/", 10), Err(NOENT));
}

#[test]
fn a_link_that_is_not_followed_does_not_open() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    assert_eq!(guest.symlink("d", "l"), SUCCESS);
    assert_eq!(guest.symlink("no", "dangling"), SUCCESS);
    assert_eq!(guest.symlink("self", "self"), SUCCESS);
    for path in ["l", "dangling", "self"] {
        for flags in [0, DIRECTORY, CREATE] {
            assert_eq!(guest.open(ROOT, path, flags, 0), Err(LOOP), "{path}");
        }
        assert_eq!(guest.open(ROOT, path, CREATE | EXCLUSIVE, 0), Err(EXIST), "{path}");
    }
    assert!(guest.open_with(ROOT, FOLLOW, "l", DIRECTORY, 0, 0).is_ok());
    assert_eq!(guest.open_with(ROOT, FOLLOW, "dangling", 0, 0, 0), Err(NOENT));
    assert_eq!(guest.open_with(ROOT, FOLLOW, "self", 0, 0, 0), Err(LOOP));
    assert_eq!(guest.open_with(ROOT, FOLLOW, "self/x", 0, 0, 0), Err(LOOP));
    assert_eq!(guest.remove_directory("d"), SUCCESS);
    guest.touch("d");
    assert_eq!(guest.open_with(ROOT, FOLLOW, "l", DIRECTORY, 0, 0), Err(NOTDIR));
    assert_eq!(guest.open(ROOT, "l/", 0, 0), Err(NOTDIR));
}

#[test]
fn creating_through_a_dangling_link_makes_what_it_leads_to() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    assert_eq!(guest.symlink("d/new", "l"), SUCCESS);
    let exclusive = guest.open_with(ROOT, FOLLOW, "l", CREATE | EXCLUSIVE, 0, 0);
    assert_eq!(exclusive, Err(EXIST));
    assert!(guest.open_with(ROOT, FOLLOW, "l", CREATE, 0, 0).is_ok());
    assert_eq!(guest.stat_path(0, "d/new").unwrap().file_type, 4);
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let mut guest = Guest::new();
    guest.touch("l0");
    for index in 1..=41 {
        let (target, path) = (format!("l{}", index - 1), format!("l{index}"));
        assert_eq!(guest.symlink(&target, &path), SUCCESS);
    }
    assert!(guest.stat_path(FOLLOW, "l40").is_ok());
    assert_eq!(guest.stat_path(FOLLOW, "l41"), Err(LOOP));
    assert_eq!(guest.symlink("a/a", "a"), SUCCESS);
    assert_eq!(guest.stat_path(FOLLOW, "a"), Err(LOOP));
}

#[test]
fn renaming_a_directory_replaces_only_an_empty_one() {
    let mut guest = Guest::new();
    guest.make_directory("source");
    guest.touch("source/f");
    guest.make_directory("empty");
    assert_eq!(guest.rename("source", "empty"), SUCCESS);
    assert_eq!(guest.stat_path(0, "source"), Err(NOENT));
    assert!(guest.stat_path(0, "empty/f").is_ok());
    guest.make_directory("source");
    assert_eq!(guest.rename("source", "empty"), NOTEMPTY);
    assert_eq!(guest.rename("source", "empty/f"), NOTDIR);
    assert_eq!(guest.rename("source", "source"), SUCCESS);
    assert_eq!(guest.rename("source", "source/below"), INVAL);
    assert_eq!(guest.rename("empty", "source/moved"), SUCCESS);
    assert!(guest.stat_path(0, "source/moved/../moved/f").is_ok());
    assert_eq!(guest.rename(".", "x"), BUSY);
    assert_eq!(guest.rename("source", "."), BUSY);
}

#[test]
fn the_directory_above_is_another_after_a_move() {
    let mut guest = Guest::new();
    guest.make_directory("a");
    guest.make_directory("b");
    guest.make_directory("a/moved");
    assert_eq!(guest.rename("a/moved", "b/moved"), SUCCESS);
    let fd = guest.open(ROOT, "b/moved", DIRECTORY, NOT_WRITE).unwrap();
    let above = guest.list_step(fd, 256, 0).0[1].inode;
    assert_eq!(above, guest.stat_path(0, "b").unwrap().inode);
}

#[test]
fn renaming_a_directory_takes_trailing_slashes() {
    let mut guest = Guest::new();
    guest.make_directory("a");
    for (from, to) in [("a/", "b"), ("b", "a/"), ("a/", "b/"), ("b", "a")] {
        assert_eq!(guest.rename(from, to), SUCCESS, "{from} to {to}");
    }
    guest.touch("f");
    assert_eq!(guest.rename("f", "g/"), NOTDIR);
    assert_eq!(guest.rename("f/", "g"), NOTDIR);
}

#[test]
fn renaming_a_file_replaces_a_file_and_never_a_directory() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "source", CREATE, ALL).unwrap();
    guest.write(fd, b"new").unwrap();
    let replaced = guest.open(ROOT, "target", CREATE, ALL).unwrap();
    guest.make_directory("d");
    assert_eq!(guest.rename("source", "d"), ISDIR);
    assert_eq!(guest.rename("no", "target"), NOENT);
    assert_eq!(guest.rename("source", "no/target"), NOENT);
    assert_eq!(guest.rename("source", "target"), SUCCESS);
    assert_eq!(guest.stat_path(0, "target").unwrap().size, 3);
    assert_eq!(guest.stat(replaced).unwrap().links, 0);
    assert_eq!(guest.stat_path(0, "source"), Err(NOENT));
    assert_eq!(guest.link(0, "target", "same"), SUCCESS);
    assert_eq!(guest.rename("same", "target"), SUCCESS);
    assert!(guest.stat_path(0, "same").is_ok());
}

#[test]
fn renaming_a_link_moves_the_link() {
    let mut guest = Guest::new();
    guest.touch("f");
    assert_eq!(guest.symlink("f", "l"), SUCCESS);
    assert_eq!(guest.rename("l", "m"), SUCCESS);
    assert_eq!(guest.readlink("m", 9).unwrap(), b"f");
    assert_eq!(guest.unlink("m"), SUCCESS);
    assert!(guest.stat_path(0, "f").is_ok());
}

#[test]
fn files_of_the_caller_are_there_and_those_of_the_program_come_back() {
    let mut files = FileTree::new(FsLimits::default(), START);
    files.add_file("/in/data.txt", b"given".to_vec()).unwrap();
    files.add_symlink("in/link", "data.txt").unwrap();
    let mut guest = Guest::with(files, |_| ());
    let fd = guest.open_with(ROOT, FOLLOW, "in/link", 0, ALL, 0).unwrap();
    assert_eq!(guest.read(fd, 9).unwrap(), b"given");
    guest.make_directory("out");
    let fd = guest.open(ROOT, "out/result", CREATE, ALL).unwrap();
    guest.write(fd, b"made").unwrap();
    let files = guest.finish().files;
    assert_eq!(files.get("out/result"), Some(Entry::File(b"made")));
    assert_eq!(files.get("in"), Some(Entry::Directory(vec!["data.txt", "link"])));
    assert_eq!(files.get("/in/link"), Some(Entry::Symlink("data.txt")));
    assert_eq!(files.get("in/none"), None);
}

#[test]
fn several_preopens_are_descriptors_in_their_order() {
    let mut files = empty_tree();
    files.add_file("a/one", Vec::new()).unwrap();
    files.add_file("b/two", Vec::new()).unwrap();
    let mut guest = Guest::with(files, |config| {
        let preopen = |guest: &str, path: &str| Preopen { guest: guest.into(), path: path.into() };
        config.preopens = vec![preopen("/first", "/a"), preopen("/second", "./b/")];
    });
    assert!(guest.open(3, "one", 0, 0).is_ok());
    assert!(guest.open(4, "two", 0, 0).is_ok());
    let (at, len) = guest.path("one");
    guest.must("path_rename", &[3, at, len, 4, at, len]);
    assert_eq!(guest.names(4), [".", "..", "two", "one"]);
}

#[test]
fn a_preopen_stays_usable_when_its_directory_is_removed_through_another() {
    let mut files = empty_tree();
    files.add_directory("inner").unwrap();
    let mut guest = Guest::with(files, |config| {
        config.preopens.push(Preopen { guest: "/inner".into(), path: "inner".into() });
    });
    assert_eq!(guest.remove_directory("inner"), SUCCESS);
    assert_eq!(guest.stat(4).unwrap().links, 0);
    assert_eq!(guest.names(4), [".", ".."]);
    guest.must("fd_close", &[4]);
    assert_eq!(guest.finish().files.used_inodes(), 0);
}
