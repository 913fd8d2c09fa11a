use std::collections::BTreeMap;

use super::proto::Builder;
use crate::ProfileError;

/// Nanoseconds per tick of the kernel's clock in /proc; USER_HZ is 100 wherever Linux runs.
const TICK_NANOS: i64 = 10_000_000;

/// One sample for each name that threads have, with how many have it.
pub(super) fn by_name(what: &str) -> Result<Vec<u8>, ProfileError> {
    let failed = |e: std::io::Error| ProfileError::Failed(e.to_string());
    let mut names = BTreeMap::<String, i64>::new();
    for thread in std::fs::read_dir("/proc/self/task").map_err(failed)? {
        // A thread may have ended since it was listed.
        let name = thread.and_then(|thread| read(&thread.path().join("comm")));
        if let Ok(name) = name {
            *names.entry(name.trim_end().to_owned()).or_default() += 1;
        }
    }
    let mut builder = Builder::new(&[(what, "count")]);
    builder.set_period(0, (what, "count"), 1);
    for (name, count) in names {
        builder.add([(format!("thread {name}"), String::new())], vec![count], None);
    }
    builder.gzip()
}

/// CPU time of this process so far, in user code and in the kernel, in nanoseconds.
pub(super) fn cpu_time() -> Option<i64> {
    let stat = read("/proc/self/stat".as_ref()).ok()?;
    cpu_time_of(&stat)
}

/// Fields 14 and 15 of proc(5); the second field may hold spaces and ends with the last `)`.
fn cpu_time_of(stat: &str) -> Option<i64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: i64 = fields.next()?.parse().ok()?;
    let system: i64 = fields.next()?.parse().ok()?;
    (user + system).checked_mul(TICK_NANOS)
}

#[allow(clippy::disallowed_methods, reason = "the kernel's view of this process is no disk")]
fn read(path: &std::path::Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_spaces_and_brackets() {
        let stat = "1 (a b) c) S 1 1 1 0 -1 4194560 5 0 0 0 250 50 0 0 20 0 1 0 7 1 1";
        assert_eq!(cpu_time_of(stat), Some(3_000_000_000));
        assert!(cpu_time().is_some());
    }
}
