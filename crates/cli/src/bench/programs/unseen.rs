//! A module that nobody has compiled yet.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_engine_program::ProgramEngine;
use serde_json::json;
use tokio::time::Instant;

use super::{fault, once};
use crate::exit::CliError;

/// Its size: a megabyte, and a little.
const BYTES: usize = 1 << 20;
/// Instructions of each function, in rounds of [`ROUND`].
const ROUNDS: usize = 20;
/// `local.get 0, i32.const N, i32.mul, local.get 0, i32.const 13, i32.shr_u, i32.xor, local.set 0`
const ROUND: [u8; 13] = [0x20, 0, 0x41, 0x1d, 0x6c, 0x20, 0, 0x41, 0x0d, 0x76, 0x73, 0x21, 0];

/// Milliseconds of its first run: sending it, compiling it, running it.
pub(super) async fn run(engine: &ProgramEngine) -> Result<f64, CliError> {
    let arguments = json!({ "program": { "wasm_base64": STANDARD.encode(module()) } });
    let began = Instant::now();
    once(engine, &arguments).await?;
    let took = began.elapsed();
    let again = Instant::now();
    once(engine, &arguments).await?;
    if again.elapsed() > took {
        return Err(fault("the module was compiled twice"));
    }
    Ok(took.as_secs_f64() * 1000.0)
}

/// Many functions `(i32) -> i32` that no other one is equal to, `run` and a memory.
fn module() -> Vec<u8> {
    let mut bodies = vec![body(&[0x41, 0])];
    let mut size = 0;
    for number in 0.. {
        let mut code = vec![0x41];
        signed(&mut code, number);
        code.extend([0x21, 0]);
        code.extend(ROUND.repeat(ROUNDS));
        code.extend([0x20, 0]);
        let made = body(&code);
        size += made.len();
        bodies.push(made);
        if size > BYTES {
            break;
        }
    }
    let types = [0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f];
    let mut functions = vec![0];
    functions.resize(bodies.len(), 1);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, 2, &types);
    section(&mut module, 3, bodies.len(), &functions);
    section(&mut module, 5, 1, &[0, 1]);
    section(&mut module, 7, 2, b"\x06memory\x02\0\x03run\0\0");
    section(&mut module, 10, bodies.len(), &bodies.concat());
    module
}

/// A function's body without further locals.
fn body(code: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    unsigned(&mut body, code.len() + 2);
    body.push(0);
    body.extend(code);
    body.push(0x0b);
    body
}

fn section(module: &mut Vec<u8>, id: u8, count: usize, content: &[u8]) {
    let mut counted = Vec::new();
    unsigned(&mut counted, count);
    counted.extend(content);
    module.push(id);
    unsigned(module, counted.len());
    module.extend(counted);
}

/// LEB128.
fn unsigned(to: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push((value & 0x7f) as u8);
}

/// Signed LEB128 of a value that is not negative.
fn signed(to: &mut Vec<u8>, mut value: usize) {
    while value > 0x3f {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_has_the_size_that_is_promised() {
        let module = module();
        assert!(module.len() >= BYTES && module.len() < BYTES + (BYTES >> 4), "{}", module.len());
    }

    #[test]
    fn numbers_are_written_in_seven_bits_each() {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        unsigned(&mut short, 127);
        unsigned(&mut long, 624_485);
        signed(&mut long, 64);
        assert_eq!((short, long), (vec![0x7f], vec![0xe5, 0x8e, 0x26, 0xc0, 0]));
    }
}
