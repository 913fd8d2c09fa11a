//! The `fd_` functions.

use super::guest::*;

const READ_WRITE: u64 = FD_READ | FD_WRITE | FD_SEEK | FD_TELL;

#[test]
fn the_preopened_directory_says_its_kind_and_name() {
    let mut guest = Guest::with(empty_tree(), |config| config.preopens[0].guest = "/data".into());
    guest.put(RESULT, &[0xff; 8]);
    guest.must("fd_prestat_get", &[ROOT, RESULT]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (0, 5));
    guest.must("fd_prestat_dir_name", &[ROOT, BUFFER, 5]);
    assert_eq!(guest.bytes(BUFFER, 6), b"/data\0");
    guest.must("fd_prestat_dir_name", &[ROOT, BUFFER, 100]);
    assert_eq!(guest.bytes(BUFFER, 6), b"/data\0");
    for short in [0, 4] {
        assert_eq!(guest.call("fd_prestat_dir_name", &[ROOT, BUFFER, short]), NAMETOOLONG);
    }
}

#[test]
fn what_is_not_preopened_ends_the_list_of_preopens() {
    let mut guest = Guest::new();
    let opened = guest.open(ROOT, ".", DIRECTORY, NOT_WRITE).unwrap();
    for fd in [0, 1, 2, 4, opened, 99] {
        assert_eq!(guest.call("fd_prestat_get", &[fd, RESULT]), BADF);
        assert_eq!(guest.call("fd_prestat_dir_name", &[fd, BUFFER, 10]), BADF);
    }
}

#[test]
fn closing_frees_the_number_for_the_next_even_of_a_preopen_or_a_stream() {
    let mut guest = Guest::new();
    let first = guest.open(ROOT, "a", CREATE, ALL).unwrap();
    let second = guest.open(ROOT, "b", CREATE, ALL).unwrap();
    assert_eq!((first, second), (4, 5));
    guest.must("fd_close", &[first]);
    assert_eq!(guest.call("fd_close", &[first]), BADF);
    assert_eq!(guest.open(ROOT, "b", 0, ALL), Ok(first));
    let root = guest.open(ROOT, ".", DIRECTORY, NOT_WRITE).unwrap();
    guest.must("fd_close", &[ROOT]);
    assert_eq!(guest.fd_stat(ROOT), Err(BADF));
    assert_eq!(guest.fd_stat(root).unwrap().file_type, 3);
    guest.must("fd_close", &[1]);
    assert_eq!(guest.open(root, "b", 0, ALL), Ok(1));
}

#[test]
fn renumbering_moves_a_descriptor_onto_an_open_one() {
    let mut guest = Guest::new();
    let from = guest.open(ROOT, "a", CREATE, READ_WRITE).unwrap();
    let to = guest.open(ROOT, "b", CREATE, 0).unwrap();
    let moved = guest.stat_path(0, "a").unwrap().inode;
    let before = guest.fd_stat(from).unwrap();
    guest.must("fd_renumber", &[from, to]);
    assert_eq!(guest.fd_stat(to).unwrap(), before);
    assert_eq!(guest.call("fd_close", &[from]), BADF);
    assert_eq!(guest.call("fd_renumber", &[to, from]), BADF);
    assert_eq!(guest.call("fd_renumber", &[99, to]), BADF);
    guest.must("fd_renumber", &[to, to]);
    assert_eq!(guest.write(to, b"moved"), Ok(5));
    let stat = guest.stat_path(0, "a").unwrap();
    assert_eq!((stat.inode, stat.size), (moved, 5));
}

#[test]
fn renumbering_works_over_a_preopen_and_with_streams() {
    let mut guest = Guest::new();
    guest.make_directory("sub");
    let sub = guest.open(ROOT, "sub", DIRECTORY, NOT_WRITE).unwrap();
    let expected = guest.stat(sub).unwrap();
    guest.must("fd_renumber", &[sub, ROOT]);
    assert_eq!(guest.stat(ROOT).unwrap(), expected);
    assert_eq!(guest.call("fd_prestat_get", &[ROOT, RESULT]), BADF);
    let file = guest.open(ROOT, "file", CREATE, READ_WRITE).unwrap();
    guest.must("fd_renumber", &[1, file]);
    assert_eq!(guest.fd_stat(1), Err(BADF));
    assert_eq!(guest.write(file, b"to stdout"), Ok(9));
    assert_eq!(guest.finish().stdout, b"to stdout");
}

#[test]
fn fd_fdstat_get_says_what_was_asked_for_and_makes_sense() {
    let mut guest = Guest::new();
    let root = guest.fd_stat(ROOT).unwrap();
    assert_eq!((root.file_type, root.flags), (3, 0));
    assert_eq!(root.base & (FD_SEEK | FD_READ | FD_WRITE), 0);
    assert_eq!(root.base | READ_WRITE | root.inheriting, root.inheriting);
    let file = guest.open_with(ROOT, 0, "f", CREATE, READ_WRITE | FD_READDIR, 0x1f).unwrap();
    let stat = guest.fd_stat(file).unwrap();
    assert_eq!((stat.file_type, stat.flags, stat.base), (4, 0x1f, READ_WRITE));
    let directory = guest.open(ROOT, ".", DIRECTORY, FD_SEEK | FD_READDIR).unwrap();
    assert_eq!(guest.fd_stat(directory).unwrap().base, FD_READDIR);
    assert_eq!(guest.fd_stat(99), Err(BADF));
}

#[test]
fn rights_can_be_dropped_and_not_regained() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, READ_WRITE).unwrap();
    guest.write(fd, b"1234").unwrap();
    let left = FD_SEEK | FD_TELL;
    guest.must("fd_fdstat_set_rights", &[fd, left, 0]);
    let stat = guest.fd_stat(fd).unwrap();
    assert_eq!((stat.base, stat.inheriting), (left, 0));
    assert_eq!(guest.read(fd, 4), Err(BADF));
    assert_eq!(guest.write(fd, b"x"), Err(BADF));
    assert_eq!(guest.seek(fd, 0, 0), Ok(0));
    let regain = [[fd, READ_WRITE, 0], [fd, left, FD_READ], [fd, 1 << 63, 0]];
    for arguments in regain {
        assert_eq!(guest.call("fd_fdstat_set_rights", &arguments), NOTCAPABLE);
    }
    assert_eq!(guest.fd_stat(fd).unwrap(), stat);
    assert_eq!(guest.call("fd_fdstat_set_rights", &[99, 0, 0]), BADF);
}

#[test]
fn what_is_opened_below_a_directory_has_no_more_than_it_inherits() {
    let mut guest = Guest::new();
    guest.touch("f");
    let stat = guest.fd_stat(ROOT).unwrap();
    let arguments = [ROOT, stat.base, stat.inheriting & !FD_READ];
    guest.must("fd_fdstat_set_rights", &arguments);
    let fd = guest.open(ROOT, "f", 0, READ_WRITE).unwrap();
    let stat = guest.fd_stat(fd).unwrap();
    assert_eq!((stat.base, stat.inheriting & FD_READ), (READ_WRITE & !FD_READ, 0));
    assert_eq!(guest.read(fd, 1), Err(BADF));
}

#[test]
fn each_call_needs_its_right() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, 0).unwrap();
    let calls: [(&str, &[u64]); 9] = [
        ("fd_advise", &[fd, 0, 0, 0]),
        ("fd_allocate", &[fd, 0, 1]),
        ("fd_fdstat_set_flags", &[fd, 0]),
        ("fd_filestat_get", &[fd, RESULT]),
        ("fd_filestat_set_size", &[fd, 0]),
        ("fd_filestat_set_times", &[fd, 0, 0, 0]),
        ("fd_seek", &[fd, 0, 0, RESULT]),
        ("fd_seek", &[fd, 0, 1, RESULT]),
        ("fd_tell", &[fd, RESULT]),
    ];
    for (name, arguments) in calls {
        assert_eq!(guest.call(name, arguments), NOTCAPABLE, "{name}");
    }
    assert_eq!(guest.pread(fd, 1, 0), Err(BADF));
    assert_eq!(guest.pwrite(fd, b"x", 0), Err(BADF));
    let unseekable = guest.open(ROOT, "f", 0, FD_READ | FD_WRITE).unwrap();
    assert_eq!(guest.pread(unseekable, 1, 0), Err(NOTCAPABLE));
    assert_eq!(guest.pwrite(unseekable, b"x", 0), Err(NOTCAPABLE));
    let telling = guest.open(ROOT, "f", 0, FD_TELL).unwrap();
    assert_eq!(guest.seek(telling, 0, 1), Ok(0));
    assert_eq!(guest.seek(telling, 1, 1), Err(NOTCAPABLE));
}

#[test]
fn every_call_on_a_closed_descriptor_is_refused_as_one() {
    let mut guest = Guest::new();
    for (name, parameters) in FUNCTIONS.iter().filter(|(name, _)| name.starts_with("fd_")) {
        let mut arguments = vec![0; parameters.len()];
        arguments[0] = 77;
        assert_eq!(guest.call(name, &arguments), BADF, "{name}");
        arguments[0] = u64::from(u32::MAX);
        assert_eq!(guest.call(name, &arguments), BADF, "{name}");
    }
}

#[test]
fn file_operations_on_a_directory_are_refused() {
    let mut guest = Guest::new();
    let calls: [(&str, &[u64]); 6] = [
        ("fd_advise", &[ROOT, 0, 0, 0]),
        ("fd_allocate", &[ROOT, 0, 0]),
        ("fd_filestat_set_size", &[ROOT, 0]),
        ("fd_tell", &[ROOT, RESULT]),
        ("fd_pread", &[ROOT, VECTOR, 0, 0, RESULT]),
        ("fd_pwrite", &[ROOT, VECTOR, 0, 0, RESULT]),
    ];
    for (name, arguments) in calls {
        assert_eq!(guest.call(name, arguments), ISDIR, "{name}");
    }
    for whence in [0, 1, 2] {
        assert_eq!(guest.seek(ROOT, 0, whence), Err(ISDIR));
    }
    assert_eq!(guest.read(ROOT, 1), Err(BADF));
    assert_eq!(guest.write(ROOT, b"x"), Err(BADF));
}

#[test]
fn writing_and_reading_move_the_position_and_meet_in_the_file() {
    let mut guest = Guest::new();
    let reader = guest.open(ROOT, "f", CREATE, FD_READ).unwrap();
    let writer = guest.open(ROOT, "f", 0, FD_WRITE | FD_TELL).unwrap();
    assert_eq!(guest.write(writer, b"hello "), Ok(6));
    assert_eq!(guest.write(writer, b"world"), Ok(5));
    guest.must("fd_tell", &[writer, RESULT]);
    assert_eq!(guest.u64(RESULT), 11);
    assert_eq!(guest.read(reader, 8).unwrap(), b"hello wo");
    assert_eq!(guest.read(reader, 8).unwrap(), b"rld");
    assert_eq!(guest.read(reader, 8).unwrap(), b"");
}

#[test]
fn several_buffers_are_used_in_order() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, READ_WRITE).unwrap();
    guest.put(BUFFER, b"abcdefgh");
    guest.vector(&[(BUFFER + 4, 4), (BUFFER, 0), (BUFFER, 2)]);
    guest.must("fd_write", &[fd, VECTOR, 3, RESULT]);
    assert_eq!(guest.u32(RESULT), 6);
    assert_eq!(guest.pread(fd, 10, 0).unwrap(), b"efghab");
    guest.put(BUFFER, &[0; 8]);
    guest.vector(&[(BUFFER + 6, 2), (BUFFER, 3), (BUFFER + 3, 3)]);
    guest.must("fd_pread", &[fd, VECTOR, 3, 0, RESULT]);
    assert_eq!((guest.u32(RESULT), guest.bytes(BUFFER, 8)), (6, b"ghab\0\0ef".to_vec()));
}

#[test]
fn fd_pread_and_fd_pwrite_leave_the_position() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, READ_WRITE).unwrap();
    assert_eq!(guest.pwrite(fd, b"0123", 0), Ok(4));
    assert_eq!(guest.pwrite(fd, b"xy", 2), Ok(2));
    assert_eq!(guest.pread(fd, 4, 2).unwrap(), b"xy");
    assert_eq!(guest.pread(fd, 4, 4).unwrap(), b"");
    assert_eq!(guest.pread(fd, 4, u64::MAX).unwrap(), b"");
    assert_eq!(guest.seek(fd, 0, 1), Ok(0));
    assert_eq!(guest.read(fd, 9).unwrap(), b"01xy");
}

#[test]
fn writing_past_the_end_leaves_zeros_before_it() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, READ_WRITE).unwrap();
    assert_eq!(guest.seek(fd, 3, 0), Ok(3));
    assert_eq!(guest.write(fd, b"x"), Ok(1));
    assert_eq!(guest.pwrite(fd, b"y", 6), Ok(1));
    assert_eq!(guest.pread(fd, 9, 0).unwrap(), b"\0\0\0x\0\0y");
}

#[test]
fn a_position_is_relative_to_start_current_or_end_and_never_negative() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, READ_WRITE).unwrap();
    guest.write(fd, &[7; 100]).unwrap();
    assert_eq!(guest.seek(fd, -50, 1), Ok(50));
    assert_eq!(guest.seek(fd, -1, 2), Ok(99));
    assert_eq!(guest.seek(fd, 1000, 1), Ok(1099));
    assert_eq!(guest.seek(fd, -2000, 1), Err(INVAL));
    assert_eq!(guest.seek(fd, -1, 0), Err(INVAL));
    assert_eq!(guest.seek(fd, 0, 3), Err(INVAL));
    assert_eq!(guest.seek(fd, i64::MAX, 0), Ok(i64::MAX as u64));
    assert_eq!(guest.seek(fd, i64::MAX, 1), Ok(u64::MAX - 1));
    assert_eq!(guest.seek(fd, 2, 1), Err(INVAL));
    guest.must("fd_tell", &[fd, RESULT]);
    assert_eq!(guest.u64(RESULT), u64::MAX - 1);
    assert_eq!(guest.write(fd, b"x"), Err(NOSPC));
    assert_eq!(guest.read(fd, 1).unwrap(), b"");
}

#[test]
fn appending_writes_at_the_end_until_the_flag_goes() {
    let mut guest = Guest::new();
    let fd = guest.open_with(ROOT, 0, "f", CREATE, ALL, APPEND).unwrap();
    guest.write(fd, b"aa").unwrap();
    assert_eq!(guest.seek(fd, 0, 0), Ok(0));
    guest.write(fd, b"bb").unwrap();
    assert_eq!(guest.seek(fd, 0, 1), Ok(4));
    guest.must("fd_fdstat_set_flags", &[fd, 0]);
    assert_eq!(guest.fd_stat(fd).unwrap().flags, 0);
    guest.seek(fd, 0, 0).unwrap();
    guest.write(fd, b"c").unwrap();
    assert_eq!(guest.pread(fd, 9, 0).unwrap(), b"cabb");
    guest.must("fd_fdstat_set_flags", &[fd, 0x1f]);
    assert_eq!(guest.fd_stat(fd).unwrap().flags, 0x1f);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 0x20]), INVAL);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 0x1_0000]), INVAL);
}

#[test]
fn fd_filestat_get_and_set_size_cut_and_lengthen() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.write(fd, b"abcdef").unwrap();
    guest.must("fd_filestat_set_size", &[fd, 3]);
    guest.must("fd_filestat_set_size", &[fd, 5]);
    assert_eq!(guest.pread(fd, 9, 0).unwrap(), b"abc\0\0");
    let stat = guest.stat(fd).unwrap();
    assert_eq!((stat.file_type, stat.links, stat.size), (4, 1, 5));
    assert_eq!(guest.call("fd_filestat_set_size", &[fd, u64::MAX]), NOSPC);
}

#[test]
fn fd_allocate_lengthens_and_never_cuts() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    for (offset, len, size) in [(0, 100, 100), (10, 10, 100), (90, 20, 110)] {
        guest.must("fd_allocate", &[fd, offset, len]);
        assert_eq!(guest.stat(fd).unwrap().size, size);
    }
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 0]), INVAL);
    assert_eq!(guest.call("fd_allocate", &[fd, u64::MAX, 1]), FBIG);
    assert_eq!(guest.call("fd_allocate", &[fd, 0, u64::MAX]), NOSPC);
    assert_eq!(guest.stat(fd).unwrap().size, 110);
}

#[test]
fn fd_advise_takes_six_advices_and_changes_nothing() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.write(fd, b"abc").unwrap();
    for advice in 0..6 {
        guest.must("fd_advise", &[fd, 10, 50, advice]);
    }
    assert_eq!(guest.call("fd_advise", &[fd, 0, 0, 6]), INVAL);
    assert_eq!(guest.call("fd_advise", &[fd, u64::MAX, 1, 0]), INVAL);
    assert_eq!(guest.stat(fd).unwrap().size, 3);
    assert_eq!(guest.call("fd_advise", &[1, 0, 0, 0]), SPIPE);
}

#[test]
fn fd_sync_and_fd_datasync_have_nothing_to_do() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    let bare = guest.open(ROOT, "f", 0, ALL).unwrap();
    guest.must("fd_fdstat_set_rights", &[bare, 0, 0]);
    for fd in [fd, ROOT, bare] {
        guest.must("fd_sync", &[fd]);
        guest.must("fd_datasync", &[fd]);
    }
}

#[test]
fn times_follow_the_coarse_clock_and_what_is_done() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    let made = guest.stat(fd).unwrap();
    assert_eq!([made.access, made.modify, made.change], [START; 3]);
    guest.advance(2_500_000);
    guest.write(fd, b"abc").unwrap();
    let written = guest.stat(fd).unwrap();
    let now = START + 2_000_000;
    assert_eq!([written.access, written.modify, written.change], [START, now, now]);
    guest.advance(1_000_000);
    guest.pread(fd, 1, 0).unwrap();
    assert_eq!(guest.stat(fd).unwrap().access, now + 1_000_000);
    assert_eq!(guest.stat(fd).unwrap().modify, now);
}

#[test]
fn fd_filestat_set_times_sets_what_its_flags_choose() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.must("fd_filestat_set_times", &[fd, 11, 22, 4]);
    let stat = guest.stat(fd).unwrap();
    assert_eq!((stat.access, stat.modify), (START, 22));
    guest.must("fd_filestat_set_times", &[fd, 11, 33, 1]);
    let stat = guest.stat(fd).unwrap();
    assert_eq!((stat.access, stat.modify), (11, 22));
    guest.advance(5_000_000);
    guest.must("fd_filestat_set_times", &[fd, 0, 0, 2 | 8]);
    let stat = guest.stat(fd).unwrap();
    assert_eq!((stat.access, stat.modify, stat.change), {
        let now = START + 5_000_000;
        (now, now, now)
    });
    for flags in [1 | 2, 4 | 8, 16, 0x1_0000] {
        assert_eq!(guest.call("fd_filestat_set_times", &[fd, 100, 200, flags]), INVAL);
    }
    assert_eq!(guest.stat(fd).unwrap(), stat);
    guest.must("fd_filestat_set_times", &[ROOT, 7, 8, 5]);
    assert_eq!(guest.stat(ROOT).unwrap().modify, 8);
    assert_eq!(guest.call("fd_filestat_set_times", &[1, 0, 0, 0]), NOTCAPABLE);
}

#[test]
fn an_empty_directory_lists_itself_and_the_one_above() {
    let mut guest = Guest::new();
    guest.make_directory("d");
    let fd = guest.open(ROOT, "d", DIRECTORY, NOT_WRITE).unwrap();
    let inode = guest.stat(fd).unwrap().inode;
    let root = guest.stat(ROOT).unwrap().inode;
    let (entries, used) = guest.list_step(fd, 256, 0);
    let dot = Listed { next: 1, inode, file_type: 3, name: ".".into() };
    let dots = Listed { next: 2, inode: root, file_type: 3, name: "..".into() };
    assert_eq!((entries, used), (vec![dot, dots], 24 + 1 + 24 + 2));
}

#[test]
fn a_listing_says_kinds_and_inodes_and_goes_on_behind_a_cookie() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "file", CREATE, ALL).unwrap();
    guest.make_directory("directory");
    assert_eq!(guest.symlink("file", "link"), SUCCESS);
    let (entries, _) = guest.list_step(ROOT, 1024, 0);
    let kinds: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.file_type)).collect();
    assert_eq!(kinds, [(".", 3), ("..", 3), ("file", 4), ("directory", 3), ("link", 7)]);
    assert_eq!(entries[2].inode, guest.stat(fd).unwrap().inode);
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(guest.list_step(ROOT, 1024, entry.next).0, entries[index + 1..]);
    }
    assert_eq!(guest.list_step(ROOT, 1024, u64::MAX).0, []);
    assert_eq!(guest.call("fd_readdir", &[fd, BUFFER, 100, 0, RESULT]), NOTDIR);
    assert_eq!(guest.call("fd_readdir", &[0, BUFFER, 100, 0, RESULT]), NOTDIR);
    let blind = guest.open(ROOT, ".", 0, 0).unwrap();
    assert_eq!(guest.call("fd_readdir", &[blind, BUFFER, 100, 0, RESULT]), NOTCAPABLE);
}

#[test]
fn a_listing_fills_its_buffer_when_there_is_more() {
    let mut guest = Guest::new();
    guest.touch("a-name-of-some-length");
    for len in [0, 1, 24, 25, 40, 51, 52, 80, 95] {
        let (_, used) = guest.list_step(ROOT, len, 0);
        assert_eq!(used, len);
    }
    assert_eq!(guest.list_step(ROOT, 97, 0).1, 96);
}

#[test]
fn a_listing_in_steps_sees_each_name_once_while_others_go_and_come() {
    let mut guest = Guest::new();
    for index in 0..300 {
        guest.touch(&format!("file.{index}"));
    }
    assert_eq!(guest.names(ROOT).len(), 302);
    let (entries, _) = guest.list_step(ROOT, 256, 0);
    let seen: Vec<_> = entries.iter().map(|entry| entry.name.clone()).collect();
    for name in &seen[2..] {
        assert_eq!(guest.unlink(name), SUCCESS);
    }
    guest.touch("new");
    let mut cookie = entries.last().unwrap().next;
    let mut rest = Vec::new();
    loop {
        let (entries, used) = guest.list_step(ROOT, 256, cookie);
        cookie = entries.last().map_or(cookie, |entry| entry.next);
        rest.extend(entries.into_iter().map(|entry| entry.name));
        if used < 256 {
            break;
        }
    }
    assert_eq!(rest.len(), 300 - (seen.len() - 2) + 1);
    assert_eq!(rest.last().unwrap(), "new");
}
