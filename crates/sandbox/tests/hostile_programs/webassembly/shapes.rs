//! Modules whose size or shape is the attack, and modules that are broken.

use std::fmt::Write as _;

use bytes::Bytes;
use sealwork_sandbox::Form;

use super::Draft;
use crate::common;

/// It may be compiled and do nothing, or be refused, for any reason but a crash of the worker.
const ANY: [&str; 4] = ["exit 0", "refused", "too complex", "unfit"];

pub(crate) fn drafts() -> Vec<Draft> {
    let mut drafts = large();
    drafts.extend(broken());
    drafts
}

/// A module made of one thing many times: `before`, so often `unit`, so often `close`, `after`. In
/// `unit` a `#` stands for how many there were before.
struct Repeated {
    name: &'static str,
    before: &'static str,
    unit: &'static str,
    times: usize,
    close: &'static str,
    after: &'static str,
}

const fn plain(name: &'static str, unit: &'static str, times: usize) -> Repeated {
    within(name, "", unit, times, "")
}

const fn within(
    name: &'static str,
    before: &'static str,
    unit: &'static str,
    times: usize,
    after: &'static str,
) -> Repeated {
    Repeated { name, before, unit, times, close: "", after }
}

const SHUFFLE: &str = "(local.set 0 (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0 \
    (local.get 0) (local.get 0)))";

const REPEATED: [Repeated; 22] = [
    plain("ten thousand functions", "(func)", 10_000),
    plain("ten thousand exports", "(func (export \"f#\"))", 10_000),
    plain("ten thousand types", "(type (func (param i32 i64) (result i32)))", 10_000),
    plain("ten thousand globals", "(global (mut i64) (i64.const #))", 10_000),
    plain("ten thousand segments", "(data (i32.const 0) \"x\")", 10_000),
    plain("ten thousand segments that are not placed", "(data \"x\")", 10_000),
    plain("a table of every function", "(func $f#) (elem declare func $f#)", 5000),
    within("twenty thousand locals", "(func (local ", "i64 ", 20_000, "))"),
    within("more locals than allowed", "(func (local ", "v128 ", 50_001, "))"),
    within("a thousand parameters", "(func (param ", "i64 ", 1000, "))"),
    within("a thousand results", "(func (result ", "f64 ", 1000, ") unreachable)"),
    within("a name of a hundred thousand bytes", "(func (export \"", "n", 99_999, "\"))"),
    within("a name longer than allowed", "(func (export \"", "n", 100_001, "\"))"),
    within(
        "a branch table of twenty thousand places",
        "(func (param i32) (block (br_table 0 ",
        "0 ",
        20_000,
        "(local.get 0))))",
    ),
    within(
        "a function of two hundred thousand additions",
        "(func (result i32) (i32.const 1) ",
        "(i32.add (i32.const 1)) ",
        200_000,
        ")",
    ),
    within("a function of fifty thousand calls", "(func $f ", "(call $f) ", 50_000, ")"),
    within(
        "a function of a hundred thousand loads",
        "(func (local i32) ",
        "(local.set 0 (i32.load (local.get 0))) ",
        100_000,
        ")",
    ),
    within("a function of twenty thousand loops", "(func ", "(loop) ", 20_000, ")"),
    within("vectors shuffled fifty thousand times", "(func (local v128) ", SHUFFLE, 50_000, ")"),
    within(
        "five thousand branches to one place",
        "(func (param i32) (block ",
        "(br_if 0 (local.get 0)) ",
        5000,
        "))",
    ),
    Repeated {
        name: "blocks five thousand deep",
        before: "(func ",
        unit: "(block ",
        times: 5000,
        close: ")",
        after: ")",
    },
    Repeated {
        name: "a function of ten thousand values at once",
        before: "(func ",
        unit: "(i64.const #) ",
        times: 10_000,
        close: "(drop) ",
        after: ")",
    },
];

fn large() -> Vec<Draft> {
    let repeated = REPEATED.iter().map(|shape| {
        let mut text = shape.before.to_owned();
        for at in 0..shape.times {
            text.push_str(&shape.unit.replace('#', &at.to_string()));
        }
        (shape.name, text + &shape.close.repeat(shape.times) + shape.after)
    });
    let import = "(import \"sealwork\" \"now_ms\" (func (result i64)))";
    let others = [
        ("values that depend on each other", chain(30_000)),
        ("loops three hundred deep, each with a branch to each", ladder(300)),
    ];
    let drafts = repeated.chain(others).map(|(name, text)| program(name, "", &text));
    drafts
        .chain([program("a thousand imports of one function", &import.repeat(1000), "")])
        .collect()
}

fn program(name: &str, first: &str, text: &str) -> Draft {
    let entry = "(memory (export \"memory\") 1) (func (export \"run\") (result i32) (i32.const 0))";
    let module = wat::parse_str(format!("(module {first} {entry} {text})"));
    draft(name, module.unwrap_or_else(|error| panic!("{name}: {error}")), &ANY)
}

/// Each value is used by all later ones: hard for what allots registers.
fn chain(length: usize) -> String {
    let mut text =
        "(func (param i64) (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64)".to_owned();
    for at in 0..length {
        let (to, one, two) = (1 + at % 8, 1 + (at * 3) % 8, 1 + (at * 5 + 2) % 8);
        let _ = write!(
            text,
            "(local.set {to} (i64.mul (i64.add (local.get {one}) (local.get 0)) (local.get {two})))"
        );
    }
    text + "(local.get 1))"
}

fn ladder(height: usize) -> String {
    let mut text = "(func (param i32) ".to_owned();
    for _ in 0..height {
        text.push_str("(loop ");
    }
    for at in 0..height {
        let _ = write!(text, "(br_if {at} (local.get 0)) ");
    }
    text + &")".repeat(height) + ")"
}

fn broken() -> Vec<Draft> {
    let whole = wat::parse_str(common::module("(i32.const 0)")).expect("valid text");
    let changed = |at: usize, to: u8| {
        let mut module = whole.clone();
        module[at] = to;
        module
    };
    let section = |id: u8, content: &[u8]| {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.push(id);
        module.push(u8::try_from(content.len()).expect("short"));
        module.extend_from_slice(content);
        module
    };
    let repeated = [&whole[..], &whole[8..]].concat();
    let mut drafts: Vec<Draft> = [
        ("nothing at all", Vec::new()),
        ("four bytes", b"\0asm".to_vec()),
        ("a head and no more", b"\0asm\x01\0\0\0".to_vec()),
        ("a version to come", changed(4, 2)),
        ("a component's head", changed(6, 1)),
        ("text in the place of a module", b"(module)".to_vec()),
        ("an ELF file", b"\x7fELF\x02\x01\x01".to_vec()),
        ("all sections twice", repeated),
        ("a section of an unknown kind", section(99, b"x")),
        ("a section longer than the module", b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f".to_vec()),
        ("a length of too many bytes", b"\0asm\x01\0\0\0\x01\x80\x80\x80\x80\x80\x80\x01".to_vec()),
        ("four billion types", section(1, b"\xff\xff\xff\xff\x0f")),
        ("four billion functions", section(3, b"\xff\xff\xff\xff\x0f")),
        ("four billion imports", section(2, b"\xff\xff\xff\xff\x0f")),
        ("four billion exports", section(7, b"\xff\xff\xff\xff\x0f")),
        ("four billion segments", section(11, b"\xff\xff\xff\xff\x0f")),
        ("four billion bodies", section(10, b"\xff\xff\xff\xff\x0f")),
        ("a body of four billion locals", {
            let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0".to_vec();
            module.extend_from_slice(b"\x0a\x0a\x01\x08\x01\xff\xff\xff\xff\x0f\x7f\x0b");
            module
        }),
        ("a memory of more than four gibibytes", section(5, b"\x01\0\x80\x80\x80\x01")),
        ("a name that is no text", section(0, b"\x04\xff\xfe\xfd\xfc")),
    ]
    .into_iter()
    .map(|(name, module)| draft(name, module, &["refused"]))
    .collect();
    // A module cut short at every eighth place.
    for at in (8..whole.len()).step_by(whole.len() / 8) {
        drafts.push(draft(
            &format!("a module cut after {at} bytes"),
            whole[..at].to_vec(),
            &["refused"],
        ));
    }
    drafts
}

fn draft(name: &str, module: Vec<u8>, ends: &[&str]) -> Draft {
    Draft {
        name: format!("shapes: {name}"),
        ends: ends.iter().map(|end| (*end).to_owned()).collect(),
        fuel: None,
        module,
        form: Form::Reactor { input: Bytes::new() },
    }
}
