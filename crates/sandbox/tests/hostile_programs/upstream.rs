//! A network as bad as its programs.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_sandbox::Services;

pub(crate) struct Upstream;

#[async_trait]
impl Services for Upstream {
    async fn call(&self, request: Bytes) -> Bytes {
        let asks = |host: &str| {
            request[..request.len().min(400)]
                .windows(host.len())
                .any(|part| part == host.as_bytes())
        };
        if asks("silent.test") {
            std::future::pending::<()>().await;
        }
        if asks("slow.test") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if asks("garbage.test") {
            return Bytes::from_static(b"\x05\0\0\0{{{{{");
        }
        if asks("cut.test") {
            return Bytes::from_static(b"\xff\xff\xff\x7f{}");
        }
        let body = if asks("huge.test") { 16 << 20 } else { 5 };
        let head = br#"{"status":200,"status_text":"OK","url":"http://quick.test/","redirected":false,"headers":[]}"#;
        let mut answer = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
        answer.extend_from_slice(head);
        answer.resize(answer.len() + body, b'x');
        answer.into()
    }
}
