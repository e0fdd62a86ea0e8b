//! Whether signing takes as long for one nonce or key as for any other: `make timing`. With the argument `leak`, a branch on each is
//! planted, and has to be found.
//!
//! The method is that of dudect (O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?", DATE 2017): slices with a fixed
//! secret and slices with random ones, interleaved at random, are timed, and Welch's t compares the two classes. The slowest measurements
//! are interrupts and say little, so the test is made with several shares of the fastest ones, too.

use std::{hint::black_box, process::ExitCode, time::Duration};

use rand::{Rng as _, RngExt as _};
use rustix::time::{ClockId, clock_gettime};
use vaultstream_engine::{Engine, Refused, Sign, Unit};

/// Few enough for many measurements, and more than a group of lanes for each chain of products.
const SLICE: usize = 64;

/// Measurements of a test, of both classes together.
const MEASUREMENTS: usize = 20_000;

/// A |t| above it is a leak, or chance: 7 in a million. A verdict that is not the expected one is asked for again, with more measurements:
/// the t of a leak grows by them, and that of chance does not.
const T_LIMIT: f64 = 4.5;

/// How many times as many measurements are made then.
const CONFIRMATION: usize = 4;

/// Shares of the fastest measurements.
const SHARES: [f64; 7] = [1.0, 0.99, 0.9, 0.75, 0.5, 0.25, 0.1];

/// Multiplications of the planted leak: some 100 ns, where a signature takes thousands.
const PLANTED: u64 = 400;

type Scalar = [u8; 32];

/// What is the same in each slice of the first class, and random in those of the second.
#[derive(Clone, Copy)]
enum Secret {
    Nonce(Scalar),
    Key(Scalar),
}

fn main() -> Result<ExitCode, Refused> {
    let leaks = std::env::args().nth(1).is_some_and(|argument| argument == "leak");
    let (one, less_one) = (small(1), order_less_one());
    let mut wrong = false;
    println!("| unit | fixed | t | measurements | |\n| --- | --- | ---: | ---: | --- |");
    for engine in Unit::ALL.into_iter().filter_map(Engine::on) {
        let fixed = [
            ("nonce", Secret::Nonce(random())),
            ("key", Secret::Key(random())),
            ("nonce 1", Secret::Nonce(one)),
            ("nonce n - 1", Secret::Nonce(less_one)),
            ("key 1", Secret::Key(one)),
        ];
        // What is planted is one branch on each.
        let tests = if leaks { &fixed[..2] } else { &fixed };
        for &(name, secret) in tests {
            let mut measurements = MEASUREMENTS;
            let mut t = test(engine, secret, measurements, leaks)?;
            if (t.abs() > T_LIMIT) != leaks {
                measurements *= CONFIRMATION;
                t = test(engine, secret, measurements, leaks)?;
            }
            let found = t.abs() > T_LIMIT;
            let verdict = match (found, leaks) {
                (true, true) => "found",
                (false, true) => "NOT FOUND",
                (true, false) => "LEAKS",
                (false, false) => "ok",
            };
            println!("| {} | {name} | {t:.1} | {measurements} | {verdict} |", engine.unit());
            wrong |= found != leaks;
        }
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The t of largest size among those of all shares.
fn test(engine: Engine, secret: Secret, measurements: usize, leaks: bool) -> Result<f64, Refused> {
    let mut slice = Slice::new(engine, secret, leaks);
    // The first ones warm caches and make memory.
    for _ in 0..100 {
        slice.measure(false)?;
    }
    let mut rng = rand::rng();
    let mut times = Vec::with_capacity(measurements);
    for _ in 0..measurements {
        let fixed = rng.random();
        times.push((slice.measure(fixed)?.as_nanos() as f64, fixed));
    }
    times.sort_by(|one, other| one.0.total_cmp(&other.0));
    let fastest = SHARES.map(|share| (measurements as f64 * share) as usize);
    let largest = fastest.into_iter().map(|count| welch(&times[..count]));
    Ok(largest.max_by(|one, other| one.abs().total_cmp(&other.abs())).unwrap_or(0.0))
}

/// Welch's t of two classes.
fn welch(times: &[(f64, bool)]) -> f64 {
    let class = |wanted: bool| {
        let of_class = || times.iter().filter(|(_, fixed)| *fixed == wanted).map(|(time, _)| time);
        let count = of_class().count() as f64;
        let mean = of_class().sum::<f64>() / count;
        let variance = of_class().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((fixed, fixed_error), (random, random_error)) = (class(true), class(false));
    (fixed - random) / (fixed_error + random_error).sqrt()
}

/// A slice, and the secrets that it may be signed with.
struct Slice {
    engine: Engine,
    secret: Secret,
    leaks: bool,
    digests: Vec<Scalar>,
    /// Those of the measurement.
    key: Scalar,
    nonces: Vec<Scalar>,
    /// Drawn for every measurement, used or not, so that both classes find the caches alike.
    random: Vec<Scalar>,
    fixed: Vec<Scalar>,
    signatures: Vec<[u8; 64]>,
}

impl Slice {
    fn new(engine: Engine, secret: Secret, leaks: bool) -> Self {
        let fixed = match secret {
            Secret::Nonce(fixed) | Secret::Key(fixed) => vec![fixed; SLICE],
        };
        let [digests, nonces, random] = [(); 3].map(|()| (0..SLICE).map(|_| self::random()).collect());
        Self {
            engine,
            secret,
            leaks,
            digests,
            key: self::random(),
            nonces,
            random,
            fixed,
            signatures: vec![[0; 64]; SLICE],
        }
    }

    fn measure(&mut self, fixed: bool) -> Result<Duration, Refused> {
        self.random.iter_mut().for_each(|scalar| *scalar = random());
        let chosen = if fixed { &self.fixed } else { &self.random };
        match self.secret {
            Secret::Nonce(_) => self.nonces.copy_from_slice(chosen),
            Secret::Key(_) => self.key.copy_from_slice(&chosen[0]),
        }
        let mut hints = Vec::with_capacity(SLICE);
        let before = processor_time();
        let mut signer = self.engine.signer(black_box(&self.key)).ok_or(Refused::Nonce)?;
        signer.sign(&self.digests, &self.nonces, Sign::EvenY, &mut self.signatures, &mut hints)?;
        if self.leaks {
            self.nonces.iter().for_each(|nonce| branch(nonce, &self.key));
        }
        Ok(processor_time().saturating_sub(before))
    }
}

/// The planted leak: what a product costs that is left out when a bit is zero.
#[inline(never)]
fn branch(nonce: &Scalar, key: &Scalar) {
    for secret in [nonce, key] {
        if black_box(secret[31]) & 2 == 0 {
            let product = (1..=PLANTED).fold(1, |product: u64, factor| black_box(product.wrapping_mul(factor)));
            black_box(product);
        }
    }
}

fn random() -> Scalar {
    let mut scalar = [0; 32];
    rand::rng().fill_bytes(&mut scalar);
    // Below n, and above zero but for one chance in 2²⁵⁵.
    scalar[0] &= 0x7f;
    scalar
}

fn small(number: u8) -> Scalar {
    let mut scalar = [0; 32];
    scalar[31] = number;
    scalar
}

/// n - 1.
fn order_less_one() -> Scalar {
    let mut scalar = [0xff; 32];
    scalar[4..8].fill(0);
    scalar[16..].copy_from_slice(&0xbce6_faad_a717_9e84_f3b9_cac2_fc63_2550_u128.to_be_bytes());
    scalar
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
