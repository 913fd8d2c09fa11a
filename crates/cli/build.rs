//! Packs the JavaScript engine, 1.7 MB of WebAssembly, for the binary.

use std::{
    env,
    error::Error,
    fs::{self, File},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

const MODULE: &str = "../../guests/js/js.wasm";

#[expect(clippy::disallowed_methods, reason = "a build script has no platform but its machine")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={MODULE}");
    let packed = Path::new(&env::var("OUT_DIR")?).join("js.wasm.gz");
    let mut encoder = GzEncoder::new(File::create(packed)?, Compression::best());
    std::io::copy(&mut fs::read(MODULE)?.as_slice(), &mut encoder)?;
    encoder.finish()?;
    Ok(())
}
