//! Loops on all threads, with rayon or without. No other module depends on the feature.

/// Calls `f` on every item, on all threads of the current pool.
#[cfg(feature = "rayon")]
pub(crate) fn for_each<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    use rayon::prelude::*;
    items.par_iter_mut().enumerate().for_each(|(index, item)| f(index, item));
}

/// Calls `f` on every item.
#[cfg(not(feature = "rayon"))]
pub(crate) fn for_each<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    items.iter_mut().enumerate().for_each(|(index, item)| f(index, item));
}

/// Sorts by `compare`; the order of items that compare equal is unspecified.
#[cfg(feature = "rayon")]
pub(crate) fn sort<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    use rayon::prelude::*;
    items.par_sort_unstable_by(compare);
}

/// Sorts by `compare`; the order of items that compare equal is unspecified.
#[cfg(not(feature = "rayon"))]
pub(crate) fn sort<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    items.sort_unstable_by(compare);
}

/// Calls both functions, on two threads of the current pool if they are idle.
#[cfg(feature = "rayon")]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    rayon::join(a, b);
}

/// Calls both functions.
#[cfg(not(feature = "rayon"))]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    a();
    b();
}

/// Returns `f(index)` for every index below `len`, in order.
pub(crate) fn map<T: Send + Clone + Default>(len: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    let mut out = vec![T::default(); len];
    fill(&mut out, 4096, f);
    out
}

/// Writes `f(index)` to every item, in tasks of `chunk` items.
pub(crate) fn fill<T: Send>(items: &mut [T], chunk: usize, f: impl Fn(usize) -> T + Sync + Send) {
    let mut chunks: Vec<&mut [T]> = items.chunks_mut(chunk).collect();
    for_each(&mut chunks, |index, items| {
        for (offset, item) in items.iter_mut().enumerate() {
            *item = f(index * chunk + offset);
        }
    });
}

/// Runs `f` on a thread of the current pool, from which the other threads are reached fastest.
#[cfg(feature = "rayon")]
pub(crate) fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

/// Runs `f`.
#[cfg(not(feature = "rayon"))]
pub(crate) fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    f()
}

/// The number of threads of the current pool.
#[cfg(feature = "rayon")]
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}

/// One.
#[cfg(not(feature = "rayon"))]
pub(crate) fn threads() -> usize {
    1
}

/// Runs `f` in a new pool of `threads` threads.
#[cfg(feature = "rayon")]
pub(crate) fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> Result<R, crate::MatchError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| crate::MatchError::Threads { threads, reason: error.to_string() })?;
    Ok(pool.install(f))
}

/// Runs `f` on this thread, the only one without rayon.
#[cfg(not(feature = "rayon"))]
pub(crate) fn with_threads<R: Send>(_threads: usize, f: impl FnOnce() -> R + Send) -> Result<R, crate::MatchError> {
    Ok(f())
}
