//! Words, and numbers modulo n, against big integers.

use num_bigint::BigUint;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{big, words_of};
use crate::{
    lanes::PRIME,
    order::{self, ORDER, Plain, Scalar},
    words::{self, Words},
};

/// Numbers below 2²⁵⁶ whose words are 0, 1, all ones or n's, p's or any.
fn cases() -> Vec<Words> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut cases = vec![[0; 4], [1, 0, 0, 0], [u64::MAX; 4]];
    for modulus in [big(&ORDER), big(&PRIME)] {
        for number in
            [&modulus - 2_u32, &modulus - 1_u32, modulus.clone(), &modulus + 1_u32, (&modulus - 1_u32) / 2_u32]
        {
            cases.push(words_of(&number));
        }
    }
    for _ in 0..40 {
        cases.push(std::array::from_fn(|word| match rng.random_range(0..6) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => ORDER[word],
            4 => 1 << 63,
            _ => rng.random(),
        }));
    }
    cases
}

/// The number that a scalar is.
fn value(scalar: Scalar) -> BigUint {
    big(&scalar.times(&[1, 0, 0, 0]).0)
}

fn big_of_eight(words: &[u64; 8]) -> BigUint {
    words.iter().rev().fold(BigUint::ZERO, |number, word| (number << 64) + *word)
}

#[test]
fn words_add_subtract_and_multiply_as_integers_do() {
    let power = BigUint::from(1_u32) << 256;
    for a in cases() {
        assert_eq!(big_of_eight(&words::square_wide(&a)), big(&a) * big(&a));
        assert_eq!(words::zero_mask(&a), if a == [0; 4] { u64::MAX } else { 0 });
        assert_eq!(words::from_bytes(&words::to_bytes(&a)), a);
        assert_eq!(
            words::to_bytes(&a).to_vec(),
            [vec![0; 32], big(&a).to_bytes_be()].concat()[big(&a).to_bytes_be().len()..]
        );
        for b in cases() {
            assert_eq!(big_of_eight(&words::mul_wide(&a, &b)), big(&a) * big(&b));
            let (sum, carry) = words::add(&a, &b);
            assert_eq!(big(&sum) + carry * &power, big(&a) + big(&b));
            let (difference, borrow) = words::sub(&a, &b);
            assert_eq!(big(&difference) + big(&b), big(&a) + borrow * &power);
            assert_eq!([words::select(u64::MAX, &a, &b), words::select(0, &a, &b)], [a, b]);
            for modulus in [ORDER, PRIME] {
                if big(&a) + big(&b) < big(&modulus) * 2_u32 {
                    let expected = (big(&a) + big(&b)) % big(&modulus);
                    assert_eq!(big(&words::reduce_once(&sum, carry, &modulus)), expected);
                }
            }
        }
    }
    for modulus in [ORDER, PRIME] {
        for more in [0, 1, 5, 255, 256, 266] {
            assert_eq!(big(&words::power_of_two(&modulus, more)), (&power << more) % big(&modulus));
        }
    }
}

#[test]
fn numbers_modulo_n_multiply_add_negate_and_invert_as_integers_do() {
    let n = big(&ORDER);
    let below_n: Vec<_> = cases().into_iter().filter(|number| big(number) < n).collect();
    for number in cases() {
        assert_eq!(big(&order::reduce(&number)), big(&number) % &n);
        assert_eq!(value(Scalar::new(&number)), big(&number) % &n);
    }
    for a in &below_n {
        let scalar = Scalar::new(a);
        assert_eq!(big(&order::negate(a)), &n - big(a));
        assert_eq!((value(Scalar::divided(a)) << 256) % &n, big(a));
        assert_eq!(value(scalar.invert()), big(a).modpow(&(&n - 2_u32), &n));
        for b in &below_n {
            assert_eq!(value(scalar.mul(Scalar::new(b))), big(a) * big(b) % &n);
            assert_eq!(big(&scalar.times(b).0), big(a) * big(b) % &n);
            assert_eq!(big(&Plain(*a).add(Plain(*b)).0), (big(a) + big(b)) % &n);
        }
    }
}

#[test]
fn one_inversion_inverts_all_and_a_zero_among_them_leaves_nothing() {
    let n = big(&ORDER);
    let numbers: Vec<_> = cases().into_iter().filter(|number| big(number) % &n != BigUint::ZERO).collect();
    for count in [0, 1, 2, numbers.len()] {
        let mut scalars: Vec<_> = numbers[..count].iter().map(Scalar::new).collect();
        order::invert_all(&mut scalars, &mut vec![Scalar::ONE; 3], Scalar::new(&[9, 0, 0, 0]));
        for (inverse, number) in scalars.iter().zip(&numbers) {
            assert_eq!(value(*inverse), 9_u32 * big(number).modpow(&(&n - 2_u32), &n) % &n);
        }
    }
    for zero in 0..5 {
        let mut scalars: Vec<_> = numbers[..5].iter().map(Scalar::new).collect();
        scalars[zero] = Scalar::ZERO;
        order::invert_all(&mut scalars, &mut Vec::new(), Scalar::ONE);
        assert!(scalars.iter().all(|scalar| *scalar == Scalar::ZERO));
    }
}

#[test]
fn wide_numbers_are_reduced_modulo_the_order() {
    for high in cases() {
        for low in cases() {
            let mut wide = [0; 64];
            wide[..32].copy_from_slice(&words::to_bytes(&high));
            wide[32..].copy_from_slice(&words::to_bytes(&low));
            let expected = ((big(&high) << 256) + big(&low)) % big(&ORDER);
            assert_eq!(BigUint::from_bytes_be(&order::reduce_wide(&wide)), expected);
        }
    }
}
