//! Affine additions that share an inversion: (x₁, y₁) + (x₂, y₂) with dx = x₂ - x₁.

use crate::lanes::Lanes;

/// Products that are kept side by side, so that one need not wait for the one before.
pub(crate) const CHAINS: usize = 4;

/// The addition's part in the product of all differences. Gives the product before it, which `finish` needs.
#[inline(always)]
pub(crate) fn begin<L: Lanes>(lanes: L, product: &mut L::Element, dx: &L::Element) -> L::Element {
    let before = *product;
    *product = lanes.mul(product, dx);
    before
}

/// The sum, in the opposite order of `begin`: `inverse` is that of the product with this difference, and becomes that of the one before it.
#[inline(always)]
pub(crate) fn finish<L: Lanes>(
    lanes: L,
    inverse: &mut L::Element,
    before: &L::Element,
    dx: &L::Element,
    (x, y): (&L::Element, &L::Element),
    other_y: &L::Element,
) -> (L::Element, L::Element) {
    let inverted = lanes.mul(inverse, before);
    *inverse = lanes.mul(inverse, dx);
    let slope = lanes.mul(&lanes.sub(other_y, y), &inverted);
    let sum = lanes.sub_twice_reduced(&lanes.square(&slope), x, dx);
    let product = lanes.mul(&slope, &lanes.sub(x, &sum));
    (sum, lanes.sub_reduced(&product, y))
}
