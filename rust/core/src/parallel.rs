//! Threads: the only module that imports rayon.
//!
//! Results never depend on the number of threads: parallel parts give whole-number counts, or one
//! value an index, collected in index order.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

thread_local! {
    /// True where work must stay on this thread (no pool was installed).
    static SERIAL: Cell<bool> = const { Cell::new(true) };
}

/// Elementary steps (voxels visited, table cells) below which a loop stays on one thread: waking a
/// pool costs about 20 microseconds, which is what 20,000 steps take.
pub const MIN_WORK: usize = 20_000;

/// Runs `f` with at most `threads` threads for everything parallel inside it.
///
/// `None` means `FERROMICS_NUM_THREADS`, else all cores. One pool a thread count is kept for the life of the process and built
/// anew after a fork, where its threads would be gone.
pub fn with_threads<R: Send>(threads: Option<usize>, f: impl FnOnce() -> R + Send) -> R {
    let threads = threads.unwrap_or_else(default_threads).max(1);
    if threads == 1 {
        let before = SERIAL.replace(true);
        let result = f();
        SERIAL.set(before);
        return result;
    }
    pool(threads).install(f)
}

/// Number of threads where the caller does not say: `FERROMICS_NUM_THREADS` if it is a positive
/// whole number, else the cores this process may use.
#[must_use]
pub fn default_threads() -> usize {
    let asked = std::env::var("FERROMICS_NUM_THREADS")
        .ok()
        .and_then(|n| n.trim().parse().ok());
    asked
        .filter(|&n| n > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    static POOLS: Mutex<Vec<(u32, usize, Arc<rayon::ThreadPool>)>> = Mutex::new(Vec::new());
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pid = std::process::id();
    if let Some((.., pool)) = pools.iter().find(|(p, n, _)| *p == pid && *n == threads) {
        return Arc::clone(pool);
    }
    // A pool of the parent process has no threads here; dropping it would wait for them for ever.
    for (_, _, stale) in pools.extract_if(.., |(p, ..)| *p != pid) {
        std::mem::forget(stale);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("ferromics-{i}"))
        .start_handler(|_| SERIAL.set(false))
        .build()
        .map(Arc::new)
        .expect("the system refuses to start threads");
    pools.push((pid, threads, Arc::clone(&pool)));
    pool
}

/// `f(0), f(1), ... f(n - 1)` in index order; on several threads if `work`, the number of
/// elementary steps of all of them together, is worth it.
pub fn map<R: Send>(n: usize, work: usize, f: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    if SERIAL.get() || n < 2 || work < MIN_WORK {
        (0..n).map(f).collect()
    } else {
        (0..n).into_par_iter().map(f).collect()
    }
}

/// Calls `f(i, chunk)` for consecutive chunks of `data` of length `size`, on several threads if
/// `work` is worth it.
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    size: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    if SERIAL.get() || work < MIN_WORK {
        data.chunks_mut(size).enumerate().for_each(|(i, c)| f(i, c));
    } else {
        data.par_chunks_mut(size)
            .enumerate()
            .for_each(|(i, c)| f(i, c));
    }
}

/// Number of threads that [`map`] may use here: 1 where the caller is not inside a pool.
#[must_use]
pub fn threads() -> usize {
    if SERIAL.get() {
        1
    } else {
        rayon::current_num_threads()
    }
}
