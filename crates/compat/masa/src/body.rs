//! The bodies of the Masa routes, and how they are read (reference 1.1, 1.4).

use crate::{
    MasaJob, form,
    job::{is, text},
    json::{DecodeError, GoStruct, decode::Field, decode_first},
};

/// The body of `/job/add`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddBody {
    /// What `/job/generate` gave.
    pub encrypted_job: String,
}

/// The body of `/job/result`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultBody {
    /// What `/job/status` gave.
    pub encrypted_result: String,
    /// What `/job/generate` gave.
    pub encrypted_request: String,
}

/// The body of `/setkey`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SetKeyBody {
    /// The ring key: 32 bytes of text.
    pub key: String,
    /// The distributor's signature over it, base64.
    pub signature: String,
}

impl std::fmt::Debug for SetKeyBody {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetKeyBody({} bytes)", self.key.len())
    }
}

impl Drop for SetKeyBody {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

/// A body that a Masa route takes.
#[allow(private_bounds, reason = "what is decoded into is this crate's own affair")]
pub trait Body: GoStruct + Default {}

impl Body for MasaJob {}
impl Body for AddBody {}
impl Body for ResultBody {}
impl Body for SetKeyBody {}

/// Reads a body. Go's leniency: keys in any case, unknown keys and trailing bytes ignored, `null`
/// is an empty object, a form is all zero values. (So is a request without a body, whatever its media
/// type; that one is not for this function.)
///
/// XML, which the reference's framework can read too, is refused as every other media type is.
///
/// # Errors
/// [`DecodeError`]; [`DecodeError::as_bind_error`] is what the reference answers.
pub fn read_body<T: Body>(content_type: Option<&[u8]>, body: &[u8]) -> Result<T, DecodeError> {
    let mut value = T::default();
    let content_type = content_type.unwrap_or_default();
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    match media_type.trim_ascii() {
        b"application/json" => {
            decode_first(body, &mut value)?;
            Ok(value)
        }
        // No field of these bodies has a form name.
        b"application/x-www-form-urlencoded" => form::check(body).map(|()| value),
        b"multipart/form-data" => Ok(value),
        _ => Err(DecodeError::MediaType),
    }
}

impl GoStruct for AddBody {
    const TYPE: (&'static str, &'static str) = ("types.JobRequest", "JobRequest");

    fn field(&mut self, key: &str) -> Option<Field<'_>> {
        is(key, "encrypted_job").then(|| text("encrypted_job", &mut self.encrypted_job))
    }
}

impl GoStruct for ResultBody {
    const TYPE: (&'static str, &'static str) = ("types.EncryptedRequest", "EncryptedRequest");

    fn field(&mut self, key: &str) -> Option<Field<'_>> {
        if is(key, "encrypted_result") {
            Some(text("encrypted_result", &mut self.encrypted_result))
        } else {
            let known = is(key, "encrypted_request");
            known.then(|| text("encrypted_request", &mut self.encrypted_request))
        }
    }
}

impl GoStruct for SetKeyBody {
    const TYPE: (&'static str, &'static str) = ("types.Key", "Key");

    fn field(&mut self, key: &str) -> Option<Field<'_>> {
        if is(key, "key") {
            Some(text("key", &mut self.key))
        } else {
            is(key, "signature").then(|| text("signature", &mut self.signature))
        }
    }
}
