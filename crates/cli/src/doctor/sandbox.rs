use sealwork_sandbox::Landlock;

use super::Finding;
use crate::{
    config::{Values, registry as r},
    programs::{self, Walls},
};

const CHECK: &str = "sandbox";

/// Starts one sandbox process and asks what walls it stands behind, and one that tries to get out.
pub(super) async fn check(values: &Values) -> Finding {
    if !values.flag(&r::PROGRAMS) {
        return Finding::ok(CHECK, "programs are off (PROGRAMS=false)");
    }
    let Walls { confinement: walls, cgroup, ways_out } = match programs::walls(values).await {
        Ok(found) => found,
        Err(error) => {
            return Finding::fail(
                CHECK,
                error.to_string(),
                "programs need a kernel with seccomp; PROGRAMS=false runs without them",
            );
        }
    };
    if !ways_out.is_empty() {
        return Finding::fail(
            CHECK,
            format!("a sandbox process could {}", ways_out.join(", ")),
            "this kernel, or what stands in its place, does not keep to the filter that it took; PROGRAMS=false runs without programs",
        );
    }
    let landlock = match walls.landlock {
        Landlock::Full => "landlock",
        Landlock::Partial => "landlock in part",
        Landlock::Absent => "no landlock",
    };
    let capabilities = if walls.no_capabilities { ", no capabilities" } else { "" };
    let cgroup = match cgroup.as_slice() {
        [] => "no cgroup".to_owned(),
        controllers => format!("cgroup with {}", controllers.join(", ")),
    };
    let found = format!("seccomp, {landlock}, no_new_privs{capabilities}, {cgroup}");
    match walls.landlock {
        Landlock::Full => Finding::ok(CHECK, found),
        Landlock::Partial | Landlock::Absent => Finding::warn(
            CHECK,
            found,
            "the system call filter stands alone where landlock is missing: Linux 6.12 has all of it",
        ),
    }
}
