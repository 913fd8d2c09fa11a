//! The endorsement key: who this TPM is (TCG EK Credential Profile for TPM 2.0).

use tss_esapi::{
    Context,
    abstraction::{AsymmetricAlgorithmSelection, DefaultKey, ek, nv},
    constants::SessionType,
    handles::{AuthHandle, KeyHandle, NvIndexTpmHandle, TpmHandle},
    interface_types::{
        ecc::EccCurve,
        key_bits::RsaKeyBits,
        resource_handles::{Hierarchy, NvAuth},
        session_handles::{AuthSession, PolicySession},
    },
    structures::{Digest, EncryptedSecret, IdObject, Nonce},
    traits::Marshall,
};
use zeroize::Zeroizing;

use super::{
    TpmError, TpmTask,
    connection::{has_index, make_primary, with_primary, with_session},
};

/// Where makers put certificates of the keys that are supported here (the profile's section 2.2.1.4).
const RSA_CERTIFICATE: u32 = 0x01c0_0002;
const ECC_CERTIFICATE: u32 = 0x01c0_000a;
/// Where they put the certificates above them (2.2.1.5.2).
const CHAIN: std::ops::RangeInclusive<u32> = 0x01c0_0100..=0x01c0_01ff;

/// An endorsement key, as its TPM gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    /// `TPMT_PUBLIC`.
    pub public_area: Vec<u8>,
    /// Its certificates, leaf first, DER; none where the maker gave none.
    pub certificates: Vec<Vec<u8>>,
}

/// Which key: the one that has a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa2048,
    P256,
}

impl Kind {
    fn selection(self) -> AsymmetricAlgorithmSelection {
        match self {
            Self::Rsa2048 => AsymmetricAlgorithmSelection::Rsa(RsaKeyBits::Rsa2048),
            Self::P256 => AsymmetricAlgorithmSelection::Ecc(EccCurve::NistP256),
        }
    }
}

/// The key's kind and certificates.
pub(super) fn certificates(context: &mut Context) -> Result<(Kind, Vec<Vec<u8>>), TpmError> {
    for (kind, index) in [(Kind::Rsa2048, RSA_CERTIFICATE), (Kind::P256, ECC_CERTIFICATE)] {
        if has_index(context, index)? {
            let mut certificates = split(&read(context, index)?);
            // Behind the certificate there may be padding.
            certificates.truncate(1);
            if certificates.is_empty() {
                continue;
            }
            let mut chain = Vec::new();
            for index in CHAIN {
                if !has_index(context, index)? {
                    break;
                }
                chain.extend_from_slice(&read(context, index)?);
            }
            certificates.extend(split(&chain));
            return Ok((kind, certificates));
        }
    }
    Ok((Kind::P256, Vec::new()))
}

fn read(context: &mut Context, index: u32) -> Result<Vec<u8>, TpmError> {
    let failed = TpmError::of(TpmTask::ReadCertificates);
    let index = NvIndexTpmHandle::new(index).map_err(failed)?;
    let handle = context
        .execute_without_session(|context| context.tr_from_tpm_public(TpmHandle::NvIndex(index)))
        .map_err(failed)?;
    context
        .execute_with_session(Some(AuthSession::Password), |context| {
            nv::read_full(context, NvAuth::NvIndex(handle.into()), index)
        })
        .map_err(failed)
}

/// DER values, one behind the other, as far as there are some.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    while let Some((value, rest)) = first_sequence(bytes) {
        values.push(value.to_vec());
        bytes = rest;
    }
    values
}

/// A SEQUENCE of more than 127 bytes, as each certificate is one.
fn first_sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = match bytes {
        [0x30, 0x81, len, ..] => 3 + usize::from(*len),
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return None,
    };
    bytes.split_at_checked(len)
}

/// The key's public area.
pub(super) fn public_area(context: &mut Context, kind: Kind) -> Result<Vec<u8>, TpmError> {
    let failed = TpmError::of(TpmTask::MakeIdentity);
    let template = ek::create_ek_public_from_default_template_2(kind.selection(), DefaultKey)
        .map_err(failed)?;
    let hierarchy = Hierarchy::Endorsement;
    let (key, public) = make_primary(context, hierarchy, template, TpmTask::MakeIdentity)?;
    context.flush_context(key.into()).map_err(failed)?;
    public.marshall().map_err(failed)
}

/// Opens a credential that was made for the endorsement key and for the name of `key`.
pub(super) fn activate(
    context: &mut Context,
    kind: Kind,
    key: KeyHandle,
    credential_blob: &[u8],
    encrypted_secret: &[u8],
) -> Result<Zeroizing<Vec<u8>>, TpmError> {
    let task = TpmTask::Activate;
    let failed = TpmError::of(task);
    let content = |sized: &[u8]| -> Result<Vec<u8>, TpmError> {
        let (len, content) = sized.split_first_chunk().ok_or(TpmError::Credential)?;
        let fits = content.len() == usize::from(u16::from_be_bytes(*len));
        fits.then(|| content.to_vec()).ok_or(TpmError::Credential)
    };
    let blob = IdObject::try_from(content(credential_blob)?).map_err(|_| TpmError::Credential)?;
    let secret =
        EncryptedSecret::try_from(content(encrypted_secret)?).map_err(|_| TpmError::Credential)?;
    let template = ek::create_ek_public_from_default_template_2(kind.selection(), DefaultKey)
        .map_err(failed)?;
    with_primary(context, Hierarchy::Endorsement, template, task, |context, endorsement_key| {
        with_session(context, SessionType::Policy, None, task, |context, session| {
            let policy = PolicySession::try_from(session).map_err(failed)?;
            // The template's policy: whoever has the endorsement hierarchy's authorisation.
            context
                .execute_with_session(Some(AuthSession::Password), |context| {
                    context.policy_secret(
                        policy,
                        AuthHandle::Endorsement,
                        Nonce::default(),
                        Digest::default(),
                        Nonce::default(),
                        None,
                    )
                })
                .map_err(failed)?;
            let sessions = (Some(AuthSession::Password), Some(session), None);
            context
                .execute_with_sessions(sessions, |context| {
                    context.activate_credential(key, endorsement_key, blob, secret)
                })
                .map(|opened| Zeroizing::new(opened.value().to_vec()))
                .map_err(failed)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_taken_apart_and_padding_is_left() {
        let short = [&[0x30, 0x81, 2][..], &[1, 2]].concat();
        let long = [&[0x30, 0x82, 1, 0][..], &[7; 256]].concat();
        let both = [&long[..], &short, &[0xff; 9]].concat();
        assert_eq!(split(&both), [long.clone(), short]);
        assert_eq!(split(&[0; 40]), [[0_u8; 0]; 0]);
        assert_eq!(split(&long[..100]), [[0_u8; 0]; 0]);
    }
}
