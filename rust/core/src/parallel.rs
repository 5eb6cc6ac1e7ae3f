//! Threads: the only module that imports rayon.
//!
//! Results never depend on the number of threads: parallel parts give whole-number counts, or one
//! value an index, collected in index order.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

thread_local! {
    /// True where work must stay on this thread (no pool was installed).
    static SERIAL: Cell<bool> = const { Cell::new(true) };
    /// The request to stop that work on this thread heeds.
    static STOP: RefCell<Stop> = const { RefCell::new(None) };
}

type Stop = Option<Arc<AtomicBool>>;

/// Elementary steps (voxels visited, table cells) below which a loop stays on one thread: waking a
/// pool costs about 20 microseconds, which is what 20,000 steps take.
pub const MIN_WORK: usize = 20_000;

/// Threads of a pool at most: more than machines have, few enough to be started in a second.
pub const MAX_THREADS: usize = 512;

/// Runs `f` with at most `threads` threads, and [`MAX_THREADS`], for everything parallel inside it.
///
/// `None` means `FERROMICS_NUM_THREADS`, else all cores. One pool a thread count is kept for the
/// life of the process and built anew after a fork, where its threads would be gone.
pub fn with_threads<R: Send>(threads: Option<usize>, f: impl FnOnce() -> R + Send) -> R {
    let threads = threads
        .unwrap_or_else(default_threads)
        .clamp(1, MAX_THREADS);
    if threads == 1 {
        let _before = Restore(SERIAL.replace(true));
        return f();
    }
    let stop = STOP.with_borrow(Stop::clone);
    pool(threads).install(|| {
        let _heeded = Heeded::new(stop);
        f()
    })
}

/// Sets [`SERIAL`] back when it goes out of scope, also by a panic.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        SERIAL.set(self.0);
    }
}

/// Runs `f` until it ends or `stop` is set: then the loops of this module inside it, on whatever
/// thread, end at their next step, and the result is `None`.
pub fn until<R>(stop: &Arc<AtomicBool>, f: impl FnOnce() -> R) -> Option<R> {
    let outcome = {
        let _heeded = Heeded::new(Some(Arc::clone(stop)));
        catch_unwind(AssertUnwindSafe(f))
    };
    match outcome {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Stopped>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// What unwinds the stack when a request to stop is heeded.
struct Stopped;

/// A request to stop in force on this thread, the one before it afterwards.
struct Heeded(Stop);

impl Heeded {
    fn new(stop: Stop) -> Self {
        Self(STOP.replace(stop))
    }
}

impl Drop for Heeded {
    fn drop(&mut self) {
        STOP.replace(self.0.take());
    }
}

/// Leaves the loop if a stop was asked for; for long loops that are not those of this module.
pub(crate) fn step() {
    let asked = |stop: &Stop| stop.as_ref().is_some_and(|s| s.load(Ordering::Relaxed));
    if STOP.with_borrow(asked) {
        resume_unwind(Box::new(Stopped)); // no panic message: nothing is wrong
    }
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
        let one = |i| {
            step();
            f(i)
        };
        (0..n).map(one).collect()
    } else {
        let stop = STOP.with_borrow(Stop::clone);
        let one = |i| {
            let _heeded = Heeded::new(stop.clone());
            step();
            f(i)
        };
        (0..n).into_par_iter().map(one).collect()
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
        for (i, chunk) in data.chunks_mut(size).enumerate() {
            step();
            f(i, chunk);
        }
    } else {
        let stop = STOP.with_borrow(Stop::clone);
        data.par_chunks_mut(size)
            .enumerate()
            .for_each(|(i, chunk)| {
                let _heeded = Heeded::new(stop.clone());
                step();
                f(i, chunk);
            });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_index_order() {
        let squares: Vec<usize> = (0..1000).map(|i| i * i).collect();
        for threads in [1, 2, 7] {
            let made = with_threads(Some(threads), || map(1000, usize::MAX, |i| i * i));
            assert_eq!(made, squares);
        }
    }

    #[test]
    fn a_stop_ends_nested_loops_on_every_thread_and_nothing_after() {
        for threads in [1, 2, 7] {
            let stop = Arc::new(AtomicBool::new(false));
            let out = until(&stop, || {
                with_threads(Some(threads), || {
                    map(64, usize::MAX, |i| {
                        if i == 3 {
                            stop.store(true, Ordering::Relaxed);
                        }
                        map(8, usize::MAX, |k| k).len()
                    })
                })
            });
            assert_eq!(out, None);
            let again = with_threads(Some(threads), || map(64, usize::MAX, |i| i).len());
            assert_eq!(again, 64);
        }
    }

    #[test]
    #[should_panic(expected = "a real one")]
    fn a_panic_stays_a_panic() {
        let stop = Arc::new(AtomicBool::new(false));
        until(&stop, || map(4, 0, |_| panic!("a real one")) as Vec<()>);
    }
}
