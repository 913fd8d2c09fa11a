use std::{
    io,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sealwork_platform::KernelFiles;
use tss_esapi::{
    Context, TctiNameConf,
    attributes::SessionAttributesBuilder,
    constants::{CapabilityType, SessionType},
    handles::{KeyHandle, ObjectHandle, SessionHandle},
    interface_types::{
        algorithm::HashingAlgorithm, resource_handles::Hierarchy, session_handles::AuthSession,
    },
    structures::{Auth, CapabilityData, Public, SymmetricDefinition},
};

use super::{TpmAuth, TpmError, TpmSettings, TpmTask};

const EBUSY: i32 = 16;

/// A connection to a TPM. One command runs at a time.
pub struct Tpm(Mutex<Context>);

impl std::fmt::Debug for Tpm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tpm(..)")
    }
}

impl Tpm {
    /// Connects.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn connect(settings: &TpmSettings, files: &dyn KernelFiles) -> Result<Self, TpmError> {
        let address = &settings.address;
        if let Some(device) = address.strip_prefix("device:") {
            check_device(device, files)?;
        }
        let conf = TctiNameConf::from_str(address)
            .map_err(|_| TpmError::Address(address.escape_debug().to_string()))?;
        let unreachable = |source| TpmError::Unreachable { address: address.clone(), source };
        let mut context = Context::new(conf).map_err(unreachable)?;
        for (hierarchy, auth) in [
            (ObjectHandle::Owner, &settings.owner),
            (ObjectHandle::Endorsement, &settings.endorsement),
        ] {
            auth_value(auth)
                .and_then(|auth| context.tr_set_auth(hierarchy, auth))
                .map_err(TpmError::of(TpmTask::Ask))?;
        }
        Ok(Self(Mutex::new(context)))
    }

    /// The connection, for a few commands.
    pub(super) fn context(&self) -> MutexGuard<'_, Context> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn auth_value(auth: &TpmAuth) -> Result<Auth, tss_esapi::Error> {
    Auth::try_from(auth.expose())
}

/// The TSS says only that it failed; this says why.
fn check_device(device: &str, files: &dyn KernelFiles) -> Result<(), TpmError> {
    let device_name = || device.to_owned();
    if !files.exists(device) {
        return Err(TpmError::Missing(device_name()));
    }
    match files.read(device, 0) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(TpmError::Denied(device_name()))
        }
        Err(error) if error.raw_os_error() == Some(EBUSY) => Err(TpmError::InUse(device_name())),
        // What else is wrong, the TSS finds.
        _ => Ok(()),
    }
}

/// Makes a primary key, hands it to `work`, and takes it out of the TPM again.
pub(super) fn with_primary<T>(
    context: &mut Context,
    hierarchy: Hierarchy,
    template: Public,
    task: TpmTask,
    work: impl FnOnce(&mut Context, KeyHandle) -> Result<T, TpmError>,
) -> Result<T, TpmError> {
    let key = make_primary(context, hierarchy, template, task)?.0;
    flushed(context, key.into(), |context| work(context, key))
}

/// Makes a primary key, which stays in the TPM until the connection ends.
pub(super) fn make_primary(
    context: &mut Context,
    hierarchy: Hierarchy,
    template: Public,
    task: TpmTask,
) -> Result<(KeyHandle, Public), TpmError> {
    context
        .execute_with_nullauth_session(|context| {
            context.create_primary(hierarchy, template, None, None, None, None)
        })
        .map(|made| (made.key_handle, made.out_public))
        .map_err(TpmError::of(task))
}

/// Starts a session whose parameters travel encrypted, under a key that only the TPM that holds
/// `salt` can find out, and ends it after `work`.
pub(super) fn with_session<T>(
    context: &mut Context,
    kind: SessionType,
    salt: Option<KeyHandle>,
    task: TpmTask,
    work: impl FnOnce(&mut Context, AuthSession) -> Result<T, TpmError>,
) -> Result<T, TpmError> {
    let failed = TpmError::of(task);
    let session = context
        .start_auth_session(
            salt,
            None,
            None,
            kind,
            SymmetricDefinition::AES_128_CFB,
            HashingAlgorithm::Sha256,
        )
        .map_err(failed)?
        .ok_or(TpmError::Full)?;
    flushed(context, SessionHandle::from(session).into(), |context| {
        // A trial has no parameters to hide.
        if kind != SessionType::Trial {
            let (attributes, mask) =
                SessionAttributesBuilder::new().with_decrypt(true).with_encrypt(true).build();
            context.tr_sess_set_attributes(session, attributes, mask).map_err(failed)?;
        }
        work(context, session)
    })
}

/// Runs `work`, then takes the object out of the TPM, whatever came of it.
pub(super) fn flushed<T>(
    context: &mut Context,
    object: ObjectHandle,
    work: impl FnOnce(&mut Context) -> Result<T, TpmError>,
) -> Result<T, TpmError> {
    let result = work(context);
    let flushed = context.flush_context(object).map_err(TpmError::of(TpmTask::Ask));
    result.and_then(|value| flushed.map(|()| value))
}

/// Whether the TPM has a non-volatile index. Asked like this, because reading one that is not
/// there makes the TSS complain on standard error.
pub(super) fn has_index(context: &mut Context, index: u32) -> Result<bool, TpmError> {
    let (found, _) = context
        .execute_without_session(|context| {
            context.get_capability(CapabilityType::Handles, index, 1)
        })
        .map_err(TpmError::of(TpmTask::Ask))?;
    let CapabilityData::Handles(handles) = found else { return Ok(false) };
    Ok(handles.into_inner().first().is_some_and(|handle| u32::from(*handle) == index))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that opens with this error, or not at all.
    #[derive(Debug)]
    struct Device(Option<i32>);

    impl KernelFiles for Device {
        fn exists(&self, _: &str) -> bool {
            self.0.is_some()
        }

        fn read(&self, _: &str, _: usize) -> io::Result<Vec<u8>> {
            Err(io::Error::from_raw_os_error(self.0.unwrap_or_default()))
        }

        fn write(&self, _: &str, _: &[u8]) -> io::Result<()> {
            unreachable!()
        }

        fn create_directory(&self, _: &str) -> io::Result<()> {
            unreachable!()
        }

        fn remove_directory(&self, _: &str) -> io::Result<()> {
            unreachable!()
        }
    }

    #[test]
    fn a_device_that_cannot_be_opened_is_told_by_code() {
        const EACCES: i32 = 13;
        for (error, code) in
            [(None, "tpm_missing"), (Some(EACCES), "tpm_denied"), (Some(EBUSY), "tpm_in_use")]
        {
            let settings = TpmSettings::default();
            assert_eq!(Tpm::connect(&settings, &Device(error)).unwrap_err().code(), code);
        }
    }
}
