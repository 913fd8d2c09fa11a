use std::sync::OnceLock;

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{answers, documents, evidence, jobs, receipts};
use crate::door;

/// The description of `/v1` and `/metrics`, OpenAPI 3.1, as it is committed in
/// `docs/openapi.json`.
pub fn openapi_json() -> &'static str {
    static JSON: OnceLock<String> = OnceLock::new();
    // The description is made of texts: writing it cannot fail.
    JSON.get_or_init(|| Description::openapi().to_pretty_json().unwrap_or_default() + "\n")
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sealwork",
        description = "Sealed jobs in, sealed results and receipts out. Refusals are problem documents (RFC 9457) whose `code` is stable. Unknown query parameters and headers are ignored. Beside the answers listed, every route may answer 400 to a request that is none, 408 to one that arrives too slowly, 413 and 431 to one that is too large, 500 for a defect of the worker, and 503 while the worker is overloaded or does not come to an answer in time.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        jobs::submit,
        jobs::status,
        jobs::cancel,
        jobs::delete,
        jobs::result,
        receipts::of_job,
        receipts::list,
        receipts::by_number,
        answers::keys,
        evidence::current,
        evidence::archived,
        evidence::key_config,
        answers::capabilities,
        answers::openapi,
        door::metrics,
    ),
    components(schemas(documents::KeyDocument, documents::ReceiptKeyDocument)),
    tags(
        (name = "jobs", description = "The life of a job"),
        (name = "receipts", description = "What the worker has signed about settled jobs"),
        (name = "evidence", description = "What proves where the worker's keys live"),
        (name = "worker", description = "What the worker says about itself"),
    ),
    security(("bearer" = []), ("key" = [])),
    modifiers(&Keys),
)]
struct Description;

/// The two ways to send an API key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_with(Default::default);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    }
}
