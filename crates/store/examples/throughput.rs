//! Accepts and settles on a real disk, for measurement.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use std::{sync::Arc, time::Duration};
use bytes::Bytes;
use sealwork_job::*;
use sealwork_platform::{OsEntropy, RealDisk, SystemClock, Clock};
use sealwork_store::*;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

fn cpu() -> f64 {
    let d = RealDisk::open_root("/proc/self").unwrap();
    let s = String::from_utf8(sealwork_platform::Disk::read(&d, "stat").unwrap()).unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn io() -> String {
    let d = RealDisk::open_root("/proc/self").unwrap();
    String::from_utf8(sealwork_platform::Disk::read(&d, "io").unwrap()).unwrap().lines().find(|l| l.starts_with("write_bytes")).unwrap().to_owned()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (dir, conc, secs, rate): (&str, u64, u64, u64) = (&a[1], a[2].parse().unwrap(), a[3].parse().unwrap(), a[4].parse().unwrap());
    let disk = Arc::new(RealDisk::open_root(dir).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let t = tokio::time::Instant::now();
    let store = Store::open(disk, clock.clone(), &OsEntropy, &[7; 32], StoreOptions::default()).unwrap();
    println!("open {:?} {:?}", t.elapsed(), store.usage().unwrap());
    let done = Arc::new(AtomicU64::new(0));
    let lat = Arc::new(std::sync::Mutex::new(Vec::new()));
    let start = tokio::time::Instant::now();
    let end = start + Duration::from_secs(secs);
    let tidy = { let store = store.clone(); let clock = clock.clone(); tokio::spawn(async move { loop { store.evict(1000, Duration::from_secs(600), clock.now()).await.unwrap(); tokio::time::sleep(Duration::from_millis(5)).await; } }) };
    let c0 = cpu();
    let mut hs = Vec::new();
    for w in 0..conc {
        let (store, done, clock, lat) = (store.clone(), done.clone(), clock.clone(), lat.clone());
        hs.push(tokio::spawn(async move {
            let body = Bytes::from(vec![3u8; 1536]);
            let mut next = start + Duration::from_nanos(w * 1_000_000_000 / rate);
            let gap = Duration::from_nanos(conc * 1_000_000_000 / rate);
            while tokio::time::Instant::now() < end {
                tokio::time::sleep_until(next).await;
                next += gap;
                let id = JobId::from_random((&OsEntropy as &dyn sealwork_platform::Entropy).array());
                let now = clock.now();
                let e = JournalEntry { id, origin: Origin::Http { requester: RequesterId::new("api-key", "alice") }, requester: RequesterId::new("api-key", "alice"), engine: "echo".into(), intake: Intake::Sealed, reply: Reply::Hpke, lane: None, rerun: Rerun::Idempotent, accepted_at: now, deadline: None, limits: Limits::default(), token_hash: Some([1; 32]), body: body.clone() };
                let r = ReplayEntry { scope: "x".into(), nonce: id.0.to_vec(), until: now.plus(Duration::from_secs(600)) };
                let t = tokio::time::Instant::now();
                store.accept(e, Some(r)).await.unwrap();
                let t1 = t.elapsed();
                let b = body.clone();
                store.settle(id, move |h| Settlement { code: "ok".into(), settled_at: now, response: b.clone(), receipt: "r".repeat(900), receipt_digest: Digest([h.next_sequence as u8; 32]), outbox: None }).await.unwrap();
                store.mark_delivered(id);
                lat.lock().unwrap().push((t1, t.elapsed()));
                done.fetch_add(1, Relaxed);
            }
        }));
    }
    for h in hs { h.await.unwrap(); }
    tidy.abort();
    let secs = start.elapsed().as_secs_f64();
    let n = done.load(Relaxed);
    let mut l = lat.lock().unwrap().clone(); l.sort_by_key(|x| x.1);
    println!("{:.0} jobs/s ({:.0} ops/s), cpu {:.0}% of one core, p50 {:?} p99 {:?}, {}", n as f64 / secs, 2.0 * n as f64 / secs, (cpu() - c0) / secs * 100.0, l[l.len()/2], l[l.len()*99/100], io());
    println!("{:?}", store.usage().unwrap());
    let t = tokio::time::Instant::now();
    store.close().await;
    println!("close {:?}", t.elapsed());
}
