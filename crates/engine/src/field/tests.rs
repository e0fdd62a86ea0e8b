//! Every operation of the three fields, on the real and the emulated units, against big integers: at limbs and sizes as large as documented.

mod limbs;

use num_bigint::{BigInt, BigUint, Sign};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

#[cfg(target_arch = "x86_64")]
use crate::isa::{Avx2, Avx512Ifma};
use crate::{
    field::{plain::Plain, radix29::Radix29, radix52::Radix52},
    isa::Emulated,
    lanes::{NEGATED, PRIME, Packed, windows},
    words::{self, Words},
};
use limbs::{Bound, Bounds, Limbs, extremes};

pub(crate) fn big(words: &Words) -> BigUint {
    BigUint::from_bytes_be(&words::to_bytes(words))
}

pub(crate) fn words_of(number: &BigUint) -> Words {
    let mut words = [0; 4];
    for (word, digit) in words.iter_mut().zip(number.iter_u64_digits()) {
        *word = digit;
    }
    words
}

fn modulo(number: &BigInt) -> BigUint {
    let p = BigInt::from(big(&PRIME));
    let remainder = ((number % &p) + &p) % &p;
    assert!(remainder.sign() != Sign::Minus);
    remainder.to_biguint().unwrap()
}

fn inverse(number: &BigUint) -> BigUint {
    number.modpow(&(big(&PRIME) - 2_u32), &big(&PRIME))
}

fn signed(number: &BigUint) -> BigInt {
    BigInt::from(number.clone())
}

/// What a test does on all fields that can run here.
trait OnField {
    fn on<L: Limbs>(&self, name: &str, lanes: L, bounds: &Bounds);
}

fn on_every_field(test: &impl OnField) {
    test.on("words", Plain, &limbs::PLAIN);
    test.on("radix 29, emulated", Radix29(Emulated), &limbs::RADIX_29);
    test.on("radix 52, emulated", Radix52(Emulated), &limbs::RADIX_52);
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = Avx2::detect() {
        test.on("AVX2", Radix29(unit), &limbs::RADIX_29);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = Avx512Ifma::detect() {
        test.on("AVX-512 IFMA", Radix52(unit), &limbs::RADIX_52);
    }
}

/// Lanes of elements as an operation takes them: each case in a lane, and each lane with a case of its own.
fn check<L: Limbs, const N: usize>(
    (name, lanes): (&str, L),
    inputs: [Bound; N],
    output: Bound,
    operation: impl Fn(L, &[L::Element; N]) -> L::Element,
    expected: impl Fn(&[BigUint; N]) -> BigUint,
) {
    let mut rng = StdRng::seed_from_u64(7);
    let lists = inputs.map(|bound| extremes::<L>(bound, &mut rng));
    let most = lists.iter().map(Vec::len).max().unwrap();
    // Every extreme beside every other, by turning the lists against each other.
    for turn in 0..most {
        for first in (0..most).step_by(L::WIDTH) {
            let case = |input: usize, lane: usize| {
                let list = &lists[input];
                &list[(first + lane + turn * input * (input + 1) / 2) % list.len()]
            };
            let elements = std::array::from_fn(|input| {
                lanes.of_limbs(&(0..L::WIDTH).map(|lane| case(input, lane).clone()).collect::<Vec<_>>())
            });
            let result = lanes.limbs(&operation(lanes, &elements));
            for (lane, result) in result.iter().enumerate() {
                let numbers = std::array::from_fn(|input| L::number(case(input, lane)));
                assert_eq!(modulo(&signed(&L::number(result))), expected(&numbers), "{name}: {numbers:x?}");
                assert!(output.holds::<L>(result), "{name}: {result:x?} of {numbers:x?}");
            }
        }
    }
}

#[test]
fn every_operation_is_right_and_within_its_bounds_at_the_largest_limbs_and_sizes() {
    struct Operations;
    impl OnField for Operations {
        fn on<L: Limbs>(&self, name: &str, lanes: L, bounds: &Bounds) {
            let montgomery = inverse(&(BigUint::from(1_u32) << L::MONTGOMERY));
            let product = |a: &BigUint, b: &BigUint| modulo(&signed(&(a * b * &montgomery)));
            for inputs in bounds.mul {
                let mul = |lanes: L, [a, b]: &[L::Element; 2]| lanes.mul(a, b);
                check((name, lanes), *inputs, bounds.product, mul, |[a, b]| product(a, b));
            }
            let square = |lanes: L, [a]: &[L::Element; 1]| lanes.square(a);
            check((name, lanes), [bounds.square], bounds.product, square, |[a]| product(a, a));
            let difference = |[a, b]: &[BigUint; 2]| modulo(&(signed(a) - signed(b)));
            let sub = |lanes: L, [a, b]: &[L::Element; 2]| lanes.sub(a, b);
            check((name, lanes), bounds.sub, bounds.difference, sub, difference);
            let sub = |lanes: L, [a, b]: &[L::Element; 2]| lanes.sub_reduced(a, b);
            check((name, lanes), bounds.sub_reduced, bounds.reduced, sub, difference);
            let sub = |lanes: L, [a, b, c]: &[L::Element; 3]| lanes.sub_twice_reduced(a, b, c);
            check((name, lanes), bounds.sub_twice_reduced, bounds.reduced, sub, |[a, b, c]| {
                modulo(&(signed(a) - signed(b) * 2 - signed(c)))
            });
        }
    }
    on_every_field(&Operations);
}

/// Numbers below 2²⁵⁶ at the edges of words and of p.
fn edge_numbers() -> Vec<Words> {
    let p = big(&PRIME);
    let one = BigUint::from(1_u32);
    let mut edges = vec![BigUint::ZERO, one.clone(), &p - 2_u32, &p - 1_u32, p.clone(), &p + 1_u32];
    for bit in [29, 52, 58, 63, 64, 104, 128, 156, 192, 208, 224, 232, 255, 256] {
        edges.extend([(&one << bit) - 1_u32, (&one << bit) % (&one << 256), (&one << 256) - (&one << (bit - 1))]);
    }
    edges.iter().map(words_of).collect()
}

#[test]
fn numbers_go_into_montgomery_form_and_back_from_every_lane() {
    struct Codes;
    impl OnField for Codes {
        fn on<L: Limbs>(&self, name: &str, lanes: L, bounds: &Bounds) {
            let power = BigUint::from(1_u32) << L::MONTGOMERY;
            let edges = edge_numbers();
            for turn in 0..L::WIDTH {
                for numbers in edges[turn..].chunks(L::WIDTH) {
                    let encoded = lanes.encode(numbers);
                    let limbs = lanes.limbs(&encoded);
                    for (lane, limbs) in limbs.iter().enumerate() {
                        let number = numbers.get(lane).map_or(BigUint::from(1_u32), big);
                        assert_eq!(L::number(limbs) % big(&PRIME), number * &power % big(&PRIME), "{name}");
                        assert!(bounds.encoded.holds::<L>(limbs), "{name}: {limbs:x?}");
                    }
                    let mut decoded = vec![[0; 4]; numbers.len()];
                    lanes.decode(&encoded, &mut decoded);
                    for (decoded, number) in decoded.iter().zip(numbers) {
                        assert_eq!(big(decoded), big(number) % big(&PRIME), "{name}");
                    }
                }
            }
            // Elements as large as they can be are decoded to what they stand for, below p.
            let montgomery = inverse(&power);
            let mut rng = StdRng::seed_from_u64(8);
            for cases in extremes::<L>(bounds.square, &mut rng).chunks_exact(L::WIDTH) {
                let mut decoded = vec![[0; 4]; L::WIDTH];
                lanes.decode(&lanes.of_limbs(cases), &mut decoded);
                for (decoded, case) in decoded.iter().zip(cases) {
                    assert_eq!(big(decoded), L::number(case) * &montgomery % big(&PRIME), "{name}");
                }
            }
        }
    }
    on_every_field(&Codes);
}

#[test]
fn points_go_into_a_pool_and_come_back_as_they_are_or_negated() {
    struct Pools;
    impl OnField for Pools {
        fn on<L: Limbs>(&self, name: &str, lanes: L, bounds: &Bounds) {
            let mut rng = StdRng::seed_from_u64(9);
            let cases = extremes::<L>(bounds.scattered, &mut rng);
            for (turn, x) in cases.chunks_exact(L::WIDTH).enumerate() {
                let y: Vec<_> = (0..L::WIDTH).map(|lane| cases[(turn + 3 * lane) % cases.len()].clone()).collect();
                let mut pool = vec![Packed::ZERO; L::WIDTH];
                lanes.scatter(&lanes.of_limbs(x), &lanes.of_limbs(&y), &mut pool);
                for ((point, x), y) in pool.iter().zip(x).zip(&y) {
                    assert_eq!(big(point.x()) % big(&PRIME), L::number(x) % big(&PRIME), "{name}");
                    assert_eq!(big(point.y()) % big(&PRIME), L::number(y) % big(&PRIME), "{name}");
                }
            }
            let edges = if L::REDUCED { vec![[0; 4], words_of(&(big(&PRIME) - 1_u32))] } else { edge_numbers() };
            let pool: Vec<_> = edges.iter().zip(edges.iter().rev()).map(|(x, y)| Packed::new(x, y)).collect();
            for turn in 0..pool.len() {
                let place = |lane: usize| ((turn + 5 * lane) % pool.len()) as u32;
                let negated = |lane: usize| ((turn * 37 + lane * 11) / 3).is_multiple_of(2);
                let places: Vec<_> =
                    (0..L::WIDTH).map(|lane| place(lane) | if negated(lane) { NEGATED } else { 0 }).collect();
                let (x, y) = lanes.gather(&pool, &places);
                for (lane, (x, y)) in lanes.limbs(&x).iter().zip(lanes.limbs(&y)).enumerate() {
                    let point = &pool[place(lane) as usize];
                    let sign = if negated(lane) { -1 } else { 1 };
                    assert_eq!(L::number(x), big(point.x()), "{name}");
                    assert_eq!(modulo(&signed(&L::number(&y))), modulo(&(signed(&big(point.y())) * sign)), "{name}");
                    assert!(bounds.reduced.holds::<L>(x) && bounds.reduced.holds::<L>(&y), "{name}");
                }
            }
        }
    }
    on_every_field(&Pools);
}

/// Odd scalars below n at the edges of words and windows.
pub(crate) fn edge_scalars() -> Vec<Words> {
    let one = BigUint::from(1_u32);
    let order = big(&crate::order::ORDER);
    let mut edges = vec![one.clone(), BigUint::from(3_u32), &order - 2_u32, (&order - 1_u32) / 2_u32];
    for bit in (6..256).step_by(3) {
        edges.extend([(&one << bit) - 1_u32, (&one << bit) + 1_u32, &order - (&one << bit)]);
    }
    let mut rng = StdRng::seed_from_u64(10);
    edges.extend((0..50).map(|_| BigUint::from_bytes_be(&rng.random::<[u8; 32]>()) % &order));
    edges.iter().filter(|edge| *edge < &order).map(|edge| words_of(&(edge | &one))).collect()
}

#[test]
fn the_digits_of_an_odd_scalar_sum_up_to_it() {
    for bits in [6, 7] {
        for scalar in edge_scalars() {
            let mut sum = BigInt::ZERO;
            for window in 0..windows(bits) {
                let (index, negative) = crate::field::digits::digit(&scalar, window, bits);
                assert!(index < 1 << (bits - 1) && (negative == 0 || negative == u64::MAX));
                let digit = BigInt::from(2 * index + 1) * if negative == 0 { 1 } else { -1 };
                sum += digit << (bits * window);
            }
            assert_eq!(sum, signed(&big(&scalar)), "{bits} bits");
        }
    }
}

#[test]
fn the_point_of_each_digit_is_chosen_and_mirrored_in_every_lane() {
    struct Selections;
    impl OnField for Selections {
        fn on<L: Limbs>(&self, name: &str, lanes: L, bounds: &Bounds) {
            // Coordinates that tell where they came from; one at each end of the field.
            let x = |index: u64| [index, u64::MAX, index, 0xffff_ffff_0000_0000];
            let y = |index: u64| if index == 5 { words_of(&(big(&PRIME) - 1_u32)) } else { [index + 1, 0, 0, 0] };
            let points: Vec<_> = (0..1 << (L::WINDOW - 1)).map(|index| (x(index), y(index))).collect();
            let row = lanes.row(&points);
            for scalars in edge_scalars().chunks(L::WIDTH) {
                let prepared = lanes.scalars(scalars);
                for window in 0..windows(L::WINDOW) {
                    let (found_x, found_y) = lanes.select(&row, &prepared, window);
                    for element in [&found_x, &found_y] {
                        assert!(lanes.limbs(element).iter().all(|limbs| bounds.reduced.holds::<L>(limbs)), "{name}");
                    }
                    let mut found = [[[0; 4]; 8]; 2];
                    lanes.decode(&found_x, &mut found[0][..L::WIDTH]);
                    lanes.decode(&found_y, &mut found[1][..L::WIDTH]);
                    for (lane, scalar) in scalars.iter().enumerate() {
                        let (index, negative) = crate::field::digits::digit(scalar, window, L::WINDOW);
                        let mirrored = words::sub(&PRIME, &y(index)).0;
                        assert_eq!(found[0][lane], x(index), "{name}, window {window}");
                        assert_eq!(found[1][lane], words::select(negative, &mirrored, &y(index)), "{name}");
                    }
                }
            }
        }
    }
    on_every_field(&Selections);
}
