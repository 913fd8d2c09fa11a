use zeroize::Zeroizing;

use crate::{
    EnvelopeError, Header, Suite, SuiteId,
    context::{OpenContext, SealContext},
};

const VERSION: u8 = 1;
const SECRETS_LEN: usize = 3 * 32;

/// What requester and worker share of one sealed job, exported from its HPKE context: it opens the
/// result and gives access to status, result and cancel, but not to the job itself.
///
/// A requester keeps it until the result is there, or hands it to whoever should read the result.
#[derive(Clone)]
pub struct RequestSecrets {
    header: [u8; Header::LEN],
    encapsulated: Vec<u8>,
    response: Zeroizing<[u8; 32]>,
    token: Zeroizing<[u8; 32]>,
    salt: Zeroizing<[u8; 32]>,
}

impl RequestSecrets {
    pub(crate) fn of_sender(header: &Header, encapsulated: &[u8], context: &SealContext) -> Self {
        Self::export(header, encapsulated, |label| context.export(label))
    }

    pub(crate) fn of_receiver(header: &Header, encapsulated: &[u8], context: &OpenContext) -> Self {
        Self::export(header, encapsulated, |label| context.export(label))
    }

    fn export(
        header: &Header,
        encapsulated: &[u8],
        export: impl Fn(&[u8]) -> Zeroizing<[u8; 32]>,
    ) -> Self {
        Self {
            header: header.to_bytes(),
            encapsulated: encapsulated.to_vec(),
            response: export(b"sealwork/v1 response"),
            token: export(b"sealwork/v1 token"),
            salt: export(b"sealwork/v1 salt"),
        }
    }

    /// The bearer token for status, result and cancel.
    pub fn token(&self) -> &[u8; 32] {
        &self.token
    }

    /// The salt of the receipt's digests.
    pub fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The clear header of the request.
    ///
    /// # Errors
    /// None for secrets that this program made; see [`Header::parse`].
    pub fn header(&self) -> Result<Header, EnvelopeError> {
        Header::parse(&self.header)
    }

    pub(crate) fn header_bytes(&self) -> &[u8; Header::LEN] {
        &self.header
    }

    pub(crate) fn suite_id(&self) -> SuiteId {
        SuiteId(self.header[5])
    }

    pub(crate) fn encapsulated(&self) -> &[u8] {
        &self.encapsulated
    }

    pub(crate) fn response(&self) -> &[u8; 32] {
        &self.response
    }

    /// Bytes to keep or to hand over (docs/formats.md, "Request secrets").
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let len = 1 + Header::LEN + self.encapsulated.len() + SECRETS_LEN;
        let mut out = Zeroizing::new(Vec::with_capacity(len));
        out.push(VERSION);
        out.extend_from_slice(&self.header);
        out.extend_from_slice(&self.encapsulated);
        for secret in [&self.response, &self.token, &self.salt] {
            out.extend_from_slice(&**secret);
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`EnvelopeError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let malformed = EnvelopeError::Malformed("not the secrets of a request");
        let (&version, rest) = bytes.split_first().ok_or(malformed.clone())?;
        if version != VERSION {
            return Err(EnvelopeError::Version(version));
        }
        let (header, rest) = rest.split_first_chunk().ok_or(malformed.clone())?;
        let suite: Suite = Header::parse(header)?.suite;
        let (encapsulated, rest) =
            rest.split_at_checked(suite.encapsulated_len()).ok_or(malformed.clone())?;
        let secrets: &[u8; SECRETS_LEN] = rest.try_into().map_err(|_| malformed)?;
        let secret = |n: usize| Zeroizing::new(crate::header::array(secrets, n * 32));
        Ok(Self {
            header: *header,
            encapsulated: encapsulated.to_vec(),
            response: secret(0),
            token: secret(1),
            salt: secret(2),
        })
    }
}

impl std::fmt::Debug for RequestSecrets {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestSecrets")
    }
}
