//! Which of the ways to compute this processor can take.

use std::{fmt, sync::OnceLock};

use parking_lot::Mutex;

#[cfg(feature = "emulation")]
use crate::isa::Emulated;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Avx2, Avx512Ifma};
use crate::{
    check::{Check, Slice, Sums},
    comb::{self, Table},
    field::{plain::Plain, radix29::Radix29, radix52::Radix52},
    isa::Work,
    lanes::Lanes,
    order::Scalar,
    recover,
    sign::{Refused, SliceSigner, ToSign},
    words::Words,
};

/// A kind of vector unit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Eight lanes of AVX-512 IFMA: Ice Lake, Sapphire Rapids, Zen 4 and later.
    Avx512Ifma,
    /// Four lanes of AVX2: Haswell, Zen and later.
    Avx2,
    /// Words of 64 bits: every processor.
    Words,
}

impl Unit {
    /// All of them, fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512Ifma, Self::Avx2, Self::Words];

    /// What people call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avx512Ifma => "AVX-512 IFMA",
            Self::Avx2 => "AVX2",
            Self::Words => "64-bit words",
        }
    }

    /// Its name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512Ifma => "avx512ifma",
            Self::Avx2 => "avx2",
            Self::Words => "words",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Lanes with all that they need: made once in a program for each kind.
pub(crate) trait Units: Send + Sync {
    /// Signs a slice under this key.
    fn sign(&self, key: Scalar, to_sign: ToSign<'_>) -> Result<(), Refused>;
    /// Makes the sums by which a slice is checked.
    fn sums(&self, slice: Slice<'_>) -> Option<Sums>;
    /// Finds the even y of each signature's R.
    fn even_ys(&self, signatures: &[[u8; 64]], ys: &mut [Words]);
}

/// The unit of this processor; `None` where it has none of the kind.
pub(crate) fn units(unit: Unit) -> Option<&'static dyn Units> {
    match unit {
        #[cfg(target_arch = "x86_64")]
        Unit::Avx512Ifma => {
            static UNITS: OnceLock<Option<LaneUnits<Radix52<Avx512Ifma>>>> = OnceLock::new();
            UNITS
                .get_or_init(|| Avx512Ifma::detect().map(|unit| LaneUnits::new(Radix52(unit))))
                .as_ref()
                .map(|units| units as _)
        }
        #[cfg(target_arch = "x86_64")]
        Unit::Avx2 => {
            static UNITS: OnceLock<Option<LaneUnits<Radix29<Avx2>>>> = OnceLock::new();
            UNITS
                .get_or_init(|| Avx2::detect().map(|unit| LaneUnits::new(Radix29(unit))))
                .as_ref()
                .map(|units| units as _)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Unit::Avx512Ifma | Unit::Avx2 => None,
        Unit::Words => {
            static UNITS: OnceLock<LaneUnits<Plain>> = OnceLock::new();
            Some(UNITS.get_or_init(|| LaneUnits::new(Plain)))
        }
    }
}

/// The unit's instructions on plain words.
#[cfg(feature = "emulation")]
pub(crate) fn emulated(unit: Unit) -> Option<&'static dyn Units> {
    match unit {
        Unit::Avx512Ifma => {
            static UNITS: OnceLock<LaneUnits<Radix52<Emulated>>> = OnceLock::new();
            Some(UNITS.get_or_init(|| LaneUnits::new(Radix52(Emulated))))
        }
        Unit::Avx2 => {
            static UNITS: OnceLock<LaneUnits<Radix29<Emulated>>> = OnceLock::new();
            Some(UNITS.get_or_init(|| LaneUnits::new(Radix29(Emulated))))
        }
        Unit::Words => units(unit),
    }
}

/// Lanes, the table of their points, and the memory that slices are worked on in: as much as threads have worked at once, not as many keys
/// as there are.
pub(crate) struct LaneUnits<L: Lanes> {
    lanes: L,
    table: Table<L>,
    signers: Mutex<Vec<SliceSigner<L>>>,
    checks: Mutex<Vec<Check<L>>>,
}

impl<L: Lanes> LaneUnits<L> {
    pub(crate) fn new(lanes: L) -> Self {
        Self { lanes, table: comb::table(lanes), signers: Mutex::default(), checks: Mutex::default() }
    }
}

impl<L: Lanes> Units for LaneUnits<L> {
    fn sign(&self, key: Scalar, to_sign: ToSign<'_>) -> Result<(), Refused> {
        struct Job<'a, 'b, L: Lanes>(&'a mut SliceSigner<L>, Scalar, ToSign<'b>);
        impl<L: Lanes> Work for Job<'_, '_, L> {
            type Output = Result<(), Refused>;

            #[inline(always)]
            fn run(self) -> Self::Output {
                self.0.sign(self.1, self.2)
            }
        }
        let taken = self.signers.lock().pop();
        let mut signer = taken.unwrap_or_else(|| SliceSigner::new(self.lanes, self.table.clone()));
        let signed = self.lanes.run(Job(&mut signer, key, to_sign));
        signer.wipe();
        self.signers.lock().push(signer);
        signed
    }

    fn sums(&self, slice: Slice<'_>) -> Option<Sums> {
        struct Job<'a, L: Lanes>(&'a mut Check<L>, Slice<'a>);
        impl<L: Lanes> Work for Job<'_, L> {
            type Output = Option<Sums>;

            #[inline(always)]
            fn run(self) -> Option<Sums> {
                self.0.sums(self.1)
            }
        }
        let taken = self.checks.lock().pop();
        let mut check = taken.unwrap_or_else(|| Check::new(self.lanes));
        let sums = self.lanes.run(Job(&mut check, slice));
        self.checks.lock().push(check);
        sums
    }

    fn even_ys(&self, signatures: &[[u8; 64]], ys: &mut [Words]) {
        struct Job<'a, L>(L, &'a [[u8; 64]], &'a mut [Words]);
        impl<L: Lanes> Work for Job<'_, L> {
            type Output = ();

            #[inline(always)]
            fn run(self) {
                recover::even_ys(self.0, self.1, self.2);
            }
        }
        self.lanes.run(Job(self.lanes, signatures, ys));
    }
}
