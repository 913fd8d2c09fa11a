use std::sync::Arc;

use sealwork_platform::{CounterError, MonotonicCounter};
use tss_esapi::{
    Context,
    attributes::{NvIndexAttributes, NvIndexAttributesBuilder},
    constants::{NvIndexType, SessionType},
    handles::{NvIndexHandle, NvIndexTpmHandle, TpmHandle},
    interface_types::{
        algorithm::HashingAlgorithm,
        resource_handles::{Hierarchy, NvAuth, Provision},
    },
    structures::NvPublicBuilder,
};

use super::{
    Tpm, TpmAuth, TpmError, TpmTask,
    connection::{auth_value, has_index, with_primary, with_session},
    keys,
};

/// The owner's part of the indices (TCG Registry of Reserved TPM 2.0 Handles, 2.2.2).
const OWNERS: std::ops::RangeInclusive<u32> = 0x0180_0000..=0x01bf_ffff;
const LEN: usize = 8;

/// A counter in a TPM's non-volatile memory.
///
/// Only who knows its authorisation can move it. Who owns the TPM can remove it, but not set it
/// back: a TPM starts each new counter above all that it ever had.
#[derive(Debug)]
pub struct TpmCounter {
    tpm: Arc<Tpm>,
    handle: NvIndexHandle,
    index: u32,
}

impl TpmCounter {
    /// Opens the counter at an index of the owner's range, and makes it where there is none.
    /// `authorisation` has to be a secret of the worker, 32 bytes.
    ///
    /// # Errors
    /// [`TpmError::ForeignCounter`] when there is something else; [`TpmError`].
    pub fn open(tpm: Arc<Tpm>, index: u32, authorisation: &TpmAuth) -> Result<Self, TpmError> {
        if !OWNERS.contains(&index) {
            return Err(TpmError::CounterIndex(index));
        }
        let mut context = tpm.context();
        let handle = if has_index(&mut context, index)? {
            find(&mut context, index)?
        } else {
            make(&mut context, index, authorisation)?
        };
        auth_value(authorisation)
            .and_then(|auth| context.tr_set_auth(handle.into(), auth))
            .map_err(TpmError::of(TpmTask::Count))?;
        drop(context);
        let counter = Self { tpm, handle, index };
        // A counter with another authorisation shows itself now.
        counter.value()?;
        Ok(counter)
    }

    fn value(&self) -> Result<Option<u64>, TpmError> {
        let mut context = self.tpm.context();
        let (public, _) = context
            .execute_without_session(|context| context.nv_read_public(self.handle))
            .map_err(|error| self.failed(error))?;
        if !is_ours(public.attributes()) {
            return Err(TpmError::ForeignCounter(self.index));
        }
        if !public.attributes().written() {
            return Ok(None);
        }
        self.read_with(&mut context).map(Some)
    }

    fn read_with(&self, context: &mut Context) -> Result<u64, TpmError> {
        let bytes = context
            .execute_with_nullauth_session(|context| {
                context.nv_read(NvAuth::NvIndex(self.handle), self.handle, LEN as u16, 0)
            })
            .map_err(|error| self.failed(error))?;
        let bytes = <[u8; LEN]>::try_from(bytes.value());
        bytes.map(u64::from_be_bytes).map_err(|_| TpmError::ForeignCounter(self.index))
    }

    fn add_one(&self) -> Result<u64, TpmError> {
        let mut context = self.tpm.context();
        context
            .execute_with_nullauth_session(|context| {
                context.nv_increment(NvAuth::NvIndex(self.handle), self.handle)
            })
            .map_err(|error| self.failed(error))?;
        self.read_with(&mut context)
    }

    /// Whoever replaced the counter did not know its authorisation.
    fn failed(&self, source: tss_esapi::Error) -> TpmError {
        match TpmError::of(TpmTask::Count)(source) {
            TpmError::Authorisation { .. } => TpmError::ForeignCounter(self.index),
            error => error,
        }
    }
}

impl MonotonicCounter for TpmCounter {
    fn read(&self) -> Result<Option<u64>, CounterError> {
        self.value().map_err(|error| CounterError(error.into()))
    }

    fn increment(&self) -> Result<u64, CounterError> {
        self.add_one().map_err(|error| CounterError(error.into()))
    }
}

/// A counter that is read and moved with its authorisation alone.
fn attributes() -> tss_esapi::Result<NvIndexAttributes> {
    NvIndexAttributesBuilder::new()
        .with_nv_index_type(NvIndexType::Counter)
        .with_auth_read(true)
        .with_auth_write(true)
        .with_no_da(true)
        .build()
}

fn is_ours(found: NvIndexAttributes) -> bool {
    let found = NvIndexAttributesBuilder::with_attributes(found).with_written(false).build();
    found.is_ok() && found.ok() == attributes().ok()
}

fn find(context: &mut Context, index: u32) -> Result<NvIndexHandle, TpmError> {
    let failed = TpmError::of(TpmTask::Count);
    let tpm_handle = NvIndexTpmHandle::new(index).map_err(failed)?;
    context
        .execute_without_session(|context| {
            context.tr_from_tpm_public(TpmHandle::NvIndex(tpm_handle))
        })
        .map(NvIndexHandle::from)
        .map_err(failed)
}

fn make(
    context: &mut Context,
    index: u32,
    authorisation: &TpmAuth,
) -> Result<NvIndexHandle, TpmError> {
    let task = TpmTask::MakeCounter;
    let failed = TpmError::of(task);
    let public = NvPublicBuilder::new()
        .with_nv_index(NvIndexTpmHandle::new(index).map_err(failed)?)
        .with_index_name_algorithm(HashingAlgorithm::Sha256)
        .with_index_attributes(attributes().map_err(failed)?)
        .with_data_area_size(LEN)
        .build()
        .map_err(failed)?;
    let auth = auth_value(authorisation).map_err(failed)?;
    // The authorisation travels once, encrypted under what only the TPM can find out.
    let template = keys::storage_key(None).map_err(failed)?;
    with_primary(context, Hierarchy::Owner, template, task, |context, salt| {
        with_session(context, SessionType::Hmac, Some(salt), task, |context, session| {
            context
                .execute_with_session(Some(session), |context| {
                    context.nv_define_space(Provision::Owner, Some(auth), public)
                })
                .map_err(failed)
        })
    })
}
