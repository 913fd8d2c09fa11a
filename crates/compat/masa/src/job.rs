use std::fmt;

use serde_json::{Map, Value};

use crate::json::{DecodeError, decode::Field, decode_only, encode, write_string};
use crate::json::{GoStruct, Slot};

/// A Masa job: what a client describes to `/job/generate`, and what is sealed (reference 2.2).
#[derive(Clone, Default, PartialEq)]
pub struct MasaJob {
    /// The job type, as the client writes it; see [`crate::to_spec`].
    pub job_type: String,
    /// Its arguments; absent and `null` are the same.
    pub arguments: Option<Map<String, Value>>,
    /// The nonce. It makes the job one that runs once, and keys its result.
    pub quote: String,
    /// The worker that sealed it: who asks, as far as Masa knows.
    pub worker_id: String,
    /// The only worker that may run it; empty for any.
    pub target_worker: String,
    /// Nanoseconds. Carried, and ignored as in the reference.
    pub timeout: i64,
    /// Until when it is taken, in seconds since 1970. This project's addition: Go workers neither
    /// write it nor mind it.
    pub expiry: Option<u64>,
}

impl MasaJob {
    /// Reads the plaintext of a sealed job.
    ///
    /// # Errors
    /// [`DecodeError`] in Go's words.
    pub fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        let mut job = Self::default();
        decode_only(json, &mut Sealed(&mut job))?;
        Ok(job)
    }

    /// The one form that is sealed: keys in this order, arguments sorted.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"type\":");
        write_string(&mut out, &self.job_type);
        out.extend_from_slice(b",\"arguments\":");
        match &self.arguments {
            None => out.extend_from_slice(b"null"),
            Some(arguments) => encode::write_object(&mut out, arguments),
        }
        for (key, text) in [
            ("quote", &self.quote),
            ("worker_id", &self.worker_id),
            ("target_worker", &self.target_worker),
        ] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            write_string(&mut out, text);
        }
        out.extend_from_slice(b",\"timeout\":");
        out.extend_from_slice(self.timeout.to_string().as_bytes());
        if let Some(expiry) = self.expiry {
            out.extend_from_slice(b",\"expiry\":");
            out.extend_from_slice(expiry.to_string().as_bytes());
        }
        out.push(b'}');
        out
    }

    /// Makes the job one that can be sealed: names the sealing worker, and gives it a nonce of 256
    /// random bits in ASCII and, where wanted, an expiry. Whatever the client put there is dropped.
    pub fn stamp(&mut self, worker_id: &str, random: [u8; 32], expiry: Option<u64>) {
        worker_id.clone_into(&mut self.worker_id);
        self.quote = hex::encode(random);
        self.expiry = expiry;
    }

    fn known_field(&mut self, key: &str) -> Option<Field<'_>> {
        Some(if is(key, "type") {
            Field { name: "type", go_type: "types.JobType", slot: Slot::Text(&mut self.job_type) }
        } else if is(key, "arguments") {
            Field {
                name: "arguments",
                go_type: "types.JobArguments",
                slot: Slot::Object(&mut self.arguments),
            }
        } else if is(key, "quote") {
            text("quote", &mut self.quote)
        } else if is(key, "worker_id") {
            text("worker_id", &mut self.worker_id)
        } else if is(key, "target_worker") {
            text("target_worker", &mut self.target_worker)
        } else if is(key, "timeout") {
            let slot = Slot::Int(&mut self.timeout);
            Field { name: "timeout", go_type: "time.Duration", slot }
        } else {
            return None;
        })
    }
}

impl fmt::Debug for MasaJob {
    /// Shows the type only: the rest is the requester's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasaJob({:?})", self.job_type)
    }
}

impl GoStruct for MasaJob {
    const TYPE: (&'static str, &'static str) = ("types.Job", "Job");

    fn field(&mut self, key: &str) -> Option<Field<'_>> {
        self.known_field(key)
    }
}

/// A job that a worker wrote, and which may therefore expire.
struct Sealed<'a>(&'a mut MasaJob);

impl GoStruct for Sealed<'_> {
    const TYPE: (&'static str, &'static str) = MasaJob::TYPE;

    fn field(&mut self, key: &str) -> Option<Field<'_>> {
        if key == "expiry" {
            let slot = Slot::Optional(&mut self.0.expiry);
            return Some(Field { name: "expiry", go_type: "uint64", slot });
        }
        self.0.known_field(key)
    }
}

pub(crate) fn text<'a>(name: &'static str, slot: &'a mut String) -> Field<'a> {
    Field { name, go_type: "string", slot: Slot::Text(slot) }
}

/// Whether a key names a field: Go folds case, the long s and the Kelvin sign included.
pub(crate) fn is(key: &str, field: &str) -> bool {
    key == field || key.chars().map(folded).eq(field.chars())
}

fn folded(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    }
}
