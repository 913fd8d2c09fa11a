//! Envelope keys: random per epoch, wrapped on disk, offered for an epoch, kept for the lifetime
//! of the envelopes sealed to them, then overwritten and removed.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use sealwork_job::{Code, Digest, Failure, InstanceId, Timestamp, WorkerId};
use sealwork_platform::{Disk, Entropy, EntropyRng, RootSecret};
use sealwork_seal::{
    EnvelopeKeyPair, Header, KeyConfig, KeyConfigParams, KeyId, OpenLimits, Opened,
    PublicEnvelopeKey, ReceiptKey, Suite,
    derive::{Purpose, derive_key},
    open_request,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{StartError, WorkerConfig};

const DIRECTORY: &str = "keys";
/// Longer than an admission takes: a key outlives the last envelope that it may open by this.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// The worker's envelope keys and its receipt key.
pub(crate) struct Keyring {
    disk: Arc<dyn Disk>,
    entropy: Arc<dyn Entropy>,
    wrap_key: Zeroizing<[u8; 32]>,
    receipt_key: ReceiptKey,
    worker: WorkerId,
    settings: Settings,
    state: RwLock<State>,
}

struct Settings {
    instance: InstanceId,
    epoch: Duration,
    /// How long after its epoch a key still opens envelopes.
    grace: Duration,
    max_lifetime: Duration,
    max_envelope_bytes: usize,
    isolation: String,
    config_digest: Digest,
    evidence: &'static str,
}

/// What is offered to requesters, and what receipts cite.
#[derive(Clone)]
pub(crate) struct Offered {
    pub(crate) config: Arc<KeyConfig>,
    /// Of the config.
    pub(crate) digest: Digest,
    /// Digest of the archived evidence about it.
    pub(crate) evidence: Option<Digest>,
}

struct State {
    /// Newest first.
    epochs: Vec<Epoch>,
    /// Until when the published keys are offered, Unix seconds.
    current_until: u64,
    offered: Offered,
}

struct Epoch {
    record: Record,
    pairs: Vec<EnvelopeKeyPair>,
}

/// What is on disk of an epoch, as JSON in `keys/epoch-N`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    number: u64,
    starts: Timestamp,
    offered_until: Timestamp,
    /// One wrapped key pair per suite, hex.
    wrapped: Vec<String>,
    /// Digest of the one key config that offers these keys.
    config: Digest,
}

impl Keyring {
    /// Reads the epochs from disk. Nothing is offered before [`Self::publish`].
    pub(crate) fn load(
        disk: Arc<dyn Disk>,
        entropy: Arc<dyn Entropy>,
        root: &RootSecret,
        instance: InstanceId,
        config: &WorkerConfig,
    ) -> Result<Self, StartError> {
        let receipt_key =
            ReceiptKey::from_seed(&derive_key(root.expose(), Purpose::ReceiptEd25519, b""));
        let worker = receipt_key.public().worker_id();
        let wrap_key = derive_key(root.expose(), Purpose::EnvelopeWrap, b"");
        let mut epochs = Vec::new();
        for number in numbers(&*disk)? {
            match read_epoch(&*disk, &wrap_key, number)? {
                Some(epoch) => epochs.push(epoch),
                // Its erasure was interrupted between overwriting and removing.
                None => disk.remove(&path(number)).map_err(StartError::keys)?,
            }
        }
        epochs.sort_by_key(|epoch| std::cmp::Reverse(epoch.record.number));
        let settings = Settings {
            instance,
            epoch: config.key_epoch,
            grace: config.max_lifetime + config.clock_skew,
            max_lifetime: config.max_lifetime,
            max_envelope_bytes: config.max_envelope_bytes,
            isolation: config.isolation.clone(),
            config_digest: config.config_digest,
            evidence: config.attestation.as_ref().map_or("none", |a| a.attester.kind().as_str()),
        };
        // Never seen outside: the one with keys is published before the worker has started.
        let without_keys = sign_config(&receipt_key, worker, &settings, Vec::new());
        Ok(Self {
            disk,
            entropy,
            wrap_key,
            receipt_key,
            worker,
            settings,
            state: RwLock::new(State {
                epochs,
                current_until: 0,
                offered: Offered::new(without_keys, None),
            }),
        })
    }

    /// Who this worker is: the digest of its receipt key.
    pub(crate) fn worker(&self) -> WorkerId {
        self.worker
    }

    pub(crate) fn receipt_key(&self) -> &ReceiptKey {
        &self.receipt_key
    }

    /// The public keys as requesters get them.
    pub(crate) fn offered(&self) -> Offered {
        self.read().offered.clone()
    }

    /// Whether new envelopes may still be sealed to a key. Jobs that were accepted open for longer.
    pub(crate) fn accepts(&self, key: KeyId, now: Timestamp) -> bool {
        self.read().epochs.iter().any(|epoch| {
            epoch.pairs.iter().any(|pair| pair.id() == key)
                && now <= epoch.record.offered_until.plus(self.settings.grace)
        })
    }

    /// Opens a request envelope with the key that its header names.
    pub(crate) fn open(&self, header: &Header, envelope: &[u8]) -> Result<Opened, Failure> {
        let state = self.read();
        let (epoch, pair) = state
            .epochs
            .iter()
            .find_map(|epoch| {
                let pair = epoch.pairs.iter().find(|pair| pair.id() == header.key_id)?;
                Some((epoch, pair))
            })
            .ok_or_else(|| {
                Failure::new(Code::KeyUnknown, "the key that the envelope names is not known here")
            })?;
        if pair.suite() != header.suite {
            return Err(Failure::new(
                Code::EnvelopeSuite,
                "the key that the envelope names belongs to another suite",
            ));
        }
        let limits = OpenLimits { max_envelope_bytes: self.settings.max_envelope_bytes };
        Ok(open_request(pair, &epoch.record.config, envelope, &limits)?)
    }

    /// Whether the offered keys have run out.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.read().current_until <= now.as_secs()
    }

    /// Erases epochs whose envelopes have all expired and of which `in_use` knows no unsettled job.
    pub(crate) fn erase_expired(
        &self,
        now: Timestamp,
        in_use: impl Fn(KeyId) -> bool,
    ) -> Result<(), StartError> {
        let expired: Vec<u64> = self
            .read()
            .epochs
            .iter()
            .filter(|epoch| epoch.record.offered_until.plus(self.settings.grace + IN_FLIGHT) < now)
            .filter(|epoch| !epoch.pairs.iter().any(|pair| in_use(pair.id())))
            .map(|epoch| epoch.record.number)
            .collect();
        for number in expired {
            self.erase(number)?;
        }
        Ok(())
    }

    /// The key config to offer next: of the epoch for which this configuration would publish the
    /// same again, of a new one when there is none. Keys are offered by one key config only: a
    /// changed configuration brings keys of its own, and the older ones open what was sealed to
    /// them.
    pub(crate) fn next(&self, now: Timestamp) -> Result<KeyConfig, StartError> {
        if let Some(config) = self.standing(now) {
            return Ok(config);
        }
        let number = self.read().epochs.first().map_or(0, |epoch| epoch.record.number) + 1;
        let (epoch, config) = self.generate(number, now);
        // On disk before it is offered: what is sealed to it opens after a restart.
        let json = serde_json::to_vec(&epoch.record).map_err(StartError::encoding)?;
        self.disk.write_atomic(&path(number), &json).map_err(StartError::keys)?;
        self.write().epochs.insert(0, epoch);
        Ok(config)
    }

    /// The key config of an epoch that is not over and was begun under this configuration.
    fn standing(&self, now: Timestamp) -> Option<KeyConfig> {
        let state = self.read();
        let offered = state.epochs.iter().filter(|epoch| epoch.record.offered_until > now);
        let mut configs = offered.map(|epoch| {
            let config = self.sign(&epoch.record, &epoch.pairs);
            (config.digest() == epoch.record.config).then_some(config)
        });
        configs.find_map(|config| config)
    }

    /// Offers a key config; its evidence, where there is some, is archived.
    pub(crate) fn publish(&self, config: KeyConfig, evidence: Option<Digest>) {
        let mut state = self.write();
        state.current_until = config.keys.iter().map(|key| key.not_after).min().unwrap_or(0);
        state.offered = Offered::new(config, evidence);
    }

    fn generate(&self, number: u64, now: Timestamp) -> (Epoch, KeyConfig) {
        let mut random = EntropyRng(&*self.entropy);
        let pairs: Vec<_> = [Suite::XWing, Suite::X25519]
            .into_iter()
            .map(|suite| EnvelopeKeyPair::generate(suite, &mut random))
            .collect();
        let wrapped =
            pairs.iter().map(|pair| hex::encode(pair.wrap(&self.wrap_key, &mut random))).collect();
        let mut record = Record {
            number,
            starts: now,
            offered_until: now.plus(self.settings.epoch),
            wrapped,
            config: Digest([0; 32]),
        };
        let config = self.sign(&record, &pairs);
        record.config = config.digest();
        (Epoch { record, pairs }, config)
    }

    fn sign(&self, record: &Record, pairs: &[EnvelopeKeyPair]) -> KeyConfig {
        let keys = pairs.iter().map(|pair| PublicEnvelopeKey {
            not_before: record.starts.as_secs(),
            not_after: record.offered_until.as_secs(),
            ..pair.public()
        });
        sign_config(&self.receipt_key, self.worker, &self.settings, keys.collect())
    }

    fn erase(&self, number: u64) -> Result<(), StartError> {
        erase_file(&*self.disk, number)?;
        self.write().epochs.retain(|epoch| epoch.record.number != number);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offered {
    fn new(config: KeyConfig, evidence: Option<Digest>) -> Self {
        Self { digest: config.digest(), config: Arc::new(config), evidence }
    }
}

/// Erases the keys of a worker that is not running.
pub(crate) fn erase_all(disk: &dyn Disk) -> Result<(), StartError> {
    numbers(disk)?.into_iter().try_for_each(|number| erase_file(disk, number))
}

/// The epochs that have a file.
fn numbers(disk: &dyn Disk) -> Result<Vec<u64>, StartError> {
    let names = disk.list(DIRECTORY).map_err(StartError::keys)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix("epoch-")?.parse().ok()).collect())
}

/// Overwrites an epoch's file before it is removed: an unlinked file's blocks stay on disk.
fn erase_file(disk: &dyn Disk, number: u64) -> Result<(), StartError> {
    {
        let file = disk.open(&path(number)).map_err(StartError::keys)?;
        let len = file.len().map_err(StartError::keys)?;
        let zeros = vec![0; usize::try_from(len).unwrap_or(0)];
        file.write_all_at(0, &zeros).map_err(StartError::keys)?;
        file.sync().map_err(StartError::keys)?;
    }
    disk.remove(&path(number)).map_err(StartError::keys)?;
    disk.sync_directory(DIRECTORY).map_err(StartError::keys)
}

fn path(number: u64) -> String {
    format!("{DIRECTORY}/epoch-{number}")
}

/// `None` when nothing but zeros is left of it.
fn read_epoch(
    disk: &dyn Disk,
    wrap_key: &[u8; 32],
    number: u64,
) -> Result<Option<Epoch>, StartError> {
    let damaged = || StartError::DamagedKeys(path(number));
    let json = disk.read(&path(number)).map_err(StartError::keys)?;
    if json.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let record: Record = serde_json::from_slice(&json).map_err(|_| damaged())?;
    let pairs = record
        .wrapped
        .iter()
        .map(|wrapped| {
            let bytes = hex::decode(wrapped).map_err(|_| damaged())?;
            EnvelopeKeyPair::unwrap(wrap_key, &bytes).map_err(|_| damaged())
        })
        .collect::<Result<Vec<_>, _>>()?;
    if record.number != number {
        return Err(damaged());
    }
    Ok(Some(Epoch { record, pairs }))
}

fn sign_config(
    receipt_key: &ReceiptKey,
    worker: WorkerId,
    settings: &Settings,
    keys: Vec<PublicEnvelopeKey>,
) -> KeyConfig {
    KeyConfig::sign(
        receipt_key,
        KeyConfigParams {
            worker,
            instance: settings.instance,
            max_lifetime_secs: settings.max_lifetime.as_secs(),
            max_envelope_bytes: settings.max_envelope_bytes as u64,
            isolation: settings.isolation.clone(),
            config_digest: settings.config_digest,
            evidence: settings.evidence.to_owned(),
            keys,
        },
    )
}
