use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a code arises: decides which status a door gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The request itself is wrong; sending it again changes nothing.
    Request,
    /// The caller is not who they must be.
    Access,
    /// The thing asked for is not here.
    Absent,
    /// The request contradicts what is already so.
    Conflict,
    /// The worker has no room for it now.
    Capacity,
    /// The worker itself is at fault.
    Fault,
    /// A settled job's failure: travels in results and receipts, not in refusals.
    Outcome,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $family:ident, $retry:literal, $hint:literal;)*) => {
        /// Every stable code, the same at every door, in results and in receipts.
        ///
        /// A code never changes its meaning; new ones may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in the order of the table in `docs/errors.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code's text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Where it arises.
            pub fn family(self) -> Family {
                match self { $(Self::$name => Family::$family,)* }
            }

            /// Whether the same request can succeed later.
            pub fn retryable(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            /// What the caller can do about it.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

codes! {
    /// The bytes are no envelope.
    EnvelopeMalformed = "envelope_malformed", Request, false, "send the bytes that a Sealwork client sealed, unchanged, as application/octet-stream";
    /// The envelope ends before its last frame.
    EnvelopeTruncated = "envelope_truncated", Request, false, "send the whole envelope; part of it is missing";
    /// The envelope is larger than the worker takes.
    EnvelopeTooLarge = "envelope_too_large", Request, false, "make the input smaller, or ask the operator for a higher limit";
    /// An envelope version this worker does not speak.
    EnvelopeVersion = "envelope_version", Request, false, "use a client whose protocol version the worker's key config names";
    /// A suite this worker has no key for.
    EnvelopeSuite = "envelope_suite", Request, false, "seal with a suite that the worker's key config offers";
    /// The key id is unknown, or its epoch has been erased.
    KeyUnknown = "key_unknown", Request, true, "fetch the key config again and seal to a current key";
    /// The envelope does not open: it was changed, or sealed to another key or key config.
    EnvelopeTampered = "envelope_tampered", Request, false, "fetch the key config again and seal anew; the bytes changed on the way or were meant for another worker";
    /// Its expiry has passed.
    JobExpired = "job_expired", Request, false, "seal the job again with a later expiry; check this machine's clock";
    /// Its not-before lies ahead.
    JobNotYetValid = "job_not_yet_valid", Request, true, "wait until the job's not-before time; check this machine's clock";
    /// Its expiry is further off than the worker remembers nonces.
    JobLifetime = "job_lifetime", Request, false, "seal the job with an expiry within the lifetime that the key config names";
    /// It names another worker.
    WrongWorker = "wrong_worker", Request, false, "send the job to the worker it names, or seal it to this one";
    /// Its nonce has been taken before.
    JobReplayed = "job_replayed", Conflict, false, "the job is already known: ask for its status; to run it again, seal it again";
    /// The requester's signature does not verify.
    SignatureInvalid = "signature_invalid", Request, false, "sign the sealed job with the key that is named in it";
    /// The opened body is not a job.
    JobMalformed = "job_malformed", Request, false, "see the job's form in docs/formats.md";
    /// No such engine here.
    EngineUnknown = "engine_unknown", Request, false, "this engine is not among the worker's capabilities: GET /v1/capabilities lists them";
    /// The engine refuses the arguments.
    ArgumentsInvalid = "arguments_invalid", Request, false, "correct the argument that the message names";
    /// Limits outside what the operator allows.
    LimitsInvalid = "limits_invalid", Request, false, "keep to the bound in the message; GET /v1/capabilities names the maxima";
    /// The job wants to reach hosts that the operator does not allow to programs.
    HostsNotAllowed = "hosts_not_allowed", Request, false, "name hosts that the operator allows to programs, or none; PROGRAM_HOSTS is the operator's list";
    /// The operation exists, but this worker lacks what it needs.
    NotConfigured = "not_configured", Request, false, "use a worker whose capabilities (GET /v1/capabilities) list this operation";
    /// The requester is not on the operator's list.
    RequesterNotAllowed = "requester_not_allowed", Access, false, "ask the operator to admit this requester";
    /// The credentials are right, and not enough for this path.
    Forbidden = "forbidden", Access, false, "use the admin API key, or the worker's admin socket";
    /// No credentials, or wrong ones.
    Unauthorized = "unauthorized", Access, false, "send the API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`";
    /// The job's token is missing or wrong.
    TokenInvalid = "token_invalid", Access, false, "send the job's token in `Sealwork-Token`; only who sealed the job can derive it";
    /// No such job, or it is gone.
    JobUnknown = "job_unknown", Absent, false, "check the job id; results are kept only for the time the worker states";
    /// The job has not settled yet.
    NotSettled = "not_settled", Conflict, true, "wait for the job to settle";
    /// The job has settled and can no longer be cancelled.
    AlreadySettled = "already_settled", Conflict, false, "fetch the result";
    /// A job of an ordered lane cannot be taken out of it.
    NotCancellable = "not_cancellable", Conflict, false, "nothing: jobs of an ordered lane run to their end";
    /// Its place in its lane is not after the last one taken.
    LaneOrder = "lane_order", Conflict, false, "submit the jobs of a lane one after the other, in ascending order";
    /// The queue is full.
    QueueFull = "queue_full", Capacity, true, "try again after the time in Retry-After, or use another worker";
    /// The requester's or the API key's quota is used up.
    QuotaExceeded = "quota_exceeded", Capacity, true, "wait for running jobs to settle or for the time in Retry-After";
    /// The worker is shutting down.
    Draining = "draining", Capacity, true, "use another worker, or try again when this one is back";
    /// The request body exceeds the door's limit.
    BodyTooLarge = "body_too_large", Request, false, "send a smaller body";
    /// The request is not of the form that the route takes.
    RequestMalformed = "request_malformed", Request, false, "see the OpenAPI document at /v1/openapi.json";
    /// No receipt with this number, or it is no longer kept.
    ReceiptUnknown = "receipt_unknown", Absent, false, "ask for the receipts from an earlier number on; only so many are kept";
    /// The worker gives no evidence.
    EvidenceNone = "evidence_none", Absent, false, "use a worker whose key config names a kind of evidence; its operator sets ATTESTER";
    /// The nonce for evidence has another form or length.
    EvidenceNonce = "evidence_nonce", Request, false, "send 16 to 64 fresh random bytes as hexadecimal digits";
    /// No archived evidence has this digest, or it is no longer kept.
    EvidenceUnknown = "evidence_unknown", Absent, false, "take the digest from a receipt of this worker; evidence is kept as long as a receipt that cites it";
    /// No key config has this digest, or it is no longer kept.
    KeyConfigUnknown = "key_config_unknown", Absent, false, "take digest and instance from a receipt of this worker; key configs are kept as long as the evidence about them";
    /// The platform makes evidence for others, or is busy itself.
    AttesterBusy = "attester_busy", Capacity, true, "try again after the time in Retry-After";
    /// The platform gives no evidence now.
    AttesterFailed = "attester_failed", Fault, true, "try again later; the operator finds the code of the message in docs/attestation-operators.md";
    /// The CID does not parse, or names a hash function or a codec that this worker does not read.
    CidInvalid = "cid_invalid", Request, false, "give a CIDv0 or CIDv1 with sha2-256, of raw or dag-pb, in base32 or base58btc; `ipfs add --cid-version=1` prints one";
    /// The content that the CID or the name stands for is not in the local store.
    ContentUnknown = "content_unknown", Absent, false, "add the content to this worker's store first";
    /// The blocks under the CID are no well-formed file.
    ContentInvalid = "content_invalid", Request, false, "add the file again, and use the CID that this gives";
    /// The CID names a directory, a symlink or another thing that is no file.
    ContentNotAFile = "content_not_a_file", Request, false, "give the CID of the file itself, not of a directory that holds it";
    /// The content is larger, deeper or in more blocks than the worker takes.
    ContentTooLarge = "content_too_large", Request, false, "make the content smaller, or ask the operator for a higher limit";
    /// Another content has this name.
    ContentNameTaken = "content_name_taken", Conflict, false, "choose another name, or remove the content that has this one";
    /// The content store has no room.
    ContentStoreFull = "content_store_full", Capacity, true, "the operator must remove content that is no longer needed, or raise the store's limit";
    /// What the content store has on disk is not what was written.
    ContentDamaged = "content_damaged", Fault, false, "the operator must look at the worker's disk, then add the content again";
    /// No such path at this door.
    RouteUnknown = "route_unknown", Absent, false, "see the OpenAPI document at /v1/openapi.json for the paths";
    /// The path takes other methods.
    MethodNotAllowed = "method_not_allowed", Request, false, "use one of the methods that the Allow header names";
    /// The body's media type is not the one the route takes.
    MediaTypeUnsupported = "media_type_unsupported", Request, false, "send the body with the media type that the message names";
    /// The request's headers exceed the door's limits.
    HeadersTooLarge = "headers_too_large", Request, false, "send fewer and shorter headers";
    /// The request body arrives too slowly.
    BodyTooSlow = "body_too_slow", Request, true, "send the body without pauses";
    /// The answer was not ready in the time that the door allows.
    RequestTimeout = "request_timeout", Capacity, true, "try again later; the worker is busy";
    /// The bodies and answers in flight take all the memory that the door may use.
    Overloaded = "overloaded", Capacity, true, "try again after the time in Retry-After, or use another worker";
    /// The disk is full or refuses to write.
    StoreUnavailable = "store_unavailable", Fault, true, "the operator must look at the worker's disk; nothing was accepted";
    /// A defect of the worker.
    Internal = "internal", Fault, true, "try again; if it stays, report the job id to the operator";

    /// The engine's own code failed.
    EnginePanicked = "engine_panicked", Outcome, false, "report the job's arguments to the maintainers; other jobs were not affected";
    /// The job ran out of time.
    DeadlineExceeded = "deadline_exceeded", Outcome, true, "allow more time or ask for less";
    /// The requester cancelled it.
    Cancelled = "cancelled", Outcome, false, "nothing: the job was cancelled on request";
    /// A restart interrupted a job that must not run twice.
    Interrupted = "interrupted", Outcome, true, "decide whether its effects happened, then submit a new job";
    /// The key that could open it has been erased.
    KeyErased = "key_erased", Outcome, false, "seal the job again";
    /// It expired while waiting for its turn.
    ExpiredInQueue = "expired_in_queue", Outcome, true, "seal the job again with a later expiry, or use a less busy worker";
    /// The program is no WebAssembly or JavaScript that can run here.
    ProgramInvalid = "program_invalid", Outcome, false, "correct the program; `sealwork program check` says the same in advance";
    /// Compiling the program takes too much time or memory.
    ProgramTooComplex = "program_too_complex", Outcome, false, "make the program smaller or its functions simpler";
    /// The program trapped.
    ProgramTrapped = "program_trapped", Outcome, false, "look at the message and at the job's log: the program itself broke off";
    /// An error of the script was not caught.
    ProgramThrew = "program_threw", Outcome, false, "catch the error in the script; the message and the details say where it comes from";
    /// A promise of the script was rejected and nobody handled it.
    ProgramRejection = "program_rejection", Outcome, false, "await the promise, or give it a catch";
    /// The script has no handler for its request.
    ProgramNoHandler = "program_no_handler", Outcome, false, "export a default object with a `fetch` function, or listen to the `fetch` event";
    /// The script's handler gave no response.
    ProgramBadResponse = "program_bad_response", Outcome, false, "return a Response from the handler";
    /// The script waits for something that never comes.
    ProgramNeverSettled = "program_never_settled", Outcome, false, "settle every promise that the answer depends on";
    /// The program used up its memory.
    ProgramOutOfMemory = "program_out_of_memory", Outcome, false, "raise the job's memory limit or use less";
    /// The program used up its fuel.
    ProgramOutOfFuel = "program_out_of_fuel", Outcome, false, "raise the job's fuel limit or do less";
    /// The program's process ended under it.
    ProgramCrashed = "program_crashed", Outcome, true, "try again; if it stays, the program takes more memory than it may";
    /// No sandbox is there for the program.
    SandboxUnavailable = "sandbox_unavailable", Outcome, true, "try again later; the operator sees the reason in the log";
    /// The output is larger than the limits allow.
    OutputTooLarge = "output_too_large", Outcome, false, "raise the job's output limit or ask for less";
    /// The address, scheme or host is not allowed.
    EgressDenied = "egress_denied", Outcome, false, "use a public http(s) address; the operator decides about others";
    /// The host could not be found.
    HostNotFound = "host_not_found", Outcome, true, "check the host name";
    /// The connection failed.
    ConnectFailed = "connect_failed", Outcome, true, "check that the site is up; try again later";
    /// The peer's TLS certificate was refused.
    TlsFailed = "tls_failed", Outcome, false, "the site's certificate does not verify";
    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream_timeout", Outcome, true, "try again later or allow more time";
    /// The upstream answered with something unusable.
    UpstreamInvalid = "upstream_invalid", Outcome, true, "the upstream's answer could not be read";
    /// The upstream answered with an error status.
    UpstreamStatus = "upstream_status", Outcome, true, "the upstream refused; the message names its status";
    /// The upstream refuses this worker's credentials.
    UpstreamUnauthorized = "upstream_unauthorized", Outcome, false, "use another worker; the operator must renew the credentials for this upstream";
    /// The upstream does not allow it with this worker's credentials.
    UpstreamForbidden = "upstream_forbidden", Outcome, false, "use another worker; the operator's plan at the upstream does not include this, or is used up";
    /// The upstream does not have what was asked for.
    UpstreamNotFound = "upstream_not_found", Outcome, false, "check the id, the name or the address that the job asks for";
    /// The upstream refuses the request itself.
    UpstreamRejected = "upstream_rejected", Outcome, false, "correct the arguments; the upstream does not take this request";
    /// The upstream's answer has another form than this worker reads.
    UpstreamChanged = "upstream_changed", Outcome, false, "tell the operator: the upstream has changed, and the worker needs an update";
    /// What was started at the upstream ended without success.
    UpstreamRunFailed = "upstream_run_failed", Outcome, true, "submit the job again; that starts, and pays for, a new run";
    /// The upstream limits the rate.
    RateLimited = "rate_limited", Outcome, true, "try again later";
    /// The answer is larger than allowed.
    ResponseTooLarge = "response_too_large", Outcome, false, "the upstream's answer exceeds the limit";
    /// Redirected too often.
    TooManyRedirects = "too_many_redirects", Outcome, false, "the site redirects in circles";
    /// robots.txt forbids it.
    RobotsDenied = "robots_denied", Outcome, false, "the site's robots.txt forbids fetching this address";
    /// The operator's blacklist names it.
    Blacklisted = "blacklisted", Outcome, false, "the operator of this worker does not fetch this address";
    /// The job's own limits on fetches or bytes are used up.
    EgressExhausted = "egress_exhausted", Outcome, false, "raise the job's egress limits or ask for less";
    /// Page after page of the upstream brought nothing new of what was asked for.
    PagesBarren = "pages_barren", Outcome, true, "go on from the result's cursor, or ask for something less rare";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = crate::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(crate::IdError::Malformed("code"))
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_reads_back_from_its_own_text_and_says_what_to_do() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.hint().len() > 10, "{code} has no hint");
        }
    }
}
