//! `gtn bench sample`: times sampling, as the paper does.

use std::hint::black_box;
use std::time::Instant;

use gtn_models::{Generator, Streams, purpose};
use gtn_report::count;
use serde_json::json;

use super::process::median;
use super::time;
use crate::args::BenchSample;
use crate::commands::sample::check_amount;
use crate::console;
use crate::failure::Failure;
use crate::output::Format;

/// What the paper reports for 1,000 images on a PC.
const PAPER_SAMPLES: usize = 1000;
const PAPER_SECONDS: f64 = 4.07;

pub(crate) fn run(args: &BenchSample) -> Result<(), Failure> {
    if args.n == 0 {
        return Err(Failure::users("-n 0: nothing to measure; pass at least 1"));
    }
    let generator = Generator::load_on(&args.run, &args.on.open()?)?;
    check_amount(args.n, generator.values_per_sample(), Format::Npy)?;
    draw(&generator, args.n)?;
    let mut timings = Vec::new();
    for _ in 0..args.repetitions {
        timings.push(draw(&generator, args.n)?);
    }
    let found = Found::of(&timings, generator.generates_images());
    console::print(&if args.json { found.json(args, &generator) } else { found.table(args) });
    Ok(())
}

/// Seconds of one repetition.
struct Timing {
    h: f64,
    decoder: f64,
    total: f64,
}

/// Draws samples and drops them. Each part returns its result in host memory, so that the device is idle when the next part
/// starts.
fn draw(generator: &Generator, n: usize) -> Result<Timing, Failure> {
    let started = Instant::now();
    let latents = generator.sample_latents(n, &mut Streams::new(1).stream(purpose::SAMPLE, 0))?;
    let mapped = started.elapsed().as_secs_f64();
    if generator.generates_images() {
        black_box(generator.decode(latents.view())?);
    }
    let total = started.elapsed().as_secs_f64();
    black_box(latents);
    Ok(Timing { h: mapped, decoder: total - mapped, total })
}

/// Medians, and all measurements of the total.
struct Found {
    h: f64,
    decoder: Option<f64>,
    total: f64,
    /// In ascending order.
    seconds: Vec<f64>,
}

impl Found {
    fn of(timings: &[Timing], images: bool) -> Self {
        let all = |of: fn(&Timing) -> f64| timings.iter().map(of).collect::<Vec<_>>();
        let mut seconds = all(|timing| timing.total);
        Self {
            total: median(&mut seconds),
            h: median(&mut all(|timing| timing.h)),
            decoder: images.then(|| median(&mut all(|timing| timing.decoder))),
            seconds,
        }
    }

    fn table(&self, args: &BenchSample) -> String {
        let head = "|    samples |        ĥ |  decoder |    total |  fastest |  slowest | per second |";
        let (fastest, slowest) = (self.seconds[0], self.seconds[self.seconds.len() - 1]);
        [
            format!("{}: medians of {} repetitions after a warm-up", args.run.display(), args.repetitions),
            head.to_owned(),
            head.replace(|c| c != '|', "-"),
            format!(
                "| {:>10} | {:>8} | {:>8} | {:>8} | {:>8} | {:>8} | {:>10} |",
                count(args.n),
                time(self.h),
                self.decoder.map_or("–".to_owned(), time),
                time(self.total),
                time(fastest),
                time(slowest),
                count((args.n as f64 / self.total) as usize),
            ),
            format!("the paper: {PAPER_SECONDS} s for {} images on a PC", count(PAPER_SAMPLES)),
            "the paper's 0.00367 s on a T4 is less than that card needs for the arithmetic (18 ms, networks for CelebA): it was \
             measured without waiting for the card"
                .to_owned(),
        ]
        .join("\n")
    }

    fn json(&self, args: &BenchSample, generator: &Generator) -> String {
        let found = json!({
            "run": args.run.display().to_string(),
            "samples": args.n,
            "values_per_sample": generator.values_per_sample(),
            "repetitions": args.repetitions,
            "h_seconds": self.h,
            "decoder_seconds": self.decoder,
            "median_seconds": self.total,
            "seconds": self.seconds,
            "paper_samples": PAPER_SAMPLES,
            "paper_pc_seconds": PAPER_SECONDS,
        });
        found.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_computed_for_each_part_and_for_the_total() {
        let timing = |h: f64, decoder: f64| Timing { h, decoder, total: h + decoder };
        let timings = [timing(1.0, 9.0), timing(2.0, 2.0), timing(3.0, 4.0)];
        let found = Found::of(&timings, true);
        assert_eq!((found.h, found.decoder, found.total), (2.0, Some(4.0), 7.0));
        assert_eq!(found.seconds, [4.0, 7.0, 10.0]);
        assert_eq!(Found::of(&timings, false).decoder, None);
    }
}
