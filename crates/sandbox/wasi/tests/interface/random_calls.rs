//! Any sequence of calls with any arguments: nothing breaks, no limit is passed.

use super::guest::*;
use proptest::prelude::*;
use proptest::sample::select;
use sealwork_wasi::{FileTree, FsLimits, Interrupted};

const LIMITS: FsLimits = FsLimits { bytes: 4096, inodes: 12, depth: 3, open_files: 8 };
const NAMES: [&str; 10] = ["a", "b", "a/b", "a/b/a", "..", ".", "a/", "b/../a", "l", "l/b"];
/// Where each name lies in memory, 16 bytes apart.
const NAMES_AT: u64 = 20000;

/// A function and its arguments.
type Call = (usize, Vec<u64>);

fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..9_u64,
        4 => select(vec![RESULT, VECTOR, BUFFER, MEMORY - 8, MEMORY - 1, MEMORY]),
        4 => (0..NAMES.len() as u64).prop_map(|index| NAMES_AT + 16 * index),
        1 => select(vec![u64::MAX, u64::from(u32::MAX), 1 << 31, 1 << 63, i64::MAX as u64]),
        1 => select(vec![ALL, NOT_WRITE]),
        1 => any::<u64>(),
        1 => any::<u16>().prop_map(u64::from),
    ]
}

/// Arguments for each function, those of a path mostly a name and its length.
fn call() -> impl Strategy<Value = Call> {
    let arguments = proptest::collection::vec(argument(), 11);
    (0..FUNCTIONS.len(), arguments, 0..NAMES.len(), 0..NAMES.len(), 0..10).prop_map(
        |(function, mut arguments, name, other, wild)| {
            let (path, parameters) = FUNCTIONS[function];
            arguments.truncate(parameters.len());
            if wild > 0 && path.starts_with("path_") {
                let place = |name: usize| [NAMES_AT + 16 * name as u64, NAMES[name].len() as u64];
                let at = match path {
                    "path_filestat_get" | "path_filestat_set_times" | "path_open" | "path_link" => {
                        2
                    }
                    "path_symlink" => 0,
                    _ => 1,
                };
                arguments[at..at + 2].copy_from_slice(&place(name));
                let second = match path {
                    "path_symlink" => Some(3),
                    "path_link" => Some(5),
                    "path_rename" => Some(4),
                    _ => None,
                };
                if let Some(at) = second {
                    arguments[at..at + 2].copy_from_slice(&place(other));
                }
                let directory = if path == "path_symlink" { 2 } else { 0 };
                arguments[directory] = ROOT;
                if path == "path_open" {
                    arguments[5] = ALL;
                    arguments[6] = ALL;
                }
            }
            (function, arguments)
        },
    )
}

fn lay_names(guest: &mut Guest) {
    for (index, name) in NAMES.iter().enumerate() {
        guest.put(NAMES_AT + 16 * index as u64, name.as_bytes());
    }
    guest.vector(&[(BUFFER, 100), (NAMES_AT, 7)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_leave_the_limits_kept(calls in proptest::collection::vec(call(), 1..200)) {
        let mut guest = Guest::with(FileTree::new(LIMITS, START), |_| ());
        lay_names(&mut guest);
        for (function, arguments) in calls {
            match guest.try_call(FUNCTIONS[function].0, &arguments) {
                Ok(errno) => prop_assert!(errno <= NOTCAPABLE),
                Err(end) => prop_assert!(end.downcast_ref::<Interrupted>().is_some(), "{end:?}"),
            }
            if function % 7 == 0 {
                lay_names(&mut guest);
            }
        }
        let outcome = guest.finish();
        prop_assert!(outcome.files.used_bytes() <= LIMITS.bytes);
        prop_assert!(outcome.files.used_inodes() <= LIMITS.inodes);
        prop_assert!(outcome.stdout.len() <= 64);
        prop_assert!(outcome.stderr_tail.len() <= 16);
    }
}
