//! k·G for a whole slice of secret k.
//!
//! Each k is a sum of digits, each digit chooses a point of its window's row, and the points are added window by window. An affine addition
//! costs one inversion, two multiplications and a square; the inversions of a window are shared over the slice by Montgomery's trick, which
//! makes each three multiplications more.
//!
//! Two points of the same x cannot be added so. Before the last window the sum is an odd multiple m·G, the point's is a multiple
//! d·2^(w·j) with |m| < 2^(w·j), so m ∓ d·2^(w·j) is neither zero nor a multiple of n. In the last window one k among 2²⁵⁶ can do it. The
//! product of all differences is zero then, and the slice is refused.

use std::sync::Arc;

use p256::{
    AffinePoint, ProjectivePoint,
    elliptic_curve::{Group as _, group::Curve as _, sec1::ToSec1Point as _},
};

use crate::{
    addition::{self, CHAINS},
    invert,
    lanes::{Lanes, SameX, windows},
    wipe::{make_room, wipe},
    words::{self, Words},
};

/// The rows of all windows.
pub(crate) type Table<L> = Arc<[<L as Lanes>::Row]>;

/// Points of a slice, a group of lanes each, and the memory in which they are made.
pub(crate) struct Comb<L: Lanes> {
    lanes: L,
    table: Table<L>,
    /// The sums, whose last values are what was asked for.
    pub(crate) x: Vec<L::Element>,
    pub(crate) y: Vec<L::Element>,
    scalars: Vec<L::Scalars>,
    dx: Vec<L::Element>,
    row_y: Vec<L::Element>,
    before: Vec<L::Element>,
}

impl<L: Lanes> Comb<L> {
    pub(crate) fn new(lanes: L, table: Table<L>) -> Self {
        let empty = Vec::new;
        Self { lanes, table, x: empty(), y: empty(), scalars: Vec::new(), dx: empty(), row_y: empty(), before: empty() }
    }

    /// Makes k·G of each k, which is odd and below n.
    #[inline(always)]
    pub(crate) fn multiply(&mut self, scalars: &[Words]) -> Result<(), SameX> {
        let lanes = self.lanes;
        let groups = scalars.len().div_ceil(L::WIDTH);
        make_room(&mut self.scalars, groups, lanes.scalars(&[]));
        self.scalars.clear();
        for group in scalars.chunks(L::WIDTH) {
            self.scalars.push(lanes.scalars(group));
        }
        for part in [&mut self.x, &mut self.y, &mut self.dx, &mut self.row_y, &mut self.before] {
            make_room(part, groups, lanes.one());
            part.resize(groups, lanes.one());
        }
        let first = &self.table[0];
        for group in 0..groups {
            (self.x[group], self.y[group]) = lanes.select(first, &self.scalars[group], 0);
        }
        for window in 1..windows(L::WINDOW) {
            self.add_window(window)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn add_window(&mut self, window: usize) -> Result<(), SameX> {
        let Self { table, x, y, scalars, dx, row_y, before, .. } = self;
        let lanes = self.lanes;
        let row = &table[window];
        let mut products = [lanes.one(); CHAINS];
        for group in 0..scalars.len() {
            let (px, py) = lanes.select(row, &scalars[group], window);
            dx[group] = lanes.sub(&px, &x[group]);
            row_y[group] = py;
            before[group] = addition::begin(lanes, &mut products[group % CHAINS], &dx[group]);
        }
        let mut inverses = products;
        if !invert::all(lanes, &mut inverses) {
            return Err(SameX);
        }
        for group in (0..scalars.len()).rev() {
            let inverse = &mut inverses[group % CHAINS];
            let point = (&x[group], &y[group]);
            (x[group], y[group]) = addition::finish(lanes, inverse, &before[group], &dx[group], point, &row_y[group]);
        }
        Ok(())
    }
}

impl<L: Lanes> Comb<L> {
    /// Overwrites all that the last slice has left.
    pub(crate) fn wipe(&mut self) {
        for part in [&mut self.x, &mut self.y, &mut self.dx, &mut self.row_y, &mut self.before] {
            wipe(part, self.lanes.one());
        }
        wipe(&mut self.scalars, self.lanes.scalars(&[]));
    }
}

/// Makes the rows of all windows: window j has (1, 3, 5, …)·2^(w·j)·G. Another library makes the points.
pub(crate) fn table<L: Lanes>(lanes: L) -> Table<L> {
    let mut base = ProjectivePoint::generator();
    let mut rows = Vec::with_capacity(windows(L::WINDOW));
    for _ in 0..windows(L::WINDOW) {
        rows.push(lanes.row(&odd_multiples(base, 1 << (L::WINDOW - 1))));
        for _ in 0..L::WINDOW {
            base = base.double();
        }
    }
    rows.into()
}

/// The affine coordinates of (1, 3, 5, …)·`base`.
pub(crate) fn odd_multiples(base: ProjectivePoint, count: usize) -> Vec<(Words, Words)> {
    let twice = base.double();
    let mut odd = vec![base];
    for _ in 1..count {
        odd.extend(odd.last().map(|last| last + &twice));
    }
    let mut affine = vec![AffinePoint::IDENTITY; odd.len()];
    ProjectivePoint::batch_normalize(&odd, &mut affine);
    affine.iter().map(coordinates).collect()
}

/// The coordinates of a point that is not the one at infinity.
fn coordinates(point: &AffinePoint) -> (Words, Words) {
    let encoded = point.to_sec1_point(false);
    let mut both = [[0; 32]; 2];
    for (number, bytes) in both.iter_mut().zip(encoded.as_bytes()[1..].chunks_exact(32)) {
        number.copy_from_slice(bytes);
    }
    (words::from_bytes(&both[0]), words::from_bytes(&both[1]))
}
