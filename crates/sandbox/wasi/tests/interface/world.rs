//! Arguments, environment, clocks, randomness, streams, the process, sockets, and what the caller
//! gives and gets.

use super::guest::*;
use sealwork_wasi::{ConfigError, Exit, FileTree, FsLimits, Preopen, WasiState};
use std::sync::atomic::Ordering;

fn strings(guest: &Guest, pointers: u64, count: u64) -> Vec<String> {
    let string = |index| {
        let at = u64::from(guest.u32(pointers + 4 * index));
        let bytes = guest.bytes(at, 64);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(bytes[..end].to_vec()).unwrap()
    };
    (0..count).map(string).collect()
}

#[test]
fn args_sizes_get_and_args_get_give_every_argument_with_its_end() {
    let mut guest = Guest::new();
    guest.must("args_sizes_get", &[RESULT, RESULT + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (3, 8 + 10 + 1));
    guest.must("args_get", &[VECTOR, BUFFER]);
    assert_eq!(strings(&guest, VECTOR, 3), ["program", "two words", ""]);
    assert_eq!(guest.bytes(BUFFER, 19), b"program\0two words\0\0");
}

#[test]
fn environ_sizes_get_and_environ_get_give_every_variable() {
    let mut guest = Guest::new();
    guest.must("environ_sizes_get", &[RESULT, RESULT + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (2, 7 + 7));
    guest.must("environ_get", &[VECTOR, BUFFER]);
    assert_eq!(strings(&guest, VECTOR, 2), ["HOME=/", "EMPTY="]);
}

#[test]
fn a_program_without_arguments_and_environment_sees_none() {
    let mut guest = Guest::with(empty_tree(), |config| {
        config.args.clear();
        config.env.clear();
    });
    for sizes in ["args_sizes_get", "environ_sizes_get"] {
        guest.put(RESULT, &[0xff; 8]);
        guest.must(sizes, &[RESULT, RESULT + 4]);
        assert_eq!(guest.u64(RESULT), 0);
    }
    guest.must("args_get", &[MEMORY, MEMORY]);
    guest.must("environ_get", &[MEMORY, MEMORY]);
}

#[test]
fn clock_res_get_says_one_millisecond_and_knows_two_clocks() {
    let mut guest = Guest::new();
    for clock in [0, 1] {
        guest.must("clock_res_get", &[clock, RESULT]);
        assert_eq!(guest.u64(RESULT), 1_000_000);
    }
    for clock in [2, 3, 4, u64::from(u32::MAX)] {
        assert_eq!(guest.call("clock_res_get", &[clock, RESULT]), INVAL);
        assert_eq!(guest.call("clock_time_get", &[clock, 0, RESULT]), INVAL);
    }
}

#[test]
fn clock_time_get_is_coarse_and_each_reading_is_later_than_the_last() {
    let mut guest = Guest::new();
    guest.clock.monotonic.store(7_999_999, Ordering::Relaxed);
    guest.must("clock_time_get", &[1, 0, RESULT]);
    assert_eq!(guest.u64(RESULT), 7_000_000);
    guest.must("clock_time_get", &[1, 1, RESULT]);
    assert_eq!(guest.u64(RESULT), 7_000_001);
    guest.clock.monotonic.store(8_000_001, Ordering::Relaxed);
    guest.must("clock_time_get", &[1, 0, RESULT]);
    assert_eq!(guest.u64(RESULT), 8_000_000);
    guest.advance(999_999);
    guest.must("clock_time_get", &[0, 0, RESULT]);
    assert_eq!(guest.u64(RESULT), START);
}

#[test]
fn random_get_fills_the_whole_buffer_from_the_callers_generator() {
    let mut guest = Guest::new();
    guest.must("random_get", &[BUFFER, 4]);
    assert_eq!(guest.bytes(BUFFER, 6), [1, 6, 31, 156, 0, 0]);
    guest.must("random_get", &[BUFFER, 0]);
    guest.must("random_get", &[0, MEMORY]);
    assert_ne!(guest.bytes(MEMORY - 64, 64), [0; 64]);
}

#[test]
fn proc_exit_ends_the_instance_with_its_code() {
    for code in [0, 1, 33, 255, -1] {
        let mut guest = Guest::new();
        let end = guest.try_call("proc_exit", &[code as u64]).unwrap_err();
        assert_eq!(end.downcast_ref(), Some(&Exit(code)));
        assert_eq!(guest.finish().calls, 1);
    }
}

#[test]
fn proc_raise_is_not_offered_and_sched_yield_returns() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("proc_raise", &[6]), NOTSUP);
    guest.must("sched_yield", &[]);
}

#[test]
fn socket_calls_say_that_no_descriptor_is_a_socket() {
    let mut guest = Guest::new();
    for (fd, errno) in [(1, NOTSOCK), (ROOT, NOTSOCK), (99, BADF)] {
        assert_eq!(guest.call("sock_accept", &[fd, 0, RESULT]), errno);
        assert_eq!(guest.call("sock_recv", &[fd, VECTOR, 0, 0, RESULT, RESULT]), errno);
        assert_eq!(guest.call("sock_send", &[fd, VECTOR, 0, 0, RESULT]), errno);
        assert_eq!(guest.call("sock_shutdown", &[fd, 1]), errno);
    }
}

#[test]
fn standard_input_is_read_to_its_end() {
    let mut guest = Guest::new();
    assert_eq!(guest.read(0, 9).unwrap(), b"standard ");
    assert_eq!(guest.read(0, 100).unwrap(), b"input");
    assert_eq!(guest.read(0, 100).unwrap(), b"");
}

#[test]
fn standard_output_takes_up_to_its_limit_then_fails() {
    let mut guest = Guest::new();
    assert_eq!(guest.write(1, &[b'a'; 60]), Ok(60));
    assert_eq!(guest.write(1, b"12345678"), Ok(4));
    assert_eq!(guest.write(1, b"5"), Err(NOSPC));
    assert_eq!(guest.write(1, b""), Ok(0));
    let outcome = guest.finish();
    assert!(outcome.stdout.ends_with(b"aaaa1234") && outcome.stdout.len() == 64);
    assert!(outcome.stdout_overflowed);
    assert_eq!(outcome.bytes_written, 64);
}

#[test]
fn standard_error_takes_everything_and_keeps_its_end() {
    let mut guest = Guest::new();
    for _ in 0..100 {
        assert_eq!(guest.write(2, b"0123456789"), Ok(10));
    }
    let outcome = guest.finish();
    assert_eq!(outcome.stderr_tail, b"4567890123456789");
    assert_eq!((outcome.stderr_bytes, outcome.bytes_written), (1000, 1000));
    assert!(!outcome.stdout_overflowed && outcome.stdout.is_empty());
}

#[test]
fn a_stream_is_neither_a_terminal_nor_seekable_nor_used_against_its_direction() {
    let mut guest = Guest::new();
    for fd in [0, 1, 2] {
        let stat = guest.fd_stat(fd).unwrap();
        assert_eq!((stat.file_type, stat.flags, stat.inheriting), (0, 0, 0));
        assert_eq!(stat.base & FD_READ != 0, fd == 0);
        assert_eq!(stat.base & FD_WRITE != 0, fd != 0);
        assert_eq!(guest.seek(fd, 0, 1), Err(SPIPE));
        assert_eq!(guest.call("fd_tell", &[fd, RESULT]), SPIPE);
        assert_eq!(guest.pread(fd, 1, 0), Err(SPIPE));
        assert_eq!(guest.pwrite(fd, b"x", 0), Err(SPIPE));
        assert_eq!(guest.stat(fd).unwrap().file_type, 0);
        guest.must("fd_sync", &[fd]);
        guest.must("fd_datasync", &[fd]);
    }
    assert_eq!(guest.write(0, b"x"), Err(BADF));
    assert_eq!(guest.read(1, 1), Err(BADF));
    assert_eq!(guest.read(2, 1), Err(BADF));
}

#[test]
fn calls_are_counted() {
    let mut guest = Guest::new();
    guest.must("sched_yield", &[]);
    guest.call("fd_close", &[99]);
    assert_eq!(guest.state().calls(), 2);
}

#[test]
fn a_configuration_that_no_program_can_see_is_refused() {
    let clock = TestClock::default();
    let refusal = |adjust: &dyn Fn(&mut sealwork_wasi::WasiConfig)| {
        let mut config = config(empty_tree(), &clock);
        adjust(&mut config);
        WasiState::new(config).err().unwrap()
    };
    assert_eq!(refusal(&|c| c.args[1].push('\0')), ConfigError::Unfit { index: 1 });
    assert_eq!(refusal(&|c| c.env[0].0 = "A=B".into()), ConfigError::Unfit { index: 3 });
    assert_eq!(refusal(&|c| c.env[1].0.clear()), ConfigError::Unfit { index: 4 });
    assert_eq!(refusal(&|c| c.env[1].1.push('\0')), ConfigError::Unfit { index: 4 });
    let missing = Preopen { guest: "/x".into(), path: "x".into() };
    assert_eq!(
        refusal(&|c| c.preopens.push(missing.clone())),
        ConfigError::NoDirectory { path: "x".into() }
    );
    let few = FsLimits { open_files: 3, ..FsLimits::default() };
    assert_eq!(
        refusal(&|c| c.files = FileTree::new(few, 0)),
        ConfigError::TooManyPreopens { count: 1 }
    );
}

#[test]
fn what_a_program_leaves_prints_sizes_and_no_content() {
    let mut files = empty_tree();
    files.add_file("name-canary", b"content-canary".to_vec()).unwrap();
    files.add_symlink("link", "target-canary").unwrap();
    let mut guest = Guest::with(files, |_| ());
    guest.write(1, b"stdout-canary").unwrap();
    guest.write(2, b"stderr-canary").unwrap();
    let outcome = guest.finish();
    let entries = ["/", "name-canary", "link"].map(|path| outcome.files.get(path).unwrap());
    let printed = format!("{outcome:?} {entries:?}");
    assert!(!printed.contains("canary") && !printed.contains("99, 97, 110"), "{printed}");
    assert!(printed.contains("stdout_bytes: 13"), "{printed}");
}
