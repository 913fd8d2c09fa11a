//! Pointers and lengths that lie.

use super::guest::*;

const TOP: u64 = u32::MAX as u64;

/// Where a pointer never points to memory of the length that the call needs.
const BAD: [u64; 4] = [MEMORY, MEMORY - 1, TOP, 1 << 31];

#[test]
fn results_that_cannot_be_written_are_faults_and_open_nothing() {
    let mut guest = Guest::new();
    guest.touch("f");
    let fd = guest.open(ROOT, "f", 0, ALL).unwrap();
    let (at, len) = guest.path("f");
    let vector = VECTOR;
    guest.vector(&[(BUFFER, 4)]);
    for bad in BAD {
        let calls: [(&str, &[u64]); 23] = [
            ("args_get", &[bad, BUFFER]),
            ("args_get", &[RESULT, bad]),
            ("args_sizes_get", &[bad, RESULT]),
            ("args_sizes_get", &[RESULT, bad]),
            ("environ_get", &[bad, BUFFER]),
            ("environ_sizes_get", &[RESULT, bad]),
            ("clock_res_get", &[0, bad]),
            ("clock_time_get", &[0, 0, bad]),
            ("fd_fdstat_get", &[fd, bad]),
            ("fd_filestat_get", &[fd, bad]),
            ("fd_pread", &[fd, vector, 1, 0, bad]),
            ("fd_prestat_get", &[ROOT, bad]),
            ("fd_pwrite", &[fd, vector, 1, 0, bad]),
            ("fd_read", &[fd, vector, 1, bad]),
            ("fd_readdir", &[ROOT, BUFFER, 64, 0, bad]),
            ("fd_readdir", &[ROOT, bad, 64, 0, RESULT]),
            ("fd_seek", &[fd, 1, 0, bad]),
            ("fd_tell", &[fd, bad]),
            ("fd_write", &[fd, vector, 1, bad]),
            ("path_filestat_get", &[ROOT, 0, at, len, bad]),
            ("path_open", &[ROOT, 0, at, len, 0, 0, 0, 0, bad]),
            ("random_get", &[bad, 8]),
            ("poll_oneoff", &[BUFFER, bad, 1, RESULT]),
        ];
        for (name, arguments) in calls {
            assert_eq!(guest.call(name, arguments), FAULT, "{name}{arguments:?}");
        }
    }
    assert_eq!(guest.call("fd_readdir", &[ROOT, BUFFER + 4096, 64, 0, MEMORY]), FAULT);
    assert_eq!(guest.bytes(BUFFER + 4096, 64), [0; 64]);
    guest.must("fd_tell", &[fd, RESULT]);
    assert_eq!(guest.u64(RESULT), 0);
    assert_eq!(guest.stat(fd).unwrap().size, 0);
    assert_eq!(guest.open(ROOT, "f", 0, 0), Ok(fd + 1));
}

#[test]
fn paths_outside_the_memory_are_faults() {
    let mut guest = Guest::new();
    guest.put(BUFFER, b"x");
    for (at, len) in [(MEMORY, 1), (MEMORY - 1, 2), (TOP, 1), (TOP, 4096)] {
        let calls: [(&str, &[u64]); 12] = [
            ("path_create_directory", &[ROOT, at, len]),
            ("path_filestat_get", &[ROOT, 0, at, len, RESULT]),
            ("path_filestat_set_times", &[ROOT, 0, at, len, 0, 0, 0]),
            ("path_link", &[ROOT, 0, at, len, ROOT, at, len]),
            ("path_open", &[ROOT, 0, at, len, 0, 0, 0, 0, RESULT]),
            ("path_readlink", &[ROOT, at, len, BUFFER, 9, RESULT]),
            ("path_remove_directory", &[ROOT, at, len]),
            ("path_rename", &[ROOT, at, len, ROOT, at, len]),
            ("path_symlink", &[at, len, ROOT, BUFFER, 1]),
            ("path_symlink", &[BUFFER, 1, ROOT, at, len]),
            ("path_unlink_file", &[ROOT, at, len]),
            ("random_get", &[at, len]),
        ];
        for (name, arguments) in calls {
            assert_eq!(guest.call(name, arguments), FAULT, "{name}{arguments:?}");
        }
    }
    assert_eq!(guest.call("path_unlink_file", &[ROOT, 0, TOP]), NAMETOOLONG);
}

#[test]
fn the_last_bytes_of_the_memory_can_be_used() {
    let mut guest = Guest::new();
    guest.must("random_get", &[MEMORY - 1, 1]);
    guest.must("random_get", &[MEMORY, 0]);
    guest.must("clock_time_get", &[0, 0, MEMORY - 8]);
    guest.put(MEMORY - 1, b"d");
    guest.must("path_create_directory", &[ROOT, MEMORY - 1, 1]);
    guest.must("fd_filestat_get", &[ROOT, MEMORY - 64]);
}

#[test]
fn lengths_of_four_gibibytes_are_refused_without_being_taken() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.vector(&[(0, TOP)]);
    for (name, arguments) in [
        ("fd_read", vec![0, VECTOR, 1, RESULT]),
        ("fd_write", vec![1, VECTOR, 1, RESULT]),
        ("fd_pread", vec![fd, VECTOR, 1, 0, RESULT]),
        ("fd_pwrite", vec![fd, VECTOR, 1, 0, RESULT]),
        ("fd_readdir", vec![ROOT, 0, TOP, 0, RESULT]),
        ("random_get", vec![0, TOP]),
    ] {
        assert_eq!(guest.call(name, &arguments), FAULT, "{name}");
    }
    assert_eq!(guest.stat(fd).unwrap().size, 0);
    assert_eq!(guest.read(0, 14).unwrap(), b"standard input");
}

#[test]
fn counts_are_bounded() {
    let mut guest = Guest::new();
    for count in [1025, TOP] {
        assert_eq!(guest.call("fd_write", &[1, VECTOR, count, RESULT]), INVAL);
        assert_eq!(guest.call("fd_read", &[0, VECTOR, count, RESULT]), INVAL);
    }
    guest.put(VECTOR, &[0; 8192]);
    guest.must("fd_write", &[1, VECTOR, 1024, RESULT]);
    assert_eq!(guest.u32(RESULT), 0);
    for count in [4097, 1 << 31, TOP] {
        assert_eq!(guest.call("poll_oneoff", &[0, 0, count, RESULT]), INVAL);
    }
    assert_eq!(guest.call("poll_oneoff", &[0, 0, 4096, RESULT]), FAULT);
}

#[test]
fn naming_the_whole_memory_a_thousand_times_moves_no_more_than_there_is() {
    let mut guest = Guest::new();
    let all: Vec<_> = (0..1024).map(|_| (0, MEMORY)).collect();
    guest.vector(&all);
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.must("fd_pread", &[fd, VECTOR, 1024, 0, RESULT]);
    assert_eq!(guest.u32(RESULT), 0);
    guest.vector(&all);
    guest.must("fd_write", &[1, VECTOR, 1024, RESULT]);
    assert_eq!(guest.u32(RESULT), 64);
}

#[test]
fn reading_over_the_vector_itself_uses_what_it_says_then_and_stays_inside() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.write(fd, &[0xff; 64]).unwrap();
    guest.vector(&[(VECTOR, 16), (BUFFER, 8)]);
    assert_eq!(guest.call("fd_pread", &[fd, VECTOR, 2, 0, RESULT]), FAULT);
    assert_eq!(guest.bytes(VECTOR, 16), [0xff; 16]);
}

#[test]
fn overlapping_buffers_are_written_in_order() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.write(fd, b"abcdefgh").unwrap();
    guest.vector(&[(BUFFER, 4), (BUFFER + 2, 4)]);
    guest.must("fd_pread", &[fd, VECTOR, 2, 0, RESULT]);
    assert_eq!((guest.u32(RESULT), guest.bytes(BUFFER, 6)), (8, b"abefgh".to_vec()));
}

#[test]
fn a_result_over_the_arguments_of_its_own_call_is_written_last() {
    let mut guest = Guest::new();
    let fd = guest.open(ROOT, "f", CREATE, ALL).unwrap();
    guest.put(BUFFER, b"abcd");
    guest.vector(&[(BUFFER, 4)]);
    guest.must("fd_write", &[fd, VECTOR, 1, BUFFER]);
    assert_eq!(guest.pread(fd, 8, 0).unwrap(), b"abcd");
}

#[test]
fn a_program_without_memory_is_ended_with_the_reason() {
    use sealwork_wasi::{NoMemory, WasiState, add_to_linker};
    use wasmtime::{Engine, Linker, Module, Store};
    let engine = Engine::default();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (func (export "run") (drop (call $yield))))"#;
    let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |state: &mut WasiState| state).unwrap();
    let state = WasiState::new(config(empty_tree(), &TestClock::default())).unwrap();
    let mut store = Store::new(&engine, state);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    let end = run.call(&mut store, ()).unwrap_err();
    assert_eq!(end.downcast_ref(), Some(&NoMemory));
}
