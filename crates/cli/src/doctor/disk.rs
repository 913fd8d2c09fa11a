use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{StatVfsMountFlags, statfs, statvfs};
use sealwork_job::Timestamp;
use sealwork_platform::{Clock, SystemClock};

use super::Finding;
use crate::render;

const SYNCS: usize = 32;
const GIB: u64 = 1 << 30;
/// Clocks are corrected by less in good order.
const OFF_BY: Duration = Duration::from_secs(60);
/// Below this a worker would soon refuse jobs.
const LEAST_FREE: u64 = 256 << 20;

pub(super) fn check(data_dir: &Path) -> Vec<Finding> {
    let mut findings = vec![directory(data_dir)];
    findings.extend(root_key(&data_dir.join("root.key")));
    findings.extend(epochs(&data_dir.join("keys"), SystemClock::new().now()));
    if let Some(existing) = nearest_existing(data_dir) {
        findings.push(space(&existing));
        findings.push(file_system(&existing));
        findings.push(sync_latency(&existing));
    }
    findings
}

fn directory(dir: &Path) -> Finding {
    const CHECK: &str = "data directory";
    let shown = dir.display();
    let meta = match fs::metadata(dir) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let parent = nearest_existing(dir).unwrap_or_else(|| PathBuf::from("/"));
            return match takes_files(&parent) {
                Ok(()) => Finding::ok(CHECK, format!("{shown} does not exist yet and can be made")),
                Err(e) => Finding::fail(
                    CHECK,
                    format!(
                        "{shown} does not exist, and in {} nothing can be made: {e}",
                        parent.display()
                    ),
                    "make the directory for the worker's user, or set DATA_DIR",
                ),
            };
        }
        Err(e) => {
            let advice = "check the path and its permissions";
            return Finding::fail(CHECK, format!("{shown}: {e}"), advice);
        }
    };
    let user = rustix::process::geteuid().as_raw();
    if !meta.is_dir() {
        Finding::fail(CHECK, format!("{shown} is not a directory"), "set DATA_DIR to a directory")
    } else if meta.uid() != user {
        Finding::fail(
            CHECK,
            format!("{shown} belongs to user {}, this is user {user}", meta.uid()),
            format!("run the worker as its owner, or: chown {user} {shown}"),
        )
    } else if let Err(e) = takes_files(dir) {
        let advice = "check the mount, its free space and the permissions, or set DATA_DIR";
        Finding::fail(CHECK, format!("{shown} takes no files: {e}"), advice)
    } else if meta.permissions().mode() & 0o077 != 0 {
        Finding::warn(
            CHECK,
            format!("others may look into {shown} (mode {:o})", meta.permissions().mode() & 0o777),
            format!("run: chmod 700 {shown}"),
        )
    } else {
        Finding::ok(CHECK, format!("{shown}, yours alone"))
    }
}

fn root_key(path: &Path) -> Option<Finding> {
    const CHECK: &str = "root secret";
    let meta = fs::metadata(path).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    Some(if mode & 0o077 != 0 {
        Finding::fail(
            CHECK,
            format!("others may read {} (mode {mode:o})", path.display()),
            format!(
                "run: chmod 600 {}; if others had access, begin anew with an empty data \
                directory",
                path.display()
            ),
        )
    } else if meta.len() != 32 {
        let advice = "restore it from a backup; nothing sealed here can be read without it";
        Finding::fail(CHECK, format!("{} has {} bytes, not 32", path.display(), meta.len()), advice)
    } else {
        Finding::ok(CHECK, "a file, readable by its owner alone")
    })
}

/// Whether an envelope key begins in the future: then the clock ran ahead when it was made, and the
/// worker stays in that time.
fn epochs(keys: &Path, now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "key epochs";
    let begins = |path: PathBuf| {
        let record: serde_json::Value =
            serde_json::from_slice(&crate::files::read(&path).ok()?).ok()?;
        record["starts"].as_u64().map(Timestamp)
    };
    let files = fs::read_dir(keys).ok()?.filter_map(Result::ok);
    let latest = files.filter_map(|file| begins(file.path())).max()?;
    Some(if latest > now.plus(OFF_BY) {
        let found = format!(
            "the newest key begins at {}, and it is {}",
            render::instant(latest),
            render::instant(now)
        );
        let advice = "set the clock right; if it is, and ran ahead before: `sealwork serve \
                      --reset-clock` once (docs/operations.md, \"A clock that ran ahead\")";
        Finding::fail(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, "none begins in the future")
    })
}

fn space(dir: &Path) -> Finding {
    const CHECK: &str = "free space";
    let Ok(stat) = statvfs(dir) else {
        return Finding::warn(CHECK, "unknown", "look with: df -h");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let shown = format!("{:.1} GiB", free as f64 / GIB as f64);
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        Finding::fail(CHECK, "the file system is read-only", "mount it for writing")
    } else if free < LEAST_FREE {
        Finding::fail(CHECK, shown, "a worker refuses jobs when its disk is full: make room")
    } else if free < GIB {
        Finding::warn(CHECK, shown, "results and receipts may fill this: make room")
    } else {
        Finding::ok(CHECK, shown)
    }
}

fn file_system(dir: &Path) -> Finding {
    const CHECK: &str = "file system";
    // Magic numbers of statfs(2).
    const TMPFS: u64 = 0x0102_1994;
    const NFS: u64 = 0x6969;
    const SMB2: u64 = 0xfe53_4d42;
    match statfs(dir).map(|stat| stat.f_type as u64) {
        Ok(TMPFS) => Finding::warn(
            CHECK,
            "tmpfs: in memory",
            "accepted jobs and receipts do not survive a reboot: use a disk",
        ),
        Ok(NFS | SMB2) => Finding::warn(
            CHECK,
            "a network file system",
            "its locks and syncs may not hold what the store needs: use a local disk",
        ),
        Ok(_) => Finding::ok(CHECK, "local"),
        Err(e) => Finding::warn(CHECK, e.to_string(), "look with: df -T"),
    }
}

/// A job is acknowledged after a sync, so that this bounds how soon.
fn sync_latency(dir: &Path) -> Finding {
    const CHECK: &str = "disk sync";
    let times = match measure_syncs(dir) {
        Ok(times) => times,
        Err(e) => return Finding::fail(CHECK, e.to_string(), "check the disk and permissions"),
    };
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let shown = format!("fdatasync median {median:.1?}, worst {worst:.1?} of {SYNCS}");
    if median > Duration::from_millis(50) {
        Finding::warn(CHECK, shown, "each acknowledgement waits for this: use a faster disk")
    } else if median < Duration::from_micros(20) {
        Finding::warn(
            CHECK,
            shown,
            "faster than disks are: check that syncs reach stable storage (mount options, \
             hypervisor cache mode)",
        )
    } else {
        Finding::ok(CHECK, shown)
    }
}

fn measure_syncs(dir: &Path) -> io::Result<Vec<Duration>> {
    let (path, mut file) = probe(dir)?;
    let clock = SystemClock::new();
    let measured = (0..SYNCS)
        .map(|_| {
            let start = clock.monotonic();
            file.write_all(&[0x5a; 4096])?;
            file.sync_data()?;
            Ok(clock.monotonic().saturating_sub(start))
        })
        .collect::<io::Result<Vec<_>>>();
    drop(file);
    remove(&path)?;
    let mut times = measured?;
    times.sort_unstable();
    Ok(times)
}

/// A new file in the directory: the only way to know that it takes any. Root may write in /proc as
/// far as its permissions go, and cannot.
fn probe(dir: &Path) -> io::Result<(PathBuf, File)> {
    let path = dir.join(format!(".sealwork-doctor-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

fn takes_files(dir: &Path) -> io::Result<()> {
    let (path, _) = probe(dir)?;
    remove(&path)
}

#[allow(clippy::disallowed_methods, reason = "removes what the check itself made")]
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

fn nearest_existing(path: &Path) -> Option<PathBuf> {
    // An empty ancestor of a relative path is the current directory.
    path.ancestors()
        .map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p })
        .find(|p| p.is_dir())
        .map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_private_directory_is_fine_and_an_open_one_is_warned_about() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(directory(temp.path()).verdict, Verdict::Ok);
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(directory(temp.path()).verdict, Verdict::Warn);
        assert_eq!(directory(&temp.path().join("new")).verdict, Verdict::Ok);
        let file = temp.path().join("file");
        crate::files::write_public(&file, b"x").unwrap();
        assert_eq!(directory(&file).verdict, Verdict::Fail);
    }

    #[test]
    fn a_directory_that_takes_no_files_fails_whatever_its_permissions() {
        // Of this process's own, so that only the file system is why.
        let found = directory(Path::new("/proc/self/data"));
        assert_eq!(found.verdict, Verdict::Fail, "{found:?}");
        assert_eq!(directory(Path::new("/proc/self")).verdict, Verdict::Fail);
    }

    #[test]
    fn a_readable_or_short_root_secret_fails() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("root.key");
        assert!(root_key(&path).is_none());
        crate::files::PrivateFile::prepare(&path).unwrap().write(&[7; 32]).unwrap();
        assert_eq!(root_key(&path).unwrap().verdict, Verdict::Ok);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(root_key(&path).unwrap().verdict, Verdict::Fail);
    }

    #[test]
    fn a_key_of_a_time_to_come_fails() {
        let temp = tempfile::tempdir().unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        assert!(epochs(temp.path(), now).is_none());
        let write = |name: &str, starts: Timestamp| {
            let record = format!(r#"{{"number":1,"starts":{}}}"#, starts.as_millis());
            crate::files::write_public(&temp.path().join(name), record.as_bytes()).unwrap();
        };
        write("epoch-1", now);
        assert_eq!(epochs(temp.path(), now).unwrap().verdict, Verdict::Ok);
        write("epoch-2", now.plus(Duration::from_secs(86_400)));
        assert_eq!(epochs(temp.path(), now).unwrap().verdict, Verdict::Fail);
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(measure_syncs(temp.path()).unwrap().len(), SYNCS);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}
