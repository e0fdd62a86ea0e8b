//! Points: the comb, sums of pairs, sums of products and recovered points, against another library.

use num_bigint::BigUint;
use p256::ProjectivePoint;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{OnLanes, big, coordinates, exceptional, multiple_of_generator, on_all_lanes, scalar, words_of};
use crate::{
    comb::{self, Comb},
    lanes::{Lanes, NEGATED, PRIME, Packed, SameX},
    multiply::{FIRST, Multiply},
    order::ORDER,
    pairs::{Member, Pairs},
    recover,
    words::{self, Words},
};

fn one() -> BigUint {
    BigUint::from(1_u32)
}

/// k at the edges, odd: of an even one, n - k, as the signer takes it.
fn edge_multiples() -> Vec<Words> {
    let n = big(&ORDER);
    let mut edges = vec![one(), &one() + 1_u32, &n - 1_u32, &n - 2_u32, (&n - 1_u32) / 2_u32, (&n + 1_u32) / 2_u32];
    // Beside the exceptional ones, and those whose digits are all the largest or the smallest.
    edges.extend(exceptional().iter().flat_map(|k| [k - 2_u32, k + 2_u32]));
    edges.extend([
        (one() << 255) - 1_u32,
        (one() << 252) + 1_u32,
        (one() << 252) - 1_u32,
        (BigUint::from(15_u32) << 252) + 1_u32,
    ]);
    edges.extend(crate::field::tests::edge_scalars().iter().map(big));
    edges.iter().map(|k| words_of(&if k.bit(0) { k.clone() } else { &n - k })).collect()
}

#[inline(never)]
fn multiples<L: Lanes>(comb: &mut Comb<L>, lanes: L, scalars: &[Words]) -> Result<Vec<(Words, Words)>, SameX> {
    comb.multiply(scalars)?;
    let mut points = Vec::new();
    for (x, y) in comb.x.iter().zip(&comb.y) {
        let mut numbers = [[[0; 4]; 8]; 2];
        lanes.decode(x, &mut numbers[0][..L::WIDTH]);
        lanes.decode(y, &mut numbers[1][..L::WIDTH]);
        points.extend((0..L::WIDTH).map(|lane| (numbers[0][lane], numbers[1][lane])));
    }
    points.truncate(scalars.len());
    Ok(points)
}

#[test]
fn multiples_of_the_generator_are_right_at_the_edges_and_in_every_lane() {
    let edges = edge_multiples();
    let expected: Vec<_> = edges.iter().map(|k| coordinates(multiple_of_generator(&big(k)))).collect();
    struct Multiples(Vec<Words>, Vec<(Words, Words)>);
    impl OnLanes for Multiples {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            let mut comb = Comb::new(lanes, comb::table(lanes));
            for first in 0..L::WIDTH {
                assert!(multiples(&mut comb, lanes, &self.0[first..]).unwrap() == self.1[first..], "{name}");
            }
        }
    }
    on_all_lanes(&Multiples(edges, expected));
}

#[test]
fn the_one_exceptional_scalar_is_refused_in_every_lane() {
    struct Exceptional;
    impl OnLanes for Exceptional {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            // With 6 and 7 bits to a digit the last window begins at bit 252.
            assert_eq!((crate::lanes::windows(L::WINDOW) - 1) * L::WINDOW, 252);
            let [k, _] = exceptional();
            assert!(k.bit(0) && k < big(&ORDER));
            let mut comb = Comb::new(lanes, comb::table(lanes));
            for count in [1, L::WIDTH, 3 * L::WIDTH + 1] {
                for at in 0..count {
                    let mut scalars = vec![[3, 0, 0, 7]; count];
                    assert!(multiples(&mut comb, lanes, &scalars).is_ok(), "{name}");
                    scalars[at] = words_of(&k);
                    assert!(multiples(&mut comb, lanes, &scalars) == Err(SameX), "{name}, {at} of {count}");
                }
            }
        }
    }
    on_all_lanes(&Exceptional);
}

/// Points for a pool.
fn packed<L: Lanes>(lanes: L, points: &[ProjectivePoint]) -> Vec<Packed> {
    let mut pool = Vec::new();
    for point in points {
        let (x, y) = coordinates(*point);
        let mut packed = [Packed::ZERO; 8];
        lanes.scatter(&lanes.encode(&[x]), &lanes.encode(&[y]), &mut packed[..L::WIDTH]);
        pool.push(packed[0]);
    }
    pool
}

fn unpacked<L: Lanes>(lanes: L, pool: &[Packed], place: u32) -> (Words, Words) {
    let (x, y) = lanes.gather(pool, &[place; 8][..L::WIDTH]);
    let mut numbers = [[[0; 4]; 8]; 2];
    lanes.decode(&x, &mut numbers[0][..L::WIDTH]);
    lanes.decode(&y, &mut numbers[1][..L::WIDTH]);
    (numbers[0][0], numbers[1][0])
}

fn filling<L: Lanes>(lanes: L) -> [Packed; 2] {
    packed(lanes, &[1_u32, 3].map(|k| multiple_of_generator(&BigUint::from(k)))).try_into().unwrap()
}

#[inline(never)]
fn sum_of_groups<L: Lanes>(pairs: &mut Pairs<L>, lanes: L, members: &mut Vec<Member>) -> Result<(), SameX> {
    pairs.sum(lanes, members)
}

#[test]
fn groups_of_every_size_are_summed_to_the_right_points() {
    struct Groups;
    impl OnLanes for Groups {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            let mut rng = StdRng::seed_from_u64(2);
            let scalars: Vec<_> = (0..700).map(|_| BigUint::from(rng.random::<u128>())).collect();
            let points: Vec<_> = scalars.iter().map(multiple_of_generator).collect();
            let mut pairs = Pairs::<L>::new(filling(lanes));
            pairs.pool.extend(packed(lanes, &points));
            let (mut members, mut expected, mut next) = (Vec::new(), Vec::new(), 0);
            for (group, size) in [1, 2, 3, 4, 5, 8, 17, 1, 64, 100, 33, 2, 400].into_iter().enumerate() {
                let mut sum = ProjectivePoint::IDENTITY;
                for _ in 0..size {
                    let negated = rng.random::<bool>();
                    sum += if negated { -points[next] } else { points[next] };
                    let place = (FIRST + next) as u32 | if negated { NEGATED } else { 0 };
                    members.push(Member { group: group as u32, place });
                    next += 1;
                }
                expected.push(coordinates(sum));
            }
            sum_of_groups(&mut pairs, lanes, &mut members).unwrap();
            let sums: Vec<_> = members.iter().map(|member| unpacked(lanes, &pairs.pool, member.place)).collect();
            assert!(sums == expected, "{name}");
        }
    }
    on_all_lanes(&Groups);
}

#[test]
fn a_point_and_itself_or_its_negative_in_one_group_are_refused() {
    struct Same;
    impl OnLanes for Same {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            let points: Vec<_> = (5_u32..25).map(|k| multiple_of_generator(&BigUint::from(k))).collect();
            for pair in 0..10 {
                for sign in [0, NEGATED] {
                    let mut pairs = Pairs::<L>::new(filling(lanes));
                    pairs.pool.extend(packed(lanes, &points));
                    let place = |at: u32| FIRST as u32 + at;
                    let mut members: Vec<_> = (0..20).map(|at| Member { group: at / 2, place: place(at) }).collect();
                    members[2 * pair + 1].place = members[2 * pair].place | sign;
                    assert_eq!(sum_of_groups(&mut pairs, lanes, &mut members), Err(SameX), "{name}, pair {pair}");
                }
            }
        }
    }
    on_all_lanes(&Same);
}

#[test]
fn sums_of_products_are_right_whatever_the_weights_and_never_wrong_of_repeated_points() {
    struct Sums;
    impl OnLanes for Sums {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            let mut rng = StdRng::seed_from_u64(3);
            let mut refused = 0;
            for round in 0..40 {
                let count = [1, 2, 3, 9, 40, 150][round % 6];
                let mut points: Vec<_> =
                    (0..count).map(|_| multiple_of_generator(&BigUint::from(rng.random::<u128>()))).collect();
                let mut weights: Vec<u128> = (0..count)
                    .map(|_| match rng.random_range(0..6) {
                        0 => u128::MAX,
                        1 => 1 << rng.random_range(0..128),
                        2 => u128::MAX >> rng.random_range(0..128),
                        _ => rng.random(),
                    })
                    .collect();
                let repeats = round >= 20 && count > 1;
                if repeats {
                    // The same point, or its negative, with the same weight: what an adversary would give.
                    let sign = if rng.random() { scalar(&one()) } else { -scalar(&one()) };
                    points[count - 1] = points[0] * sign;
                    weights[count - 1] = weights[0];
                }
                let mut multiply = Multiply::<L>::new(filling(lanes));
                multiply.pairs.pool.extend(packed(lanes, &points));
                let expected: ProjectivePoint =
                    points.iter().zip(&weights).map(|(point, weight)| *point * scalar(&BigUint::from(*weight))).sum();
                match multiply.sum(lanes, &weights) {
                    Ok(sum) => assert_eq!(sum, expected, "{name}, {count}: {weights:x?}"),
                    Err(SameX) => refused += 1,
                }
            }
            assert!((1..=34).contains(&refused), "{name}: {refused}");
        }
    }
    on_all_lanes(&Sums);
}

#[test]
fn the_even_y_is_found_where_there_is_one_and_never_a_point_off_the_curve_passes() {
    struct Recovered;
    impl OnLanes for Recovered {
        fn on<L: Lanes>(&self, name: &str, lanes: L) {
            let p = big(&PRIME);
            let mut rng = StdRng::seed_from_u64(4);
            let xs: Vec<_> = (0..60_u32)
                .map(|at| match at {
                    0..10 => BigUint::from(at),
                    10..20 => &p - at,
                    _ => BigUint::from_bytes_be(&rng.random::<[u8; 32]>()) % &p,
                })
                .collect();
            let mut signatures = vec![[0; 64]; xs.len()];
            for (signature, x) in signatures.iter_mut().zip(&xs) {
                signature[..32].copy_from_slice(&words::to_bytes(&words_of(x)));
            }
            let mut ys = vec![[0; 4]; xs.len()];
            recover::even_ys(lanes, &signatures, &mut ys);
            let mut found = 0;
            for (x, y) in xs.iter().map(words_of).zip(&ys) {
                let mut even = [2; 33];
                even[1..].copy_from_slice(&words::to_bytes(&x));
                let mut full = [4; 65];
                full[1..33].copy_from_slice(&words::to_bytes(&x));
                full[33..].copy_from_slice(&words::to_bytes(y));
                let expected = p256::PublicKey::from_sec1_bytes(&even);
                assert_eq!(
                    p256::PublicKey::from_sec1_bytes(&full).ok(),
                    expected.as_ref().ok().copied(),
                    "{name}: {x:x?}"
                );
                assert!(y[0] & 1 == 0 && big(y) < p, "{name}: {x:x?}");
                found += u32::from(expected.is_ok());
            }
            assert!((10..50).contains(&found), "{name}: {found}");
        }
    }
    on_all_lanes(&Recovered);
}
