//! The samples in WebAssembly: written, and generated where size or repetition is the attack.

mod shapes;
mod wasi;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_sandbox::{CompileError, Compiler, CompilerConfig, End, Ended, Form};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{arena::Trial, common, samples};

const FAMILIES: [(&str, &str); 3] = [
    ("control", include_str!("webassembly/control.wat")),
    ("memory", include_str!("webassembly/memory.wat")),
    ("interface", include_str!("webassembly/interface.wat")),
];

/// A module that is to be compiled.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) ends: Vec<String>,
    pub(crate) fuel: Option<u64>,
    pub(crate) module: Vec<u8>,
    pub(crate) form: Form,
}

/// All samples, compiled two at a time.
pub(crate) async fn trials() -> Vec<Trial> {
    let read = |(family, file): (&str, &str)| samples::read(family, ";;;; ", file);
    let mut drafts: Vec<Draft> = FAMILIES.into_iter().flat_map(read).map(draft).collect();
    drafts.extend(shapes::drafts());
    drafts.extend(wasi::drafts());
    let (compiler, slots) = (hasty_compiler(), Arc::new(Semaphore::new(2)));
    let mut compiling = JoinSet::new();
    for draft in drafts {
        let (compiler, slots) = (Arc::clone(&compiler), Arc::clone(&slots));
        compiling.spawn(async move {
            let _slot = slots.acquire().await;
            let program =
                compiler.compile("share", draft.module.into()).await.map_err(|error| match error {
                    CompileError::Refused(why) => format!("refused {why}"),
                    CompileError::OutOfTime(_) | CompileError::Crashed(_) => {
                        "too complex".to_owned()
                    }
                    other => other.to_string(),
                });
            let Draft { name, ends, fuel, form, .. } = draft;
            Trial { name, ends, fuel, program, form, end: end_of }
        });
    }
    compiling.join_all().await
}

/// Some modules take the compiler longer than anybody waits; that they are refused is their end.
fn hasty_compiler() -> Arc<Compiler> {
    Compiler::new(CompilerConfig {
        command: common::command(),
        time: Duration::from_secs(3),
        memory_bytes: 1 << 30,
        program_memory_bytes: 256 << 20,
        at_once: 2,
    })
}

fn draft(sample: samples::Sample) -> Draft {
    let is_whole = sample.text.starts_with("(module") || sample.text.starts_with("(component");
    let text = if is_whole { sample.text } else { common::module(&sample.text) };
    let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
    Draft {
        name: sample.name,
        ends: sample.ends,
        fuel: sample.fuel,
        module,
        form: Form::Reactor { input: Bytes::from_static(b"hello") },
    }
}

fn end_of(ended: &Ended) -> String {
    match &ended.end {
        End::Exit(code) => format!("exit {code}"),
        End::OutOfTime => "time".to_owned(),
        End::OutOfFuel => "fuel".to_owned(),
        End::OutputTooLarge => "output".to_owned(),
        End::Trap(why) => format!("trap {}", bare(why)),
        End::Unfit(why) => format!("unfit {}", bare(why)),
        other => format!("{other:?}"),
    }
}

fn bare(why: &str) -> &str {
    why.strip_prefix("wasm trap: ").unwrap_or(why)
}
