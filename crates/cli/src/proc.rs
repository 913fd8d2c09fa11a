//! What Linux tells about processes and the machine, from `/proc` and `/sys`.

use std::{fs::OpenOptions, io::Read};

/// The text of a file of the kernel's, or nothing.
pub(crate) fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    let file = OpenOptions::new().read(true).open(path).ok()?;
    file.take(1 << 20).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Resident memory of a process in bytes: now, and at its highest.
pub(crate) fn resident_memory(pid: u32) -> Option<(u64, u64)> {
    let status = read(&format!("/proc/{pid}/status"))?;
    Some((kilobytes(&status, "VmRSS:")?, kilobytes(&status, "VmHWM:")?))
}

/// What a process takes of the machine's memory in bytes: its share of what it has in common with
/// others (PSS) where the kernel tells, else all that is resident.
pub(crate) fn memory(pid: u32) -> Option<u64> {
    let share = read(&format!("/proc/{pid}/smaps_rollup"));
    let share = share.and_then(|rollup| kilobytes(&rollup, "Pss:"));
    share.or_else(|| Some(resident_memory(pid)?.0))
}

/// The processes that a process has started and that have not ended.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent_of = |pid: u32| parse_parent(&read(&format!("/proc/{pid}/stat"))?);
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// CPU time of a process in milliseconds, user and system together, all threads.
pub(crate) fn cpu_ms(pid: u32) -> Option<u64> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    parse_cpu_ticks(&stat).map(|ticks| ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// Bytes from a line like `VmRSS:    1234 kB`.
pub(crate) fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}

/// Field 4 of `/proc/PID/stat`.
fn parse_parent(stat: &str) -> Option<u32> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Fields 14 and 15 of `/proc/PID/stat`; the second field, the name, may hold anything.
fn parse_cpu_ticks(stat: &str) -> Option<u64> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_are_read_behind_a_name_with_brackets() {
        let stat = "42 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 100 23 0 0 20";
        assert_eq!(parse_cpu_ticks(stat), Some(123));
        assert_eq!(parse_cpu_ticks("42 (a) S 1"), None);
    }

    #[test]
    fn the_parent_is_read_behind_a_name_with_brackets() {
        assert_eq!(parse_parent("42 (a) b) (c) S 17 2 3"), Some(17));
        assert_eq!(parse_parent("42 (a) S"), None);
    }

    #[test]
    fn a_process_is_among_the_children_of_its_parent() {
        let parent = std::os::unix::process::parent_id();
        assert!(children(parent).contains(&std::process::id()));
        assert!(memory(std::process::id()).unwrap() > 0);
    }

    #[test]
    fn this_process_has_memory() {
        let (now, highest) = resident_memory(std::process::id()).unwrap();
        assert!(now > 0 && highest >= now / 2);
        assert!(cpu_ms(std::process::id()).is_some());
    }
}
