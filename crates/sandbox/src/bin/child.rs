//! The sandbox process alone, for this crate's tests and benchmarks. The product starts its own
//! binary as `sealwork sandbox`.

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    sealwork_sandbox::child::main(&arguments)
}
