use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sealwork_content::Cid;
use sealwork_job::{Code, Failure};
use sealwork_sandbox::{FilesError, check_files};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{javascript, oyster};

/// Most files that a job puts before a command.
pub const MAX_FILES: usize = 1000;
const MAX_ARGS: usize = 1000;
const MAX_HOSTS: usize = 100;
const MAX_DIRECTORIES: usize = 100;

/// What a program job says: the `arguments` of a job for the engine `program`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The program.
    pub program: Source,
    /// Standard input of a command, the body of a script's request: text as it is, every other
    /// JSON value as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The same as bytes, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_base64: Option<String>,
    /// A command's name: what it finds before its arguments. `program` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arg0: Option<String>,
    /// A command's arguments after its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// A command's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// A command's files: path to content in base64. A path that ends in `/` is a directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The directories that a command finds open: the name that it sees, and the path among its
    /// files, empty for all of them. `/`, with all, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<Vec<(String, String)>>,
    /// The request that a script answers; `POST http://localhost/` with the input when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<HttpRequest>,
    /// `env.secret` of a script, in base64. As secret as the envelope that it comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<String>,
    /// Hosts that the program may reach, `api.example.com` or `*.example.com`. None when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// How a script's outcome is told as Marlin Oyster would tell it; not at all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oyster: Option<oyster::Mode>,
}

/// Where the program is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A WebAssembly module, in base64.
    WasmBase64(String),
    /// The source of a JavaScript module.
    Javascript(String),
    /// A WebAssembly module, by the CID under which this worker has it.
    WasmCid(String),
    /// A JavaScript module, by the CID under which this worker has it.
    JavascriptCid(String),
}

/// What a script's `request` is made of.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The method.
    #[serde(default = "post")]
    pub method: String,
    /// An absolute URL.
    #[serde(default = "localhost")]
    pub url: String,
    /// Names and values, each character of a value one byte.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

fn post() -> String {
    "POST".to_owned()
}

fn localhost() -> String {
    "http://localhost/".to_owned()
}

impl Default for HttpRequest {
    fn default() -> Self {
        Self { method: post(), url: localhost(), headers: Vec::new() }
    }
}

impl std::fmt::Debug for Arguments {
    /// Shows nothing: all of it is the requester's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Arguments(..)")
    }
}

impl Arguments {
    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Code::ArgumentsInvalid`]; the text names the field and quotes nothing else.
    pub fn parse(arguments: &Value) -> Result<Self, Failure> {
        let parsed: Self =
            serde_path_to_error::deserialize(arguments).map_err(|error| unreadable(&error))?;
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), Failure> {
        if self.input.is_some() && self.input_base64.is_some() {
            return Err(invalid("give `input` or `input_base64`, not both"));
        }
        let is_script = matches!(self.program, Source::Javascript(_) | Source::JavascriptCid(_));
        let for_commands = !(self.args.is_empty() && self.env.is_empty() && self.files.is_empty())
            || self.directories.is_some()
            || self.arg0.is_some();
        if is_script && for_commands {
            let text =
                "`arg0`, `args`, `env`, `files` and `directories` are for WebAssembly commands";
            return Err(invalid(text));
        }
        let for_scripts =
            self.request.is_some() || self.secret_base64.is_some() || self.oyster.is_some();
        if !is_script && for_scripts {
            return Err(invalid("`request`, `secret_base64` and `oyster` are for JavaScript"));
        }
        if self.args.len() > MAX_ARGS || self.env.len() > MAX_ARGS {
            return Err(invalid(format!("at most {MAX_ARGS} `args`, and as many `env`")));
        }
        if self.directories.as_ref().is_some_and(|all| all.len() > MAX_DIRECTORIES) {
            return Err(invalid(format!("at most {MAX_DIRECTORIES} `directories`")));
        }
        if self.files.len() > MAX_FILES || self.hosts.len() > MAX_HOSTS {
            return Err(invalid(format!("at most {MAX_FILES} `files` and {MAX_HOSTS} `hosts`")));
        }
        self.check_paths()?;
        let has_nul = |text: &String| text.contains('\0');
        let names = self.arg0.iter().chain(&self.args);
        if names.into_iter().any(has_nul) || self.env.iter().any(|(k, v)| has_nul(k) || has_nul(v))
        {
            return Err(invalid("`arg0`, `args` and `env` must not contain NUL"));
        }
        if self.env.keys().any(|name| name.is_empty() || name.contains('=')) {
            return Err(invalid("a name in `env` must not be empty or contain `=`"));
        }
        if let Some(request) = &self.request {
            request.check()?;
        }
        if let Some(cid) = self.program.cid() {
            let cid = cid.parse::<Cid>();
            cid.map_err(|error| Failure::new(error.code(), format!("`program`: {error}")))?;
        }
        self.input_bytes(None)?;
        self.file_bytes()?;
        self.secret()?;
        Ok(())
    }

    /// Paths of files are names between slashes, each is there once, and what the command finds open
    /// is a directory.
    fn check_paths(&self) -> Result<(), Failure> {
        let is_path = |path: &String| {
            let path = path.strip_prefix('/').unwrap_or(path);
            let path = path.strip_suffix('/').unwrap_or(path);
            let is_name = |name| !matches!(name, "" | "." | "..") && !name.contains('\0');
            path.split('/').all(is_name)
        };
        if !self.files.keys().all(is_path) {
            return Err(invalid(
                "a path in `files` is names between slashes, without `.` and `..`",
            ));
        }
        if self.files.iter().any(|(path, content)| path.ends_with('/') && !content.is_empty()) {
            return Err(invalid("a path in `files` that ends in `/` is a directory: no content"));
        }
        let directories = self.directories.as_deref().unwrap_or_default();
        if directories.iter().any(|(name, _)| name.is_empty() || name.contains('\0')) {
            return Err(invalid("a name in `directories` must not be empty or contain NUL"));
        }
        let files = self.files.keys().map(String::as_str);
        check_files(files, directories.iter().map(|(_, path)| &**path)).map_err(|error| {
            let field = match error {
                FilesError::NoDirectory { .. } => "directories",
                _ => "files",
            };
            invalid(format!("`{field}`: {error}"))
                .in_clear(format!("`{field}`: a path does not fit; docs/programs.md"))
        })
    }

    /// The input as bytes, from here or from the envelope's `section`; `None` when the job has none.
    pub(crate) fn input_bytes(&self, section: Option<&Bytes>) -> Result<Option<Bytes>, Failure> {
        let here = match (&self.input, &self.input_base64) {
            (Some(Value::String(text)), _) => Some(Bytes::from(text.clone())),
            (Some(value), _) => Some(value.to_string().into()),
            (None, Some(base64)) => Some(decode("input_base64", base64)?.into()),
            (None, None) => None,
        };
        match (here, section) {
            (Some(_), Some(_)) => Err(two_inputs()),
            (here, section) => Ok(here.or_else(|| section.cloned())),
        }
    }

    /// Whether the arguments have an input.
    pub(crate) fn has_input(&self) -> bool {
        self.input.is_some() || self.input_base64.is_some()
    }

    pub(crate) fn file_bytes(&self) -> Result<Vec<(String, Bytes)>, Failure> {
        let decoded = |(path, base64): (&String, &String)| {
            Ok((path.clone(), decode("files", base64)?.into()))
        };
        self.files.iter().map(decoded).collect()
    }

    /// Bytes in all files.
    pub(crate) fn file_sizes(&self) -> u64 {
        let size = |base64: &String| (base64.trim_end_matches('=').len() as u64) / 4 * 3;
        self.files.values().map(size).sum()
    }

    pub(crate) fn secret(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let secret = self.secret_base64.as_deref();
        secret.map(|base64| decode("secret_base64", base64).map(Zeroizing::new)).transpose()
    }
}

impl Source {
    /// The module that the job brings; `None` when it names one.
    pub(crate) fn inline(&self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::WasmBase64(base64) => {
                decode("program.wasm_base64", base64).map(|bytes| Some(bytes.into()))
            }
            Self::Javascript(source) => Ok(Some(Bytes::from(source.clone()))),
            Self::WasmCid(_) | Self::JavascriptCid(_) => Ok(None),
        }
    }

    pub(crate) fn cid(&self) -> Option<&str> {
        match self {
            Self::WasmCid(cid) | Self::JavascriptCid(cid) => Some(cid),
            Self::WasmBase64(_) | Self::Javascript(_) => None,
        }
    }

    pub(crate) fn is_script(&self) -> bool {
        matches!(self, Self::Javascript(_) | Self::JavascriptCid(_))
    }
}

impl HttpRequest {
    fn check(&self) -> Result<(), Failure> {
        let method = http::Method::from_bytes(self.method.as_bytes());
        let upper = self.method.to_ascii_uppercase();
        if method.is_err() || matches!(&*upper, "CONNECT" | "TRACE" | "TRACK") {
            return Err(invalid("`request.method` is no method that a script can be asked with"));
        }
        let is_http = |url: url::Url| matches!(url.scheme(), "http" | "https");
        if !url::Url::parse(&self.url).is_ok_and(is_http) {
            return Err(invalid("`request.url` must be an absolute http or https URL"));
        }
        let is_header = |(name, value): &(String, String)| {
            http::HeaderName::from_bytes(name.as_bytes()).is_ok()
                && javascript::header_value(value).is_some()
        };
        if self.headers.len() > 100 || !self.headers.iter().all(is_header) {
            return Err(invalid("`request.headers` must be at most 100 valid headers"));
        }
        Ok(())
    }
}

/// The method as a script sees it: the Fetch standard writes these in capitals, however they come.
pub(crate) fn normalized(method: &str) -> String {
    let upper = method.to_ascii_uppercase();
    match &*upper {
        "DELETE" | "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" => upper,
        _ => method.to_owned(),
    }
}

pub(crate) fn two_inputs() -> Failure {
    invalid("give the input as an argument or as the envelope's input section, not both")
}

/// Names what does not fit, and quotes no value.
fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let text = error.inner().to_string();
    if text.starts_with("missing field") {
        return invalid(text);
    }
    let all = "docs/programs.md shows all arguments";
    if text.starts_with("unknown field") {
        return invalid(format!("{text}; {all}")).in_clear(format!("a field is unknown; {all}"));
    }
    let field = error.path().iter().next().map(ToString::to_string).unwrap_or_default();
    invalid(format!("`{field}` has the wrong type; {all}"))
}

fn decode(field: &str, base64: &str) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(base64).map_err(|_| invalid(format!("`{field}` is not valid base64")))
}

pub(crate) fn invalid(text: impl Into<String>) -> Failure {
    Failure::new(Code::ArgumentsInvalid, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_nothing_of_the_job_is_quoted() {
        let wasm = json!({"wasm_base64": "AGFzbQ=="});
        let js = json!({"javascript": "export default {}"});
        for (arguments, text) in [
            (json!({}), "missing field `program`"),
            (json!({"program": {"wasm_base64": "%"}, "input": "x"}), ""),
            (json!({"program": wasm, "sekret": 1}), "unknown field `sekret`"),
            (json!({"program": {"python": "secret"}}), "`program` has the wrong type"),
            (json!({"program": wasm, "env": {"A": 1}}), "`env` has the wrong type"),
            (json!({"program": js, "oyster": "x"}), "`oyster` has the wrong type"),
            (json!({"program": wasm, "input": 1, "input_base64": "AA=="}), "not both"),
            (json!({"program": wasm, "input_base64": "?"}), "`input_base64` is not valid base64"),
            (json!({"program": wasm, "files": {"a": "?"}}), "`files` is not valid base64"),
            (json!({"program": wasm, "secret_base64": "AA=="}), "are for JavaScript"),
            (json!({"program": js, "args": ["a"]}), "are for WebAssembly"),
            (json!({"program": js, "request": {"url": "file:///x"}}), "`request.url`"),
            (json!({"program": js, "request": {"method": "a b"}}), "`request.method`"),
            (json!({"program": js, "request": {"headers": [["a\n", "b"]]}}), "`request.headers`"),
            (json!({"program": wasm, "env": {"A=B": "c"}}), "`env`"),
            (json!({"program": js, "directories": []}), "are for WebAssembly"),
            (json!({"program": wasm, "files": {"../x": ""}}), "without `.` and `..`"),
            (json!({"program": wasm, "files": {"a//b": ""}}), "without `.` and `..`"),
            (json!({"program": wasm, "files": {"a": "", "a/b/c": ""}}), "`files`: a/b/c"),
            (json!({"program": wasm, "files": {"a": "", "a/": ""}}), "`files`: a"),
            (json!({"program": wasm, "files": {"/a": "", "a": ""}}), "`files`: a"),
            (json!({"program": wasm, "files": {"/a": "", "a/b": ""}}), "`files`: a/b"),
            (json!({"program": wasm, "files": {"a".repeat(256): ""}}), "`files`: aaa"),
            (json!({"program": wasm, "files": {"d/".repeat(65): ""}}), "`files`: d/d"),
            (json!({"program": wasm, "files": {"a/": "QQ=="}}), "no content"),
            (json!({"program": wasm, "directories": [["/", "a"]]}), "`directories`: a"),
            (
                json!({"program": wasm, "files": {"a": ""}, "directories": [["/", "a"]]}),
                "`directories`: a",
            ),
            (json!({"program": wasm, "directories": [["a\0", ""]]}), "`directories`"),
            (json!({"program": js, "request": {"url": "httpx://x"}}), "`request.url`"),
            (json!({"program": js, "request": {"method": "connect"}}), "`request.method`"),
            (
                json!({"program": js, "request": {"headers": [["a", "\u{20ac}"]]}}),
                "`request.headers`",
            ),
            (json!({"program": js, "arg0": "x"}), "are for WebAssembly"),
            (json!({"program": wasm, "oyster": "strict"}), "are for JavaScript"),
        ] {
            match Arguments::parse(&arguments) {
                Err(failure) => {
                    assert_eq!(failure.code, Code::ArgumentsInvalid);
                    assert!(failure.message.contains(text), "{text}: {}", failure.message);
                    assert!(!failure.message.contains("secret\""), "{}", failure.message);
                }
                Ok(parsed) => assert!(parsed.program.inline().is_err(), "{arguments}"),
            }
        }
    }

    #[test]
    fn text_is_taken_as_it_is_and_other_values_as_json() {
        let input = |value| {
            let arguments = json!({"program": {"javascript": ""}, "input": value});
            Arguments::parse(&arguments).unwrap().input_bytes(None).unwrap().unwrap()
        };
        assert_eq!(&input(json!("a\"b"))[..], b"a\"b");
        assert_eq!(&input(json!({"num": 10}))[..], br#"{"num":10}"#);
        let none = Arguments::parse(&json!({"program": {"javascript": ""}})).unwrap();
        assert!(none.input_bytes(None).unwrap().is_none());
    }

    #[test]
    fn what_scripts_and_commands_can_be_given_is_admitted() {
        for arguments in [
            json!({"program": {"wasm_base64": "AGFzbQ=="}, "files": {"a/b": "QQ==", "a/": "", "/c": ""},
                   "directories": [["/", ""], ["x", "a"], ["y", "/"], ["y", "a/"]]}),
            json!({"program": {"javascript": ""}, "request": {"method": "patch",
                   "headers": [["a", "\u{e9}"], ["b", ""]]}}),
        ] {
            assert!(Arguments::parse(&arguments).is_ok(), "{arguments}");
        }
    }

    #[test]
    fn files_are_counted_by_what_is_in_them() {
        let files = json!({"a": "QUJD", "b": "QUJDREVG", "c/": ""});
        let arguments = json!({"program": {"wasm_base64": "AGFzbQ=="}, "files": files});
        assert_eq!(Arguments::parse(&arguments).unwrap().file_sizes(), 9);
    }

    #[test]
    fn methods_are_written_as_the_fetch_standard_writes_them() {
        let all = ["post", "Get", "patch", "PROPFIND"].map(normalized);
        assert_eq!(all, ["POST", "GET", "patch", "PROPFIND"]);
    }

    #[test]
    fn input_comes_as_an_argument_or_with_the_envelope_and_not_twice() {
        let section = Bytes::from_static(b"\xff\0");
        let without = Arguments::parse(&json!({"program": {"javascript": ""}})).unwrap();
        assert_eq!(without.input_bytes(Some(&section)).unwrap().unwrap(), section);
        let with = json!({"program": {"javascript": ""}, "input": "x"});
        let refused = Arguments::parse(&with).unwrap().input_bytes(Some(&section)).unwrap_err();
        assert_eq!(refused.code, Code::ArgumentsInvalid);
    }

    #[test]
    fn a_cid_that_is_none_is_refused_with_the_field() {
        for cid in ["", "bafkreigh", "Qm", "../../etc/passwd"] {
            for field in ["javascript_cid", "wasm_cid"] {
                let refused = Arguments::parse(&json!({"program": {field: cid}})).unwrap_err();
                assert!(refused.message.starts_with("`program`"), "{}", refused.message);
            }
        }
        let cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
        assert!(Arguments::parse(&json!({"program": {"wasm_cid": cid}})).is_ok());
    }
}
