//! Templates of the keys. All are primary keys: the same each time they are made, so that nothing
//! about them has to be kept.

use tss_esapi::{
    attributes::ObjectAttributesBuilder,
    interface_types::{
        algorithm::{HashingAlgorithm, PublicAlgorithm},
        ecc::EccCurve,
    },
    structures::{
        Digest, EccParameter, EccPoint, EccScheme, HashScheme, KeyDerivationFunctionScheme,
        KeyedHashScheme, Public, PublicBuilder, PublicEccParametersBuilder,
        PublicKeyedHashParameters, SymmetricDefinitionObject,
    },
};

/// Keeps this worker's attestation key apart from others of the same shape.
const ATTESTATION_KEY_LABEL: &[u8] = b"sealwork attestation key v1";

/// The attestation key: ECDSA on P-256, restricted to what the TPM says itself, in the endorsement
/// hierarchy. It survives `TPM2_Clear`.
pub(super) fn attestation_key() -> tss_esapi::Result<Public> {
    let attributes = own_key()
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_sign_encrypt(true)
        .build()?;
    let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
    let parameters = PublicEccParametersBuilder::new()
        .with_symmetric(SymmetricDefinitionObject::Null)
        .with_ecc_scheme(scheme)
        .with_curve(EccCurve::NistP256)
        .with_key_derivation_function_scheme(KeyDerivationFunctionScheme::Null)
        .with_is_signing_key(true)
        .with_is_decryption_key(false)
        .with_restricted(true)
        .build()?;
    let label = EccParameter::try_from(ATTESTATION_KEY_LABEL)?;
    ecc(attributes, Digest::default(), parameters, EccPoint::new(label, EccParameter::default()))
}

/// A key to store others under, in the owner hierarchy, for one who satisfies `policy`; for anyone
/// where there is none.
///
/// What hangs below a key with a policy was put there by one who satisfied it: a secret that
/// somebody else has sealed, and therefore knows, cannot be slipped in.
pub(super) fn storage_key(policy: Option<Digest>) -> tss_esapi::Result<Public> {
    let attributes = own_key()
        .with_user_with_auth(policy.is_none())
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let parameters = PublicEccParametersBuilder::new_restricted_decryption_key(
        SymmetricDefinitionObject::AES_128_CFB,
        EccCurve::NistP256,
    )
    .build()?;
    ecc(attributes, policy.unwrap_or_default(), parameters, EccPoint::default())
}

/// Sealed data that only one who satisfies `policy` gets out.
pub(super) fn sealed_data(policy: Digest) -> tss_esapi::Result<Public> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_no_da(true)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_auth_policy(policy)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(Digest::default())
        .build()
}

/// Born in this TPM, and not to leave it.
fn own_key() -> ObjectAttributesBuilder {
    ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
}

fn ecc(
    attributes: tss_esapi::attributes::ObjectAttributes,
    policy: Digest,
    parameters: tss_esapi::structures::PublicEccParameters,
    unique: EccPoint,
) -> tss_esapi::Result<Public> {
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_auth_policy(policy)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(unique)
        .build()
}
