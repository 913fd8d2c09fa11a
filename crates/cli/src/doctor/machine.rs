use std::{path::Path, time::Duration};

use rustix::process::{Resource, getrlimit};
use sealwork_job::Timestamp;
use sealwork_platform::{Clock, Entropy, OsEntropy, SystemClock};

use super::Finding;
use crate::{proc, render};

/// 2026-01-01: this program did not exist before.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000);

pub(super) fn check() -> Vec<Finding> {
    vec![
        clock(&SystemClock::new()),
        time_source(),
        entropy(),
        open_files(),
        core_dumps(),
        swap(),
        memory(),
        aes(),
        kernel(),
        tee(),
    ]
}

fn clock(clock: &dyn Clock) -> Finding {
    const CHECK: &str = "clock";
    let (before, now) = (clock.monotonic(), clock.now());
    if now < EARLIEST {
        let advice = "set the clock: jobs name the time until which they are valid";
        Finding::fail(CHECK, format!("{} is in the past", render::instant(now)), advice)
    } else if clock.monotonic() < before {
        Finding::fail(CHECK, "the monotonic clock went back", "the kernel's clock source is broken")
    } else {
        Finding::ok(CHECK, render::instant(now))
    }
}

fn time_source() -> Finding {
    const CHECK: &str = "time source";
    let signs = ["/run/systemd/timesync/synchronized", "/run/chrony", "/run/ntpd.pid"];
    match signs.iter().find(|path| Path::new(path).exists()) {
        Some(sign) => Finding::ok(CHECK, format!("synchronised ({sign})")),
        None => Finding::warn(
            CHECK,
            "no sign of synchronisation",
            "run systemd-timesyncd or chrony, unless the machine around this one keeps the time",
        ),
    }
}

fn entropy() -> Finding {
    const CHECK: &str = "entropy";
    let source: &dyn Entropy = &OsEntropy;
    let start = SystemClock::new();
    let (one, two) = (source.array::<32>(), source.array::<32>());
    if one == two {
        Finding::fail(CHECK, "two random values are equal", "do not run a worker here")
    } else if start.monotonic() > Duration::from_secs(1) {
        Finding::warn(CHECK, "random bytes are slow", "add virtio-rng to the virtual machine")
    } else {
        Finding::ok(CHECK, "the kernel's generator is ready")
    }
}

fn open_files() -> Finding {
    const CHECK: &str = "open files";
    let limit = getrlimit(Resource::Nofile).current;
    let shown = limit.map_or_else(|| "unlimited".to_owned(), |n| format!("{n}"));
    match limit {
        Some(n) if n < 256 => Finding::fail(CHECK, shown, "run: ulimit -n 4096"),
        Some(n) if n < 1024 => Finding::warn(
            CHECK,
            shown,
            "connections and fetches need one each: ulimit -n 4096, or LimitNOFILE= in the unit",
        ),
        _ => Finding::ok(CHECK, shown),
    }
}

fn core_dumps() -> Finding {
    const CHECK: &str = "core dumps";
    if getrlimit(Resource::Core).current == Some(0) {
        Finding::ok(CHECK, "off")
    } else {
        Finding::warn(
            CHECK,
            "on",
            "a dump would hold keys and opened jobs: ulimit -c 0, or LimitCORE=0 in the unit",
        )
    }
}

fn swap() -> Finding {
    const CHECK: &str = "swap";
    let swaps = proc::read("/proc/swaps").unwrap_or_default();
    match swaps.lines().skip(1).count() {
        0 => Finding::ok(CHECK, "none"),
        n => Finding::warn(
            CHECK,
            format!("{n} in use"),
            "opened jobs may be written there: encrypt it, or MemorySwapMax=0 in the unit",
        ),
    }
}

fn memory() -> Finding {
    const CHECK: &str = "memory";
    let info = proc::read("/proc/meminfo").unwrap_or_default();
    let Some(free) = proc::kilobytes(&info, "MemAvailable:") else {
        return Finding::warn(CHECK, "unknown", "look with: free");
    };
    let shown = format!("{} MiB available", free >> 20);
    if free < 128 << 20 {
        Finding::fail(CHECK, shown, "a worker needs 128 MiB and more with large jobs")
    } else if free < 512 << 20 {
        Finding::warn(CHECK, shown, "lower MAX_JOBS, or add memory")
    } else {
        Finding::ok(CHECK, shown)
    }
}

fn aes() -> Finding {
    const CHECK: &str = "AES";
    let info = proc::read("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().filter(|l| l.starts_with("flags") || l.starts_with("Features"));
    let mut words = flags.flat_map(str::split_whitespace);
    if words.any(|flag| flag == "aes") {
        Finding::ok(CHECK, "in hardware")
    } else {
        Finding::warn(CHECK, "in software", "sealing is several times slower on this processor")
    }
}

fn kernel() -> Finding {
    let release = proc::read("/proc/sys/kernel/osrelease").unwrap_or_default();
    Finding::ok("kernel", format!("Linux {}", release.trim()))
}

fn tee() -> Finding {
    const DEVICES: [(&str, &str); 5] = [
        ("/dev/sgx_enclave", "SGX"),
        ("/dev/tdx_guest", "TDX"),
        ("/dev/sev-guest", "SEV-SNP"),
        ("/dev/nsm", "Nitro"),
        ("/dev/tpmrm0", "TPM 2.0"),
    ];
    let found: Vec<_> = DEVICES
        .iter()
        .filter(|(path, _)| Path::new(path).exists())
        .map(|(_, name)| *name)
        .collect();
    if found.is_empty() {
        Finding::warn(
            "TEE",
            "none",
            "whoever controls this machine can read jobs while they run: for development, or \
             where that is you",
        )
    } else {
        Finding::ok("TEE", found.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[derive(Debug)]
    struct Stuck(u64);

    impl Clock for Stuck {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(self.0)
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn a_clock_that_was_never_set_fails() {
        assert_eq!(clock(&Stuck(0)).verdict, Verdict::Fail);
        assert_eq!(clock(&Stuck(1_800_000_000)).verdict, Verdict::Ok);
    }
}
