//! Values of scripts, and whether a program's result is the one that a script expects.

use wasmtime::{Ref, Val};
use wast::{
    WastArg, WastRet,
    core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore},
    token::{F32, F64},
};

/// An argument as the engine takes it.
pub(crate) fn argument(argument: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(argument) = argument else { return Err("no core value".to_owned()) };
    Ok(match argument {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(HeapType::Abstract { ty: AbstractHeapType::Func, .. }) => {
            Val::from(Ref::Func(None))
        }
        other => return Err(format!("no such argument here: {other:?}")),
    })
}

/// Whether the value is the expected one.
pub(crate) fn is_expected(found: &Val, expected: &WastRet<'_>) -> bool {
    let WastRet::Core(expected) = expected else { return false };
    is_core(found, expected)
}

fn is_core(found: &Val, expected: &WastRetCore<'_>) -> bool {
    match (found, expected) {
        (Val::I32(found), WastRetCore::I32(expected)) => found == expected,
        (Val::I64(found), WastRetCore::I64(expected)) => found == expected,
        (Val::F32(found), WastRetCore::F32(expected)) => is_f32(*found, expected),
        (Val::F64(found), WastRetCore::F64(expected)) => is_f64(*found, expected),
        (Val::V128(found), WastRetCore::V128(expected)) => is_vector(found.as_u128(), expected),
        (Val::FuncRef(None), WastRetCore::RefNull(_))
        | (Val::FuncRef(Some(_)), WastRetCore::RefFunc(_)) => true,
        (found, WastRetCore::Either(any)) => any.iter().any(|expected| is_core(found, expected)),
        _ => false,
    }
}

fn is_f32(found: u32, expected: &NanPattern<F32>) -> bool {
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => found & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn is_f64(found: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => found & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn is_vector(found: u128, expected: &V128Pattern) -> bool {
    let bytes = found.to_le_bytes();
    match expected {
        V128Pattern::I8x16(lanes) => bytes == lanes.map(i8::cast_unsigned),
        V128Pattern::I16x8(lanes) => *lanes == split(&bytes, i16::from_le_bytes),
        V128Pattern::I32x4(lanes) => *lanes == split(&bytes, i32::from_le_bytes),
        V128Pattern::I64x2(lanes) => *lanes == split(&bytes, i64::from_le_bytes),
        V128Pattern::F32x4(lanes) => {
            let found: [u32; 4] = split(&bytes, u32::from_le_bytes);
            found.iter().zip(lanes).all(|(found, expected)| is_f32(*found, expected))
        }
        V128Pattern::F64x2(lanes) => {
            let found: [u64; 2] = split(&bytes, u64::from_le_bytes);
            found.iter().zip(lanes).all(|(found, expected)| is_f64(*found, expected))
        }
    }
}

fn split<T, const LANES: usize, const BYTES: usize>(
    bytes: &[u8; 16],
    lane: fn([u8; BYTES]) -> T,
) -> [T; LANES] {
    std::array::from_fn(|at| lane(std::array::from_fn(|byte| bytes[at * BYTES + byte])))
}
