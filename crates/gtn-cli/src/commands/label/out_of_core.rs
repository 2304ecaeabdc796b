//! `gtn label --out-of-core`: the target rows stay on disk, and are read part by part for each block of source rows.

use std::ops::Range;

use gtn_io::ArrayFile;
use gtn_label::{LongerList, Precision, PreferenceList, Rows, Shard, Shards, match_shards, norms};

use super::files::{check_arguments, check_output, shape, write};
use super::in_memory;
use crate::args::Label;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, memory, stop};

/// Source rows whose candidates are collected in one pass over the file.
const BLOCK_SIZE: usize = 65_536;
/// Bytes of a target row in memory: its values, unit vectors and what a proposer keeps, for each column, and the rest.
const BYTES_PER_VALUE: u64 = 20;
const BYTES_PER_ROW: u64 = 200;
/// Bytes of the list of a part of the rows for a source row.
const BYTES_PER_LIST: u64 = 160;
/// With fewer source rows, the passes over the file take longer than the rest.
const MIN_BLOCK_SIZE: usize = 1024;
/// Bytes for the target rows if the system does not say how much memory it grants.
const DEFAULT_MEMORY: u64 = 1 << 30;

pub(super) fn run(args: &Label) -> Result<(), Failure> {
    check_output(args)?;
    check_arguments(args, "with --out-of-core", "or match in memory")?;
    let (source, target) = (ArrayFile::open(&args.source)?, ArrayFile::open(&args.target)?);
    let ((source_rows, dim), (target_rows, target_dim)) = (shape(&source)?, shape(&target)?);
    if dim != target_dim {
        return Err(gtn_label::MatchError::DimensionMismatch { source_dim: dim, target_dim }.into());
    }
    if dim == 1 {
        console::status("note: rows of one column are sorted in memory");
        return in_memory::run(args);
    }
    let budget = args.memory.unwrap_or_else(|| memory::granted().map_or(DEFAULT_MEMORY, |granted| granted / 2));
    let rows = budget / (dim as u64 * BYTES_PER_VALUE + BYTES_PER_ROW);
    let rows_per_shard = usize::try_from(rows).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize);

    stop::listen();
    let mut all_norms = Vec::with_capacity(source_rows);
    for part in ranges(source_rows, rows_per_shard) {
        check_stop()?;
        all_norms.extend(norms(&read(&source, part.clone())?, part.start)?);
    }
    let parts: Vec<_> = ranges(target_rows, rows_per_shard).collect();
    let mut disk = OnDisk {
        block_size: block_size(budget, parts.len()),
        source,
        target,
        parts,
        taken: vec![false; target_rows],
        free: target_rows,
        rows_per_shard,
        source_rows,
        precision: args.precision,
        in_memory: None,
    };
    disk.keep_if_it_fits()?;
    let mut progress = Progress::new();
    progress.begin("label");
    let mut work = || {
        match_shards(&all_norms, target_rows as u64, &mut disk, |step| {
            progress.show("label", (step.done as u64, step.total as u64, "rows"), "");
            stop::control_flow()
        })
    };
    let matched = match args.threads {
        None => work(),
        Some(threads) => crate::threads::pool(threads.into())?.install(work),
    }?;
    drop(progress);
    write(args, &matched)
}

/// So many source rows that the lists of all parts, each with a few rows, take a quarter of the memory.
fn block_size(budget: u64, parts: usize) -> usize {
    let lists = budget / 4 / BYTES_PER_LIST / parts.max(1) as u64;
    usize::try_from(lists).unwrap_or(usize::MAX).clamp(MIN_BLOCK_SIZE, BLOCK_SIZE)
}

/// Ranges of at most `len` rows that follow each other.
fn ranges(rows: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(len).map(move |start| start..(start + len).min(rows))
}

fn read(array: &ArrayFile, rows: Range<usize>) -> Result<Rows<'static>, Failure> {
    let (len, dim) = (rows.len(), array.shape()[1]);
    let values = array.read(rows)?.into_raw_vec_and_offset().0;
    Ok(Rows::from_vec(values, len, dim)?)
}

fn check_stop() -> Result<(), Failure> {
    if stop::requested() { Err(Failure::Stopped("stopped; nothing was written".to_owned())) } else { Ok(()) }
}

/// Target rows in a file, read in parts.
struct OnDisk {
    source: ArrayFile,
    target: ArrayFile,
    parts: Vec<Range<usize>>,
    taken: Vec<bool>,
    free: usize,
    block_size: usize,
    /// So many target rows fit into memory.
    rows_per_shard: usize,
    source_rows: usize,
    precision: Precision,
    /// All free rows, once they fit.
    in_memory: Option<Shard<'static>>,
}

impl OnDisk {
    /// Reads all free rows into memory if they fit.
    fn keep_if_it_fits(&mut self) -> Result<(), Failure> {
        if self.in_memory.is_some() || self.free > self.rows_per_shard || self.free == 0 {
            return Ok(());
        }
        let dim = self.target.shape()[1];
        let (mut values, mut indices) = (Vec::with_capacity(self.free * dim), Vec::with_capacity(self.free));
        for part in &self.parts {
            check_stop()?;
            let rows = read(&self.target, part.clone())?;
            for row in part.clone().filter(|&row| !self.taken[row]) {
                values.extend_from_slice(rows.row(row - part.start));
                indices.push(row as u64);
            }
        }
        let rows = Rows::from_vec(values, indices.len(), dim)?;
        self.in_memory = Some(Shard::of_indices(rows, indices, self.source_rows, self.precision)?);
        Ok(())
    }

    /// Lets `work` ask each shard: those on disk, one after another, or the one in memory.
    fn each<R>(
        &mut self,
        mut work: impl FnMut(usize, &mut Shard<'static>) -> Result<R, Failure>,
    ) -> Result<Vec<R>, Failure> {
        if let Some(shard) = &mut self.in_memory {
            return Ok(vec![work(0, shard)?]);
        }
        let mut results = Vec::with_capacity(self.parts.len());
        for (index, part) in self.parts.iter().enumerate() {
            check_stop()?;
            let rows = read(&self.target, part.clone())?;
            let mut shard = Shard::new(rows, part.start as u64, self.source_rows, self.precision)?;
            let taken = part.clone().filter(|&row| self.taken[row]).map(|row| row as u64);
            shard.remove(&taken.collect::<Vec<_>>())?;
            results.push(work(index, &mut shard)?);
        }
        Ok(results)
    }

    /// Reads these source rows.
    fn sources(&self, rows: &[usize]) -> Result<Rows<'static>, Failure> {
        let dim = self.source.shape()[1];
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&at| rows[at]);
        let mut values = vec![0.0; rows.len() * dim];
        for at in order {
            let row = self.source.read(rows[at]..rows[at] + 1)?;
            values[at * dim..][..dim].iter_mut().zip(&row).for_each(|(value, &read)| *value = read);
        }
        Ok(Rows::from_vec(values, rows.len(), dim)?)
    }
}

impl Shards for OnDisk {
    type Error = Failure;

    fn count(&self) -> usize {
        if self.in_memory.is_some() { 1 } else { self.parts.len() }
    }

    fn block_size(&self) -> usize {
        self.block_size
    }

    fn shortest(&mut self, count: usize) -> Result<Vec<Vec<(f64, u64)>>, Failure> {
        self.each(|_, shard| Ok(shard.shortest(count)))
    }

    fn preferences(&mut self, sources: &[usize], len: usize) -> Result<Vec<Vec<PreferenceList>>, Failure> {
        let sources = self.sources(sources)?;
        self.each(|_, shard| Ok(shard.preferences(&sources, len)?))
    }

    fn longer(&mut self, requests: &[LongerList]) -> Result<Vec<PreferenceList>, Failure> {
        let sources = self.sources(&requests.iter().map(|request| request.source).collect::<Vec<_>>())?;
        let mut lists = vec![PreferenceList::default(); requests.len()];
        let dim = sources.dim();
        self.each(|index, shard| {
            let own: Vec<usize> = (0..requests.len()).filter(|&at| requests[at].shard == index).collect();
            let Some(len) = own.iter().map(|&at| requests[at].len).max() else { return Ok(()) };
            let values = own.iter().flat_map(|&at| sources.row(at)).copied().collect();
            let rows = Rows::from_vec(values, own.len(), dim)?;
            for (at, list) in own.into_iter().zip(shard.longer(&rows, len)?) {
                lists[at] = list;
            }
            Ok(())
        })?;
        Ok(lists)
    }

    fn remove(&mut self, targets: &[u64]) -> Result<(), Failure> {
        targets.iter().for_each(|&target| self.taken[target as usize] = true);
        self.free -= targets.len();
        match &mut self.in_memory {
            Some(shard) => Ok(shard.remove(targets)?),
            None => self.keep_if_it_fits(),
        }
    }
}
