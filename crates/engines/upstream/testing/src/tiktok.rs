use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{Ask, Reply, Service};

/// The source of transcripts: `POST /tiktok/api/tiktok-transcription`.
#[derive(Debug, Default)]
pub struct TiktokService {
    answer: Mutex<Option<Value>>,
}

impl TiktokService {
    /// What it answers from now on.
    pub fn set_answer(&self, answer: Value) {
        *self.answer.lock().unwrap() = Some(answer);
    }
}

#[async_trait]
impl Service for TiktokService {
    fn prefix(&self) -> &'static str {
        "/tiktok"
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        if ask.parts() != ["api", "tiktok-transcription"] || ask.method != "POST" {
            return Reply::json(&json!({"error": "no such page"})).status(404);
        }
        if ask.json()["url"].as_str().is_none_or(str::is_empty) {
            return Reply::json(&json!({"error": "Missing url"})).status(400);
        }
        let answer = self.answer.lock().unwrap().clone();
        Reply::json(&answer.unwrap_or_else(usual))
    }
}

fn usual() -> Value {
    json!({
        "videoTitle": "A goalkeeper's morning #training",
        "thumbnailUrl": "https://cdn.tiktok.example/thumbnail.jpg",
        "transcripts": {
            "eng-US": "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHello world\n\n\
                       00:00:02.000 --> 00:00:04.000\nsecond line\nthird line\n",
            "spa-ES": "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHola mundo\n",
        },
    })
}
