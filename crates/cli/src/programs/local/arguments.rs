//! What `program run` says to the engine: program, input, and a copy of the user's directories.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal as _, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::fs::OFlags;
use sealwork_engine_program::MAX_FILES;
use serde_json::{Map, Value, json};

use crate::{
    cli::{DirArg, ProgramRunArgs},
    exit::CliError,
    files,
};

/// By these a module imports its input: WASI's, and the `sealwork` interface's.
const READING: [&str; 2] = ["fd_read", "sealwork"];
/// What all `--dir` together copy at most.
const MAX_COPIED: u64 = 64 << 20;

/// The arguments of the job that a worker would get.
pub(super) fn arguments(args: &ProgramRunArgs) -> Result<Value, CliError> {
    let content = content(&args.file)?;
    let is_script = matches!(content, Content::Script(_));
    let input = input(args.input.as_deref(), &content)?;
    let mut all = Map::from_iter([("program".to_owned(), content.into_argument())]);
    if let Some(input) = input {
        all.insert("input_base64".to_owned(), STANDARD.encode(input).into());
    }
    if !is_script {
        let name = args.file.file_name().unwrap_or(args.file.as_os_str());
        all.insert("arg0".to_owned(), name.to_string_lossy().into());
    }
    if !args.args.is_empty() {
        all.insert("args".to_owned(), json!(args.args));
    }
    if !args.env.is_empty() {
        let env: BTreeMap<_, _> = args.env.iter().cloned().collect();
        all.insert("env".to_owned(), json!(env));
    }
    if !is_script || !args.dirs.is_empty() {
        let (files, directories) = copies(&args.dirs)?;
        all.insert("files".to_owned(), files.into());
        all.insert("directories".to_owned(), directories.into());
    }
    if let Some(secret) = &args.secret {
        all.insert("secret_base64".to_owned(), STANDARD.encode(files::read(secret)?).into());
    }
    if !args.hosts.is_empty() {
        all.insert("hosts".to_owned(), json!(args.hosts));
    }
    Ok(Value::Object(all))
}

/// The program as a job names it: JavaScript or WebAssembly, by its name and its first bytes.
pub(crate) fn program(path: &Path) -> Result<Value, CliError> {
    Ok(content(path)?.into_argument())
}

enum Content {
    Script(String),
    Module(Vec<u8>),
}

impl Content {
    fn into_argument(self) -> Value {
        match self {
            Self::Script(text) => json!({ "javascript": text }),
            Self::Module(bytes) => json!({ "wasm_base64": STANDARD.encode(bytes) }),
        }
    }

    /// Whether it may ask for its input. A module that does has the name of an import for that
    /// among its bytes.
    fn may_read(&self) -> bool {
        let has = |bytes: &[u8], name: &str| {
            bytes.windows(name.len()).any(|window| window == name.as_bytes())
        };
        match self {
            Self::Script(_) => true,
            Self::Module(bytes) => READING.iter().any(|name| has(bytes, name)),
        }
    }
}

fn content(path: &Path) -> Result<Content, CliError> {
    let is_script = path.extension().is_some_and(|ending| ending == "js" || ending == "mjs");
    if is_script {
        return Ok(Content::Script(files::read_text(path)?));
    }
    let bytes = files::read(path)?;
    if !bytes.starts_with(b"\0asm") {
        return Err(CliError::usage(
            format!("{} is neither a WebAssembly module nor named *.js", path.display()),
            "give a .wasm file, or a JavaScript module whose name ends in .js or .mjs",
        ));
    }
    Ok(Content::Module(bytes))
}

/// The input that is given; else what is piped in, where the program may want it: a pipe that
/// stays open holds up no program that does not read.
fn input(given: Option<&str>, content: &Content) -> Result<Option<Vec<u8>>, CliError> {
    match given {
        Some(text) => files::given(text).map(Some),
        None if io::stdin().is_terminal() || !content.may_read() => Ok(None),
        None => Ok(Some(files::given("-")?).filter(|bytes| !bytes.is_empty())),
    }
}

/// The files of the directories, each directory below its number, and the names under which the
/// program finds them.
fn copies(dirs: &[DirArg]) -> Result<(Map<String, Value>, Vec<Value>), CliError> {
    let mut copy = Copy::default();
    let mut directories = Vec::new();
    for (number, dir) in dirs.iter().enumerate() {
        copy.directory(&dir.host, &number.to_string())?;
        directories.push(json!([dir.guest, number.to_string()]));
    }
    Ok((copy.files, directories))
}

/// A bounded copy of files. Symbolic links are not followed.
#[derive(Default)]
struct Copy {
    files: Map<String, Value>,
    bytes: u64,
}

impl Copy {
    #[allow(clippy::disallowed_methods, reason = "the user's own files")]
    fn directory(&mut self, from: &Path, to: &str) -> Result<(), CliError> {
        let mut ahead = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = ahead.pop() {
            self.put(format!("{to}/"), "".into())?;
            let unreadable = |error| unreadable(&from, &error);
            for entry in fs::read_dir(&from).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let kind = entry.file_type().map_err(unreadable)?;
                let path = entry.path();
                let Some(name) = entry.file_name().to_str().map(|name| format!("{to}/{name}"))
                else {
                    return Err(CliError::usage(
                        format!("the name of {} is not UTF-8", path.display()),
                        "programs know only such names: rename the file or leave it out",
                    ));
                };
                if kind.is_dir() {
                    ahead.push((path, name));
                } else if kind.is_file() {
                    let content = contents(&path, MAX_COPIED.saturating_sub(self.bytes))
                        .map_err(|error| self::unreadable(&path, &error))?;
                    self.bytes += content.len() as u64;
                    self.put(name, STANDARD.encode(content).into())?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, name: String, content: Value) -> Result<(), CliError> {
        self.files.insert(name, content);
        if self.files.len() > MAX_FILES || self.bytes > MAX_COPIED {
            return Err(CliError::usage(
                format!("--dir holds more than {MAX_FILES} files or {} MiB", MAX_COPIED >> 20),
                "give a smaller directory",
            ));
        }
        Ok(())
    }
}

/// A file's bytes, up to one more than `most`; never waits for what a file has to say later.
#[allow(clippy::disallowed_methods, reason = "the user's own files")]
fn contents(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(without_waiting).open(path)?;
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::usage(
        format!("cannot read {}: {error}", path.display()),
        "check the directory and that you may read it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(host: &Path, guest: &str) -> DirArg {
        DirArg { host: host.to_owned(), guest: guest.to_owned() }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a directory to copy")]
    fn directories_are_copied_whole_and_symbolic_links_left_out() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (root.path().join("one"), root.path().join("two"));
        fs::create_dir_all(one.join("below/empty")).unwrap();
        fs::create_dir(&two).unwrap();
        fs::write(one.join("below/a"), "A").unwrap();
        fs::write(two.join("b"), "B").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", one.join("link")).unwrap();
        let (files, directories) = copies(&[dir(&one, "x"), dir(&two, "/y")]).unwrap();
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["0/", "0/below/", "0/below/a", "0/below/empty/", "1/", "1/b"]);
        assert_eq!(files["1/b"], STANDARD.encode("B"));
        assert_eq!(directories, [json!(["x", "0"]), json!(["/y", "1"])]);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a directory to copy")]
    fn a_directory_with_too_many_files_is_refused() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FILES {
            fs::write(root.path().join(number.to_string()), "").unwrap();
        }
        let refused = copies(&[dir(root.path(), "/")]).unwrap_err();
        assert!(refused.message.contains("1000 files"), "{}", refused.message);
    }
}
