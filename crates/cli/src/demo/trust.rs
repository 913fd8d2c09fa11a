//! Whom the demo trusts, and why nobody else should.

use sealwork_client::{Attestation, Client};
use sealwork_platform::{Clock, SystemClock};
use sealwork_verify::{Endorsements, Policy, inspect, verify_worker};

use super::SIMULATION;
use crate::{
    exit::CliError,
    ui::{Style, Ui},
    verdict,
};

/// Said before and after the demo.
pub(super) const WARNING: &str = if SIMULATION {
    "SIMULATION: the evidence of this demo proves nothing; whoever reads Sealwork's source can make \
     it. Real jobs go to a worker on a TEE, under a policy of your own (docs/attestation.md)"
} else {
    "UNATTESTED: the demo's worker has no TEE; whoever runs it can read the jobs. Real jobs go to \
     a worker on a TEE, under a policy of your own (docs/attestation.md)"
};

/// A policy as policies are by default, in what it demands: a real platform that hides memory from
/// its host. Its reference value is of no image.
const DEFAULT: &str = r#"{"version": 1, "kinds": {"nitro": {"references": [{"values": {"pcr0":
    "010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
}}]}}}"#;

/// A client that trusts the demo's worker. Shows the worker, what the default says about it, and
/// that it has to be overruled by name.
pub(super) async fn client(url: &str, ui: &Ui) -> Result<Client, CliError> {
    ui.remark(ui.paint_remark(Style::Warning, WARNING));
    let note = |text: String| ui.remark(ui.paint_remark(Style::Faint, text));
    let builder = Client::builder(url)?;
    if !SIMULATION {
        let client = builder.unattested().build()?;
        note(format!("worker {} on {url}", client.key_config().await?.worker));
        return Ok(client);
    }
    let evidence = Client::builder(url)?.build()?.evidence().await?;
    let (config, document) = (&evidence.key_config, &evidence.document);
    note(format!("worker {} on {url}", config.worker));

    let own = Endorsements::default();
    let now = SystemClock::new().now();
    let strict = Policy::from_json(DEFAULT.as_bytes())
        .map_err(|e| CliError::local(format!("the default policy: {e}"), "report this"))?;
    let refused = verify_worker(config, document, &evidence.question, &own, &strict, now);
    note(
        "under a policy that demands what policies demand by default, this worker is rejected:"
            .to_owned(),
    );
    verdict::explained(refused.reasons()).into_iter().for_each(note);

    let claims = inspect(&document.evidence, &own, now).ok_or_else(|| {
        CliError::verification("the demo's evidence cannot be read", "report this")
    })?;
    let policy = Policy::from_claims(&claims);
    note(format!(
        "the demo goes on under a policy of class `{}` that names the simulation",
        policy.class.as_str()
    ));
    Ok(builder.attestation(Attestation::new(policy)).build()?)
}
