//! Performs a script of the WebAssembly specification.

use std::collections::{BTreeMap, HashMap};

use wasmtime::{
    Engine, Extern, Func, FuncType, Global, GlobalType, Instance, Linker, Memory, MemoryType,
    Module, Mutability, Ref, RefType, Store, Table, TableType, Trap, Val, ValType,
};
use wast::{
    QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, Wat,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

use crate::values::{argument, is_expected};

type Done = Result<(), String>;

/// What a script came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Assertions that hold.
    pub(crate) held: usize,
    /// Directives that need what is off, by what that is.
    pub(crate) left_out: BTreeMap<&'static str, usize>,
    /// Line and reason of assertions that do not hold.
    pub(crate) failed: Vec<String>,
}

/// How the engine refuses what is off, and what that is. docs/wasi.md has the same list.
const OFF: [(&str, &str); 5] = [
    (
        "gc types are disallowed",
        "references to objects of the host (`externref`), and collected types",
    ),
    (
        "gc types are disabled",
        "references to objects of the host (`externref`), and collected types",
    ),
    ("exceptions proposal not enabled", "exceptions"),
    ("exceeds the per-instance limit of", "more than 8 memories in one module"),
    (
        "does not fit in pooling allocator",
        "a memory or table that begins larger than the sandbox allows",
    ),
];
/// What a directive says that addresses a module which was left out.
const BEHIND: [&str; 4] =
    ["no such instance", "no such definition", "no such export", "unknown import"];

const TAKEN: &str = "it was taken";

/// Performs all directives of a script. `allowed_since` is for the scripts of older versions: what
/// they want refused may be taken.
pub(crate) fn perform(engine: &Engine, name: &str, text: &str, allowed_since: bool) -> Tally {
    let mut tally = Tally::default();
    let mut off = None;
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).expect("the script has tokens");
    let script: Wast<'_> = parser::parse(&buffer).expect("the script has directives");
    let mut world = World::new(engine);
    for directive in script.directives {
        let (line, _) = directive.span().linecol_in(text);
        let is_assertion = !matches!(
            directive,
            WastDirective::Module(_)
                | WastDirective::ModuleDefinition(_)
                | WastDirective::ModuleInstance { .. }
                | WastDirective::Register { .. }
                | WastDirective::Invoke(_)
        );
        match world.direct(directive) {
            Ok(()) => tally.held += usize::from(is_assertion),
            Err(why) => {
                let found = OFF.iter().find(|(text, _)| why.contains(text)).map(|(_, what)| *what);
                off = found.or(off);
                let is_behind = BEHIND.iter().any(|text| why.contains(text));
                let what = match found {
                    Some(what) => Some(what),
                    None if is_behind => off,
                    None if allowed_since && why == TAKEN => Some("what has been allowed since"),
                    None => None,
                };
                match what {
                    Some(what) => *tally.left_out.entry(what).or_default() += 1,
                    None => tally.failed.push(format!("{name}:{}: {why}", line + 1)),
                }
            }
        }
    }
    tally
}

/// What the directives of one script share.
struct World {
    store: Store<()>,
    linker: Linker<()>,
    instances: HashMap<String, Instance>,
    definitions: HashMap<String, Module>,
    /// Of the newest module.
    instance: Option<Instance>,
    definition: Option<Module>,
}

impl World {
    fn new(engine: &Engine) -> Self {
        let mut store = Store::new(engine, ());
        store.set_fuel(u64::MAX).expect("fuel is counted");
        store.set_epoch_deadline(u64::MAX / 2);
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        add_spectest(&mut linker, &mut store).expect("the script's environment is defined");
        Self {
            store,
            linker,
            instances: HashMap::new(),
            definitions: HashMap::new(),
            instance: None,
            definition: None,
        }
    }

    fn direct(&mut self, directive: WastDirective<'_>) -> Done {
        match directive {
            WastDirective::Module(module) => {
                self.instance = None;
                let name = module.name();
                let module = self.compile(module)?;
                self.begin(name, &module).map_err(shown)
            }
            WastDirective::ModuleDefinition(module) => {
                let name = module.name().map(owned);
                let module = self.compile(module)?;
                self.definitions.extend(name.map(|name| (name, module.clone())));
                self.definition = Some(module);
                Ok(())
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let module = match module {
                    Some(name) => self.definitions.get(name.name()).cloned(),
                    None => self.definition.clone(),
                };
                self.begin(instance, &module.ok_or("no such definition")?).map_err(shown)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.linker.instance(&mut self.store, name, instance).map(drop).map_err(shown)
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke).map(drop).map_err(shown),
            WastDirective::AssertReturn { exec, results, .. } => {
                let found = self.execute(exec).map_err(shown)?;
                let is_right = found.len() == results.len()
                    && found.iter().zip(&results).all(|(found, wanted)| is_expected(found, wanted));
                is_right.then_some(()).ok_or_else(|| format!("{found:?} and not {results:?}"))
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let error = self.execute(exec).err().ok_or("it did not trap")?;
                let trap = error.downcast_ref::<Trap>().ok_or_else(|| shown(&error))?;
                let is_right = says(&trap.to_string(), message);
                is_right.then_some(()).ok_or_else(|| format!("{trap} and not {message}"))
            }
            WastDirective::AssertExhaustion { call, .. } => {
                let error = self.invoke(&call).err().ok_or("it came to an end")?;
                let is_right = error.downcast_ref() == Some(&Trap::StackOverflow);
                is_right.then_some(()).ok_or_else(|| shown(&error))
            }
            WastDirective::AssertMalformed { module, .. }
            | WastDirective::AssertInvalid { module, .. } => match self.compile(module) {
                Ok(_) => Err(TAKEN.to_owned()),
                Err(_) => Ok(()),
            },
            WastDirective::AssertUnlinkable { mut module, .. } => {
                let module = self.binary(module.encode().map_err(shown)?)?;
                match self.linker.instantiate(&mut self.store, &module) {
                    Ok(_) => Err("it was linked".to_owned()),
                    // It was linked and ran.
                    Err(error) if error.is::<Trap>() => Err(shown(error)),
                    Err(_) => Ok(()),
                }
            }
            other => Err(format!("a directive that is not performed here: {other:?}")),
        }
    }

    fn compile(&self, mut module: QuoteWat<'_>) -> Result<Module, String> {
        self.binary(module.encode().map_err(shown)?)
    }

    fn binary(&self, module: Vec<u8>) -> Result<Module, String> {
        Module::from_binary(self.store.engine(), &module).map_err(shown)
    }

    fn begin(&mut self, name: Option<Id<'_>>, module: &Module) -> wasmtime::Result<()> {
        let instance = self.linker.instantiate(&mut self.store, module)?;
        self.instances.extend(name.map(|name| (owned(name), instance)));
        self.instance = Some(instance);
        self.definition = Some(module.clone());
        Ok(())
    }

    fn instance(&self, name: Option<Id<'_>>) -> Result<Instance, String> {
        let found = match name {
            Some(name) => self.instances.get(name.name()).copied(),
            None => self.instance,
        };
        found.ok_or_else(|| "no such instance".to_owned())
    }

    fn export(&mut self, module: Option<Id<'_>>, name: &str) -> wasmtime::Result<Extern> {
        let instance = self.instance(module).map_err(wasmtime::Error::msg)?;
        let export = instance.get_export(&mut self.store, name);
        export.ok_or_else(|| wasmtime::Error::msg("no such export"))
    }

    fn execute(&mut self, what: WastExecute<'_>) -> wasmtime::Result<Vec<Val>> {
        match what {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => self.instantiate(module).map(|()| Vec::new()),
            WastExecute::Get { module, global, .. } => match self.export(module, global)? {
                Extern::Global(global) => Ok(vec![global.get(&mut self.store)]),
                _ => Err(wasmtime::Error::msg("no global")),
            },
        }
    }

    fn instantiate(&mut self, mut module: Wat<'_>) -> wasmtime::Result<()> {
        let module = module.encode().map_err(|error| wasmtime::Error::msg(error.to_string()))?;
        let module = Module::from_binary(self.store.engine(), &module)?;
        self.linker.instantiate(&mut self.store, &module).map(drop)
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> wasmtime::Result<Vec<Val>> {
        let Extern::Func(function) = self.export(invoke.module, invoke.name)? else {
            return Err(wasmtime::Error::msg("no function"));
        };
        let arguments: Result<Vec<_>, _> = invoke.args.iter().map(argument).collect();
        let arguments = arguments.map_err(wasmtime::Error::msg)?;
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results)
    }
}

/// Wasmtime's words for the specification's.
fn says(trap: &str, message: &str) -> bool {
    let uninitialized =
        message.starts_with("uninitialized element") && trap.contains("uninitialized");
    let undefined = message.starts_with("undefined element") && trap.contains("out of bounds");
    // Of a call through a null reference.
    let null = message == "null function reference" && trap.contains("null reference");
    uninitialized || undefined || null || trap.contains(message)
}

fn add_spectest(linker: &mut Linker<()>, store: &mut Store<()>) -> wasmtime::Result<()> {
    use ValType::{F32, F64, I32, I64};
    let mut print = |linker: &mut Linker<()>, name: &str, parameters: &[ValType]| {
        let ty = FuncType::new(store.engine(), parameters.iter().cloned(), []);
        let function = Func::new(&mut *store, ty, |_, _, _| Ok(()));
        linker.define(&*store, "spectest", name, function).map(drop)
    };
    print(linker, "print", &[])?;
    print(linker, "print_i32", &[I32])?;
    print(linker, "print_i64", &[I64])?;
    print(linker, "print_f32", &[F32])?;
    print(linker, "print_f64", &[F64])?;
    print(linker, "print_i32_f32", &[I32, F32])?;
    print(linker, "print_f64_f64", &[F64, F64])?;
    for (name, value) in [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6_f32.to_bits())),
        ("global_f64", Val::F64(666.6_f64.to_bits())),
    ] {
        let ty = GlobalType::new(value.ty(&*store)?, Mutability::Const);
        let global = Global::new(&mut *store, ty, value)?;
        linker.define(&*store, "spectest", name, global)?;
    }
    let table = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, table, Ref::Func(None))?;
    linker.define(&*store, "spectest", "table", table)?;
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    linker.define(&*store, "spectest", "memory", memory)?;
    Ok(())
}

fn owned(id: Id<'_>) -> String {
    id.name().to_owned()
}

fn shown(error: impl std::fmt::Display) -> String {
    let text = format!("{error:#}").replace('\n', " ");
    text.chars().take(160).collect()
}
