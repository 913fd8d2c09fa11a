use std::sync::Arc;

use sealwork_platform::{RootKeeper, RootSecret, RootSecretError};
use sealwork_seal::tlv;
use tss_esapi::{
    Context,
    constants::SessionType,
    handles::KeyHandle,
    interface_types::{
        resource_handles::Hierarchy,
        session_handles::{AuthSession, PolicySession},
    },
    structures::{Digest, Private, Public, SensitiveData},
    traits::{Marshall, UnMarshall},
};
use zeroize::Zeroizing;

use super::{
    Pcrs, Tpm, TpmError, TpmTask,
    connection::{flushed, with_primary, with_session},
    keys,
};

const PATH: &str = "root.tpm";
const FORMAT: &[u8] = b"sealwork/v1 root secret in a TPM";

const TAG_FORMAT: u8 = 1;
const TAG_POLICY: u8 = 2;
const TAG_PUBLIC: u8 = 3;
const TAG_PRIVATE: u8 = 4;

/// Keeps the root secret sealed by a TPM: it is given out on this machine only, and only when the
/// same was booted as when it was made.
///
/// The PCRs are the settings', never the file's: a file cannot weaken them. The secret hangs below
/// a key that has the same policy, so that it was sealed by what may unseal it.
#[derive(Debug)]
pub struct TpmRootKeeper {
    tpm: Arc<Tpm>,
    pcrs: Pcrs,
}

impl TpmRootKeeper {
    /// Seals to PCRs.
    pub fn new(tpm: Arc<Tpm>, pcrs: Pcrs) -> Self {
        Self { tpm, pcrs }
    }

    fn seal(&self, secret: &[u8]) -> Result<Sealed, TpmError> {
        let task = TpmTask::Seal;
        let failed = TpmError::of(task);
        let mut context = self.tpm.context();
        let policy = current_policy(&mut context, self.pcrs)?;
        let template = keys::sealed_data(policy.clone()).map_err(failed)?;
        let secret = SensitiveData::try_from(secret).map_err(failed)?;
        self.with_storage_key(&mut context, &policy, |context, parent| {
            self.satisfied(context, parent, task, |context, session| {
                let made = context
                    .execute_with_session(Some(session), |context| {
                        context.create(parent, template, None, Some(secret), None, None)
                    })
                    .map_err(failed)?;
                Ok(Sealed {
                    policy: policy.value().to_vec(),
                    public: made.out_public.marshall().map_err(failed)?,
                    private: made.out_private.value().to_vec(),
                })
            })
        })
    }

    fn unseal(&self, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let mut context = self.tpm.context();
        let policy = current_policy(&mut context, self.pcrs)?;
        if policy.value() != sealed.policy {
            return Err(TpmError::PcrsChanged(self.pcrs.to_string()));
        }
        let public = Public::unmarshall(&sealed.public).map_err(|_| TpmError::OtherTpm)?;
        let private = Private::try_from(sealed.private.as_slice());
        let private = private.map_err(|_| TpmError::OtherTpm)?;
        self.with_storage_key(&mut context, &policy, |context, parent| {
            let object = self.satisfied(context, parent, TpmTask::Load, |context, session| {
                context
                    .execute_with_session(Some(session), |context| {
                        context.load(parent, private, public)
                    })
                    .map_err(TpmError::of(TpmTask::Load))
            })?;
            flushed(context, object.into(), |context| {
                self.satisfied(context, parent, TpmTask::Unseal, |context, session| {
                    context
                        .execute_with_session(Some(session), |context| {
                            context.unseal(object.into())
                        })
                        .map(|data| Zeroizing::new(data.value().to_vec()))
                        .map_err(TpmError::of(TpmTask::Unseal))
                })
            })
        })
    }

    /// Makes the storage key that has this policy, for `work`.
    fn with_storage_key<T>(
        &self,
        context: &mut Context,
        policy: &Digest,
        work: impl FnOnce(&mut Context, KeyHandle) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        let task = TpmTask::MakeStorage;
        let template = keys::storage_key(Some(policy.clone())).map_err(TpmError::of(task))?;
        with_primary(context, Hierarchy::Owner, template, task, work)
    }

    /// Starts a session that satisfies the policy, salted by the storage key, for one command.
    fn satisfied<T>(
        &self,
        context: &mut Context,
        salt: KeyHandle,
        task: TpmTask,
        work: impl FnOnce(&mut Context, AuthSession) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        with_session(context, SessionType::Policy, Some(salt), task, |context, session| {
            let policy = PolicySession::try_from(session).map_err(TpmError::of(task))?;
            policy_pcr(context, policy, self.pcrs, task)?;
            work(context, session)
        })
    }
}

/// The policy that the PCRs' present values satisfy.
fn current_policy(context: &mut Context, pcrs: Pcrs) -> Result<Digest, TpmError> {
    let task = TpmTask::ReadPcrs;
    with_session(context, SessionType::Trial, None, task, |context, session| {
        let policy = PolicySession::try_from(session).map_err(TpmError::of(task))?;
        policy_pcr(context, policy, pcrs, task)?;
        context.policy_get_digest(policy).map_err(TpmError::of(task))
    })
}

fn policy_pcr(
    context: &mut Context,
    policy: PolicySession,
    pcrs: Pcrs,
    task: TpmTask,
) -> Result<(), TpmError> {
    let selection = pcrs.selection()?;
    context
        .execute_without_session(|context| context.policy_pcr(policy, Digest::default(), selection))
        .map_err(TpmError::of(task))
}

impl RootKeeper for TpmRootKeeper {
    fn path(&self) -> &'static str {
        PATH
    }

    fn keep(&self, secret: &RootSecret) -> Result<Zeroizing<Vec<u8>>, RootSecretError> {
        let sealed = self.seal(secret.expose()).map_err(kept)?;
        Ok(Zeroizing::new(sealed.encode()))
    }

    fn recover(&self, content: &[u8]) -> Result<RootSecret, RootSecretError> {
        let damaged = || RootSecretError::Damaged { path: PATH, len: content.len() };
        let sealed = Sealed::decode(content).ok_or_else(damaged)?;
        let secret = self.unseal(&sealed).map_err(kept)?;
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).map_err(|_| damaged())?);
        Ok(RootSecret::new(*bytes))
    }
}

fn kept(source: TpmError) -> RootSecretError {
    RootSecretError::Kept { path: PATH, source: Box::new(source) }
}

/// The file: sections (docs/formats.md).
struct Sealed {
    /// What has to be satisfied. For a good message only; the TPM holds to the real one.
    policy: Vec<u8>,
    /// `TPMT_PUBLIC`.
    public: Vec<u8>,
    /// The content of `TPM2B_PRIVATE`.
    private: Vec<u8>,
}

impl Sealed {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        tlv::push(&mut out, TAG_FORMAT, FORMAT);
        tlv::push(&mut out, TAG_POLICY, &self.policy);
        tlv::push(&mut out, TAG_PUBLIC, &self.public);
        tlv::push(&mut out, TAG_PRIVATE, &self.private);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let known = [TAG_FORMAT, TAG_POLICY, TAG_PUBLIC, TAG_PRIVATE];
        let sections = tlv::parse(bytes, &known).ok()?;
        let [format, policy, public, private] = sections.as_slice() else { return None };
        (format.bytes == FORMAT).then(|| Self {
            policy: policy.bytes.to_vec(),
            public: public.bytes.to_vec(),
            private: private.bytes.to_vec(),
        })
    }
}
