//! The one place that knows whether rayon is there.

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

/// Sorts by `compare`; items that compare equal may change places.
#[cfg(feature = "rayon")]
pub(crate) fn sort<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    use rayon::prelude::*;
    items.par_sort_unstable_by(compare);
}

/// Sorts by `compare`; items that compare equal may change places.
#[cfg(not(feature = "rayon"))]
pub(crate) fn sort<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    items.sort_unstable_by(compare);
}

/// Calls both, on two threads of the current pool if they are free.
#[cfg(feature = "rayon")]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    rayon::join(a, b);
}

/// Calls both.
#[cfg(not(feature = "rayon"))]
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    a();
    b();
}

/// `f(index)` for every index below `len`, in order.
pub(crate) fn map<T: Send + Clone + Default>(len: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    let mut out = vec![T::default(); len];
    fill(&mut out, 4096, f);
    out
}

/// Writes `f(index)` to every item, `chunk` of them on one thread at a time.
pub(crate) fn fill<T: Send>(items: &mut [T], chunk: usize, f: impl Fn(usize) -> T + Sync + Send) {
    let mut chunks: Vec<&mut [T]> = items.chunks_mut(chunk).collect();
    for_each(&mut chunks, |index, items| {
        for (offset, item) in items.iter_mut().enumerate() {
            *item = f(index * chunk + offset);
        }
    });
}

/// Runs `f` on a thread of the current pool, from where others are reached soonest.
#[cfg(feature = "rayon")]
pub(crate) fn inside<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

/// Runs `f`.
#[cfg(not(feature = "rayon"))]
pub(crate) fn inside<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    f()
}

/// Runs `f` on a pool of `threads` threads of its own.
#[cfg(feature = "rayon")]
pub(crate) fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> Result<R, crate::MatchError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| crate::MatchError::Threads { threads, reason: error.to_string() })?;
    Ok(pool.install(f))
}

/// Runs `f` on this thread: without rayon there is no other.
#[cfg(not(feature = "rayon"))]
pub(crate) fn on_threads<R: Send>(_threads: usize, f: impl FnOnce() -> R + Send) -> Result<R, crate::MatchError> {
    Ok(f())
}
