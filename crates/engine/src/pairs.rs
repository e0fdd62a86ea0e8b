//! Sums of many points: all pairs of a round are added at once, and share an inversion.
//!
//! What is added here is public, so places and branches may depend on it.

use crate::{
    addition::{self, CHAINS},
    invert,
    lanes::{Lanes, Packed, SameX},
};

/// Pairs whose additions share one inversion.
const SHARING: usize = 1024;

/// A point of a group: the group, and the point's place in the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) group: u32,
    pub(crate) place: u32,
}

/// A pool of points, and the memory in which sums of them are made.
pub(crate) struct Pairs<L: Lanes> {
    /// Two points of different x first: the pair that fills up the last lanes.
    pub(crate) pool: Vec<Packed>,
    places: [Vec<u32>; 2],
    ax: Vec<L::Element>,
    ay: Vec<L::Element>,
    by: Vec<L::Element>,
    dx: Vec<L::Element>,
    before: Vec<L::Element>,
    next: Vec<Member>,
}

impl<L: Lanes> Pairs<L> {
    /// A pool that begins with two points of different x.
    pub(crate) fn new(filling: [Packed; 2]) -> Self {
        let empty = Vec::new;
        Self {
            pool: filling.to_vec(),
            places: Default::default(),
            ax: empty(),
            ay: empty(),
            by: empty(),
            dx: empty(),
            before: empty(),
            next: Vec::new(),
        }
    }

    /// Adds the points of each group, whose members stand side by side, until each group has one. The sums are put behind the pool.
    #[inline(always)]
    pub(crate) fn sum(&mut self, lanes: L, members: &mut Vec<Member>) -> Result<(), SameX> {
        loop {
            self.next.clear();
            self.places.iter_mut().for_each(Vec::clear);
            let mut sums = self.pool.len() as u32;
            let mut at = 0;
            while at < members.len() {
                let first = members[at];
                match members.get(at + 1) {
                    Some(second) if second.group == first.group => {
                        self.places[0].push(first.place);
                        self.places[1].push(second.place);
                        self.next.push(Member { place: sums, ..first });
                        sums += 1;
                        at += 2;
                    }
                    _ => {
                        self.next.push(first);
                        at += 1;
                    }
                }
            }
            if self.places[0].is_empty() {
                return Ok(());
            }
            self.add_all(lanes)?;
            std::mem::swap(members, &mut self.next);
        }
    }

    #[inline(always)]
    fn add_all(&mut self, lanes: L) -> Result<(), SameX> {
        let pairs = self.places[0].len();
        let padded = pairs.next_multiple_of(L::WIDTH);
        self.places[0].resize(padded, 0);
        self.places[1].resize(padded, 1);
        for from in (0..padded).step_by(SHARING) {
            self.add_some(lanes, from, (from + SHARING).min(padded))?;
        }
        self.pool.truncate(self.pool.len() - (padded - pairs));
        Ok(())
    }

    #[inline(always)]
    fn add_some(&mut self, lanes: L, from: usize, to: usize) -> Result<(), SameX> {
        let Self { pool, places, ax, ay, by, dx, before, .. } = self;
        let groups = (to - from) / L::WIDTH;
        for part in [&mut *ax, ay, by, dx, before] {
            part.resize(groups, lanes.one());
        }
        let mut products = [lanes.one(); CHAINS];
        for group in 0..groups {
            let first = from + group * L::WIDTH;
            let lanes_of = first..first + L::WIDTH;
            let bx;
            (ax[group], ay[group]) = lanes.gather(pool, &places[0][lanes_of.clone()]);
            (bx, by[group]) = lanes.gather(pool, &places[1][lanes_of]);
            dx[group] = lanes.sub(&bx, &ax[group]);
            before[group] = addition::begin(lanes, &mut products[group % CHAINS], &dx[group]);
        }
        if !invert::all(lanes, &mut products) {
            return Err(SameX);
        }
        let sums = pool.len();
        pool.resize(sums + groups * L::WIDTH, Packed::ZERO);
        for group in (0..groups).rev() {
            let inverse = &mut products[group % CHAINS];
            let point = (&ax[group], &ay[group]);
            let (x, y) = addition::finish(lanes, inverse, &before[group], &dx[group], point, &by[group]);
            let first = sums + group * L::WIDTH;
            lanes.scatter(&x, &y, &mut pool[first..first + L::WIDTH]);
        }
        Ok(())
    }
}
