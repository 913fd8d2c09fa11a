use std::{
    fmt::Write as _,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::counter;

/// Bytes that wait to be written; what comes above that is dropped.
const CAPACITY: usize = 1024 * 1024;
/// Lines gather for so long before they are written together.
const GATHER: Duration = Duration::from_millis(5);

/// How long the last lines may take: an output that hangs must not keep the process from its end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Writes lines on a thread of its own, so that no request waits for the output.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    filled: Condvar,
    ended: Condvar,
}

#[derive(Default)]
struct Buffer {
    lines: String,
    dropped: u64,
    closed: bool,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    pub(super) fn start(out: Box<dyn io::Write + Send>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            write_all(&theirs, out);
            theirs.lock().ended = true;
            theirs.ended.notify_one();
        })?;
        Ok(Self { shared })
    }

    /// Appends what `render` renders, or drops it when too much waits already.
    pub(super) fn append(&self, render: impl FnOnce(&mut String)) {
        let mut buffer = self.shared.lock();
        if buffer.lines.len() >= CAPACITY {
            buffer.dropped += 1;
            return;
        }
        let was_empty = buffer.lines.is_empty();
        render(&mut buffer.lines);
        drop(buffer);
        // Waking the thread costs more than the line: it is asleep only while nothing waits.
        if was_empty {
            self.shared.filled.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut buffer = self.shared.lock();
        buffer.closed = true;
        self.shared.filled.notify_one();
        let goes_on = |buffer: &mut Buffer| !buffer.ended;
        // What has not been written by then is lost with the process.
        let _ = self.shared.ended.wait_timeout_while(buffer, FAREWELL, goes_on);
    }
}

fn write_all(shared: &Shared, mut out: Box<dyn io::Write + Send>) {
    let mut lines = String::with_capacity(64 * 1024);
    loop {
        let buffer = shared
            .filled
            .wait_while(shared.lock(), |buffer| buffer.lines.is_empty() && !buffer.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if !buffer.closed {
            drop(buffer);
            std::thread::sleep(GATHER);
        } else {
            drop(buffer);
        }
        let mut buffer = shared.lock();
        std::mem::swap(&mut buffer.lines, &mut lines);
        let (dropped, closed) = (std::mem::take(&mut buffer.dropped), buffer.closed);
        drop(buffer);
        if dropped > 0 {
            counter!("sealwork_access_log_dropped_total").increment(dropped);
            let _ = writeln!(lines, "{{\"access_log_lines_dropped\":{dropped}}}");
        }
        // A log that cannot be written must not stop the worker.
        let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        lines.clear();
        if closed && shared.lock().lines.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that blocks until it is let go, and passes on what it gets.
    struct Gate {
        open: mpsc::Receiver<()>,
        got: mpsc::Sender<String>,
    }

    impl io::Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.open.recv();
            let _ = self.got.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Writer, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (open, wait) = mpsc::channel();
        let (got, output) = mpsc::channel();
        (Writer::start(Box::new(Gate { open: wait, got })).unwrap(), open, output)
    }

    #[test]
    fn lines_that_wait_are_written_when_the_log_closes() {
        let (writer, open, output) = gated();
        writer.append(|out| out.push_str("one\n"));
        writer.append(|out| out.push_str("two\n"));
        drop(open);
        drop(writer);
        assert_eq!(output.iter().collect::<String>(), "one\ntwo\n");
    }

    #[test]
    fn an_output_that_hangs_does_not_keep_the_log_from_closing() {
        let (writer, open, output) = gated();
        writer.append(|out| out.push_str("one\n"));
        let (closed, told) = mpsc::channel();
        std::thread::spawn(move || {
            drop(writer);
            closed.send(()).unwrap();
        });
        told.recv_timeout(10 * FAREWELL).expect("the log closes");
        drop(open);
        assert_eq!(output.recv().unwrap(), "one\n");
    }

    #[test]
    fn an_output_that_hangs_blocks_nobody_and_the_loss_is_told() {
        let (writer, open, output) = gated();
        let line = "x".repeat(1023) + "\n";
        for _ in 0..4096 {
            writer.append(|out| out.push_str(&line));
        }
        drop(open);
        drop(writer);
        let all: String = output.iter().collect();
        assert!(all.len() < 2 * CAPACITY + 200, "{}", all.len());
        let told = all.lines().filter_map(|l| l.strip_prefix("{\"access_log_lines_dropped\":"));
        let dropped: usize = told.map(|n| n.trim_end_matches('}').parse::<usize>().unwrap()).sum();
        assert_eq!(dropped + all.lines().filter(|l| l.starts_with('x')).count(), 4096);
    }
}
