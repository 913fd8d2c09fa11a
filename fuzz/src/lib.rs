//! What the fuzz targets do. Each is a function of bytes that must neither panic nor hang, whatever
//! the bytes are. The files in `fuzz_targets/` hand them to libFuzzer; `tests/stable.rs` runs them
//! over their seeds and mutations of these without a fuzzer.
#![forbid(unsafe_code)]

mod content;
mod envelope;
mod evidence;
mod masa;
mod mutate;
mod network;
mod requester;
mod social;
mod wire;

pub use mutate::Mutator;

/// A target: the name of its file in `fuzz_targets/` and of its folder in `seeds/`.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "client_handle", run: client_handle },
    Target { name: "client_wire", run: client_wire },
    Target { name: "content_cid", run: content_cid },
    Target { name: "content_file", run: content_file },
    Target { name: "content_type", run: content_type },
    Target { name: "egress_lists", run: egress_lists },
    Target { name: "evidence_dcap", run: evidence_dcap },
    Target { name: "evidence_document", run: evidence_document },
    Target { name: "evidence_endorsements", run: evidence_endorsements },
    Target { name: "evidence_nitro", run: evidence_nitro },
    Target { name: "evidence_policy", run: evidence_policy },
    Target { name: "evidence_simulated", run: evidence_simulated },
    Target { name: "evidence_snp", run: evidence_snp },
    Target { name: "evidence_tpm", run: evidence_tpm },
    Target { name: "header", run: header },
    Target { name: "job_spec", run: job_spec },
    Target { name: "key_config", run: key_config },
    Target { name: "marlin_document", run: marlin_document },
    Target { name: "masa_blob", run: masa_blob },
    Target { name: "masa_job", run: masa_job },
    Target { name: "masa_setkey", run: masa_setkey },
    Target { name: "open_request", run: open_request },
    Target { name: "open_response", run: open_response },
    Target { name: "receipt", run: receipt },
    Target { name: "requester_signature", run: requester_signature },
    Target { name: "retry_after", run: retry_after },
    Target { name: "robots", run: robots },
    Target { name: "social_arguments", run: social_arguments },
    Target { name: "social_items", run: social_items },
    Target { name: "tiktok_captions", run: tiktok_captions },
    Target { name: "tlv", run: tlv },
    Target { name: "web_arguments", run: web_arguments },
    Target { name: "web_page", run: web_page },
    Target { name: "x_page", run: x_page },
];

pub use content::{content_cid, content_file};
pub use envelope::{header, open_request, open_response, tlv};
pub use evidence::{
    evidence_dcap, evidence_document, evidence_endorsements, evidence_nitro, evidence_policy,
    evidence_simulated, evidence_snp, evidence_tpm, marlin_document,
};
pub use masa::{masa_blob, masa_job, masa_setkey};
pub use network::{content_type, egress_lists, retry_after, robots, web_arguments, web_page};
pub use requester::{job_spec, requester_signature};
pub use social::{social_arguments, social_items, tiktok_captions, x_page};
pub use wire::{client_handle, client_wire, key_config, receipt};

/// Makes a target's program: libFuzzer's under `cargo fuzz`, otherwise one that runs the target
/// once over its standard input, to reproduce a find without a fuzzer.
#[macro_export]
macro_rules! program {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            let mut data = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut data)?;
            $target(&data);
            Ok(())
        }
    };
}
