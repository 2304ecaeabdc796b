//! FID, KID and the Inception Score.

use std::collections::BTreeMap;

use gtn_metrics::{
    SampleMoments, Subsets, frechet_distance, frechet_distance_from_moments, inception_score, kernel_distance,
};
use gtn_models::{Streams, purpose};
use gtn_run::schema::{Baseline, Metric};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::halves::Halves;
use super::measured::{AtFloor, Estimate, Measured};
use crate::failure::Failure;

/// Splits of the Inception Score, as in its paper.
pub(super) const SPLITS: usize = 10;
/// Subsets of KID, as in its paper, and their maximum size.
const SUBSETS: Subsets = Subsets { size: 1000, count: 100 };

/// Features of one side, or what is left of them.
#[derive(Clone, Copy)]
pub(super) enum FeaturesOrMoments<'a> {
    Features(&'a Array2<f32>),
    Moments(&'a SampleMoments),
}

impl FeaturesOrMoments<'_> {
    pub(super) fn features(&self) -> Option<&Array2<f32>> {
        match self {
            FeaturesOrMoments::Features(features) => Some(features),
            FeaturesOrMoments::Moments(_) => None,
        }
    }

    fn moments(&self) -> Result<SampleMoments, Failure> {
        Ok(match self {
            FeaturesOrMoments::Features(features) => SampleMoments::from_rows(features.view())?,
            FeaturesOrMoments::Moments(moments) => (*moments).clone(),
        })
    }
}

/// A set of images whose FID is computed.
enum FidSet {
    /// Features of fewer images than dimensions, for which no covariance is needed.
    Features(Array2<f32>),
    Moments(SampleMoments),
}

impl FidSet {
    fn new(features: Array2<f32>, needs_moments: bool) -> Result<Self, Failure> {
        Ok(match needs_moments {
            true => FidSet::Moments(SampleMoments::from_rows(features.view())?),
            false => FidSet::Features(features),
        })
    }

    fn distance(&self, other: &Self) -> Result<Estimate, Failure> {
        let distance = match (self, other) {
            (FidSet::Features(a), FidSet::Features(b)) => frechet_distance(a.view(), b.view()),
            (FidSet::Moments(a), FidSet::Moments(b)) => frechet_distance_from_moments(a, b),
            (FidSet::Features(a), FidSet::Moments(b)) => {
                frechet_distance_from_moments(&SampleMoments::from_rows(a.view())?, b)
            }
            (FidSet::Moments(a), FidSet::Features(b)) => {
                frechet_distance_from_moments(a, &SampleMoments::from_rows(b.view())?)
            }
        };
        Ok(distance?.into())
    }
}

/// Features of the baselines, as many rows as a half has.
pub(super) type BaselineFeatures = BTreeMap<Baseline, Array2<f32>>;

/// FID of all images; the noise floor, and the values beside it, of a half.
pub(super) fn fid(
    real: FeaturesOrMoments<'_>,
    generated: FeaturesOrMoments<'_>,
    halves: Option<&Halves>,
    baselines: &BaselineFeatures,
    features: String,
) -> Result<Measured, Failure> {
    let needs_moments =
        [real, generated].iter().any(|side| side.features().is_none_or(|rows| rows.nrows() >= rows.ncols()));
    let whole = |side: FeaturesOrMoments<'_>| match side.features() {
        Some(features) if !needs_moments => Ok(FidSet::Features(features.clone())),
        _ => side.moments().map(FidSet::Moments),
    };
    let select = |rows: &Array2<f32>, indices: &[usize]| FidSet::new(rows.select(Axis(0), indices), needs_moments);
    let mut sets = vec![whole(real)?, whole(generated)?];
    let mut pairs = vec![(0, 1)];
    // A covariance needs two images.
    let halves = halves.filter(|halves| halves.len() > 1);
    if let (Some(halves), Some(real)) = (halves, real.features()) {
        sets.extend([select(real, &halves.first)?, select(real, &halves.second)?]);
        for rows in baselines.values() {
            sets.push(FidSet::new(rows.clone(), needs_moments)?);
        }
        if let Some(generated) = generated.features() {
            sets.push(select(generated, &halves.generated)?);
        }
        pairs.extend((3..sets.len()).map(|other| (2, other)));
    }
    let values: Vec<Result<Estimate, Failure>> =
        pairs.par_iter().map(|&(one, other)| sets[one].distance(&sets[other])).collect();
    let mut values = values.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
    let value = values.next().expect("the first pair exists");
    let at_floor = halves.zip(values.next()).map(|(halves, floor)| AtFloor {
        samples: halves.len(),
        floor,
        baselines: baselines.keys().copied().zip(values.by_ref().take(baselines.len())).collect(),
        value: values.next(),
    });
    let count = |side: FeaturesOrMoments<'_>| side.features().map(Array2::nrows);
    Ok(Measured { metric: Metric::Fid, value, samples: [count(real), count(generated)], at_floor, features })
}

/// KID of all images; the noise floor, and the values beside it, of a half.
pub(super) fn kid(
    real: &Array2<f32>,
    generated: &Array2<f32>,
    halves: Option<&Halves>,
    baselines: &BaselineFeatures,
    streams: &Streams,
    features: String,
) -> Result<Measured, Failure> {
    let distance = |(x, y, index): &(ArrayView2<'_, f32>, ArrayView2<'_, f32>, u64)| {
        let size = SUBSETS.size.min(x.nrows()).min(y.nrows());
        let mut stream = streams.stream(purpose::EVALUATE_SUBSETS, *index);
        let distance = kernel_distance(*x, *y, Subsets { size, ..SUBSETS }, &mut stream)?;
        Ok::<_, Failure>(Estimate::mean(distance.mean, distance.std))
    };
    let halves = halves.filter(|halves| halves.len() > 1);
    let parts = halves.map(|halves| {
        [(real, &halves.first), (real, &halves.second), (generated, &halves.generated)]
            .map(|(rows, indices)| rows.select(Axis(0), indices))
    });
    let mut pairs = vec![(real.view(), generated.view(), 0)];
    if let Some([first, second, of_generated]) = &parts {
        pairs.extend([(first.view(), second.view(), 1), (first.view(), of_generated.view(), 1)]);
        pairs.extend(baselines.values().map(|rows| (first.view(), rows.view(), 1)));
    }
    let mut values = pairs.par_iter().map(distance).collect::<Result<Vec<_>, _>>()?.into_iter();
    let value = values.next().expect("the first pair exists");
    let at_floor = halves.zip(values.next()).map(|(halves, floor)| AtFloor {
        samples: halves.len(),
        floor,
        value: values.next(),
        baselines: baselines.keys().copied().zip(values).collect(),
    });
    let samples = [Some(real.nrows()), Some(generated.nrows())];
    Ok(Measured { metric: Metric::KernelDistance, value, samples, at_floor, features })
}

/// The Inception Score of all generated images, from their logits; beside it those of the same number of real images and of each
/// baseline, from theirs.
pub(super) fn is(
    real: &Array2<f32>,
    generated: &Array2<f32>,
    baselines: &BTreeMap<Baseline, Array2<f32>>,
    features: String,
) -> Result<Measured, Failure> {
    let score = |logits: &Array2<f32>, n: usize| {
        let score = inception_score(logits.slice(s![..n, ..]), SPLITS)?;
        Ok::<_, Failure>(Estimate::mean(score.mean, score.std))
    };
    let n = real.nrows().min(generated.nrows());
    let at_floor = if n < SPLITS {
        None
    } else {
        let of_baselines = baselines.iter().map(|(&baseline, logits)| Ok((baseline, score(logits, n)?)));
        Some(AtFloor {
            samples: n,
            value: Some(score(generated, n)?),
            floor: score(real, n)?,
            baselines: of_baselines.collect::<Result<_, Failure>>()?,
        })
    };
    let (value, samples) = (score(generated, generated.nrows())?, [None, Some(generated.nrows())]);
    Ok(Measured { metric: Metric::InceptionScore, value, samples, at_floor, features })
}
