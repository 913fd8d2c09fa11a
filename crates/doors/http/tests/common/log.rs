use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

/// What the door has logged.
#[derive(Clone)]
pub struct Log(Arc<(Mutex<String>, watch::Sender<usize>)>);

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new((Mutex::default(), watch::Sender::new(0))))
    }
}

impl Log {
    /// Waits for `count` lines and returns them all.
    pub async fn lines(&self, count: usize) -> Vec<String> {
        let mut written = self.0.1.subscribe();
        written.wait_for(|lines| *lines >= count).await.unwrap();
        self.0.0.lock().unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.0.lock().unwrap();
        text.push_str(std::str::from_utf8(bytes).unwrap());
        self.0.1.send_replace(text.lines().count());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
