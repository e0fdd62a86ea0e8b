//! Numbers: the form of each, and which ones a double holds.

use rand::RngExt as _;

use super::random::seeded;
use super::*;

#[test]
fn appendix_b_of_the_rfc() {
    for (bits, form) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        let double = f64::from_bits(bits);
        assert_eq!(form.parse::<f64>(), Ok(double));
        assert_canonical(form, form);
        let digits = shortest(double);
        assert_canonical(&digits, form);
    }
}

#[test]
fn a_number_has_one_form() {
    for (text, form) in [
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e999999", "0"),
        ("-0.000e-99999999999999999999", "0"),
        ("0.1", "0.1"),
        ("1.10", "1.1"),
        ("-1.50e1", "-15"),
        ("1e3", "1000"),
        ("1E-7", "1e-7"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("12e-8", "1.2e-7"),
        ("0.00000123", "0.00000123"),
        ("100000000000000000000", "100000000000000000000"),
        ("123456789012345680000", "123456789012345680000"),
        ("1000000000000000000000", "1e+21"),
        ("1234567890123456800000", "1.2345678901234568e+21"),
        ("1e+20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("1.5E300", "1.5e+300"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740994", "9007199254740994"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("2.2250738585072014e-308", "2.2250738585072014e-308"),
        ("1e308", "1e+308"),
        ("1e-320", "1e-320"),
        ("0.00005e-319", "5e-324"),
        ("100e-2", "1"),
        ("1.0000000000000000000000000000", "1"),
        ("10.5", "10.5"),
        ("101", "101"),
        ("1e-00000000000000000000000000002", "0.01"),
    ] {
        assert_canonical(text, form);
    }
    let zeros = "0".repeat(100_000);
    assert_canonical(&format!("0.{zeros}125e100001"), "1.25");
    assert_canonical(&format!("-125{zeros}e-100002"), "-1.25");
    assert_canonical(&format!("1.5{zeros}"), "1.5");
    assert_canonical(&format!("1e{zeros}7"), "10000000");
    assert_canonical(&format!("0.{zeros}"), "0");
}

#[test]
fn what_a_double_does_not_hold_is_refused() {
    let zeros = "0".repeat(100_000);
    for text in [
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "3.141592653589793238",
        "0.30000000000000000004",
        "0.10000000000000001",
        "0.1000000000000000055511151231257827021181583404541015625",
        "100000000000000000001",
        "9.999999999999999e22",
        "1e400",
        "-1e309",
        "1.7976931348623159e308",
        "1e-400",
        "3e-324",
        "4.9e-324",
        "1e999999999999",
        "1e-999999999999",
        "1e99999999999999999999999999",
        // Exponents that are zero to who has 64 or 128 bits and does not look at the others.
        "1e18446744073709551616",
        "1e340282366920938463463374607431768211456",
        "-1e-99999999999999999999999999",
        &format!("1{zeros}"),
        &format!("1{zeros}1e-100000"),
        &format!("0.{zeros}1"),
        &format!("1.{zeros}1"),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Number(0)), "{text}");
    }
    assert_eq!(canonical("[0, -9007199254740993]"), Err(NotCanonical::Number(4)));
}

#[test]
fn the_grammar_of_numbers() {
    for (text, at) in [
        ("01", 1),
        ("-01", 2),
        ("00", 1),
        ("+1", 0),
        (".5", 0),
        ("-.5", 1),
        ("1.e1", 2),
        ("1.x", 2),
        ("1e+x", 3),
        ("1ex", 2),
        ("1e1.5", 3),
        ("1.5.5", 3),
        ("-x", 1),
        ("--1", 1),
        ("1_000", 1),
        ("0x10", 1),
        ("Infinity", 0),
        ("-Infinity", 1),
    ] {
        assert_eq!(canonical(text), Err(NotCanonical::Syntax(at)), "{text}");
    }
}

/// A double's shortest digits, from the standard library. It finds how many there are; of those that are as many, the closest are wanted,
/// and of two as close the even ones.
fn shortest(double: f64) -> String {
    let some = format!("{double:e}");
    let digits = some.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    format!("{double:.*e}", digits - 1)
}

/// ECMAScript's form of a double.
fn form(double: f64) -> String {
    let text = shortest(double.abs());
    let (digits, exponent) = text.split_once('e').unwrap();
    let digits = digits.replace('.', "");
    let (count, exponent) = (digits.len() as i32, exponent.parse::<i32>().unwrap());
    let form = match exponent + 1 {
        point @ ..=-6 | point @ 22.. => {
            let point = point - 1;
            let fraction = if count > 1 { format!(".{}", &digits[1..]) } else { String::new() };
            format!("{}{fraction}e{}{}", &digits[..1], if point < 0 { '-' } else { '+' }, point.abs())
        }
        point @ ..=0 => format!("0.{}{digits}", "0".repeat(-point as usize)),
        point if point < count => format!("{}.{}", &digits[..point as usize], &digits[point as usize..]),
        point => format!("{digits}{}", "0".repeat((point - count) as usize)),
    };
    if double < 0.0 { format!("-{form}") } else { form }
}

#[test]
fn every_double_is_held_in_its_shortest_digits() {
    let mut rng = seeded();
    // Of all sizes, near one, and from 2^46 to 2^51, where many lie in the middle of two shorter numbers.
    let exponents = [0..0x7ff, 0x3f0..0x410, 0x3ff + 46..0x3ff + 51];
    for exponents in exponents.iter().cycle().take(30_000) {
        let exponent: u64 = rng.random_range(exponents.clone());
        let double = f64::from_bits(rng.random::<u64>() & !(0x7ff << 52) | exponent << 52);
        assert_canonical(&shortest(double), &form(double));
        assert_canonical(&form(double), &form(double));
    }
    assert_eq!(canonical("1424953923781206.3"), Err(NotCanonical::Number(0)));
    assert_eq!(canonical("1424953923781206.25"), Err(NotCanonical::Number(0)));
}

#[test]
fn a_decimal_is_held_if_its_double_has_no_other_digits() {
    let mut rng = seeded();
    for _ in 0..50_000 {
        let limit = 10_u64.pow(rng.random_range(1..19));
        let mantissa: u64 = rng.random_range(1..limit);
        let exponent = rng.random_range(-345..312);
        let text = format!("{mantissa}e{exponent}");
        let double: f64 = text.parse().unwrap();
        let digits = |text: &str| text.replace('.', "").split('e').next().unwrap().trim_end_matches('0').to_owned();
        let held = double.is_finite() && digits(&shortest(double)) == digits(&text);
        let expected = if held { Ok(form(double)) } else { Err(NotCanonical::Number(0)) };
        assert_eq!(canonical(&text), expected, "{text}");
    }
}
