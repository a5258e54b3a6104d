//! How sure a share is that was seen in a sample: the Wilson score interval.
//!
//! The plain interval of the textbooks says *surely none* after two calls without a fault; Wilson's
//! holds for small samples and for shares near nought, which is where false positives are wanted.
//! Rejected: a crate of statistics for one formula.

/// Where a share lies, as parts of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// Where the share lies of which `hits` were seen in `of`, as surely as `confidence`, two-sided.
/// Of no sample nothing is known.
pub fn wilson(hits: u64, of: u64, confidence: f64) -> Interval {
    if of == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let (n, z) = (of as f64, quantile(f64::midpoint(1.0, confidence)));
    let share = (hits as f64 / n).min(1.0);
    let square = z * z;
    let middle = share + square / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    // Rounding must not make a bound of nought or one something else.
    let low = if hits == 0 { 0.0 } else { (middle - reach) / scale };
    let high = if hits >= of { 1.0 } else { (middle + reach) / scale };
    Interval { low, high }
}

/// The point below which a normal variable lies with probability `p`, above one half: Acklam's
/// approximation, good to nine digits.
fn quantile(p: f64) -> f64 {
    const TAIL: f64 = 0.975_75;
    if p <= TAIL {
        let q = p - 0.5;
        let r = q * q;
        return q * polynomial(&A, r) / (polynomial(&B, r) * r + 1.0);
    }
    let q = (-2.0 * (1.0 - p).ln()).sqrt();
    -polynomial(&C, q) / (polynomial(&D, q) * q + 1.0)
}

const A: [f64; 6] = [
    -39.696_830_286_653_76,
    220.946_098_424_520_5,
    -275.928_510_446_968_7,
    138.357_751_867_269,
    -30.664_798_066_147_16,
    2.506_628_277_459_239,
];

const B: [f64; 5] = [
    -54.476_098_798_224_06,
    161.585_836_858_040_9,
    -155.698_979_859_886_6,
    66.801_311_887_719_72,
    -13.280_681_552_885_72,
];

const C: [f64; 6] = [
    -0.007_784_894_002_430_293,
    -0.322_396_458_041_136_5,
    -2.400_758_277_161_838,
    -2.549_732_539_343_734,
    4.374_664_141_464_968,
    2.938_163_982_698_783,
];

const D: [f64; 4] = [
    0.007_784_695_709_041_462,
    0.322_467_129_070_039_8,
    2.445_134_137_142_996,
    3.754_408_661_907_416,
];

/// Coefficients from the highest power down.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} is not {wanted}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (0.75, 0.674_489_750),
            (0.9, 1.281_551_566),
            (0.95, 1.644_853_627),
            (0.975, 1.959_963_985),
            (0.995, 2.575_829_304),
            (0.9995, 3.290_526_731),
        ] {
            is_near(quantile(p), z, 1e-8);
        }
    }

    #[test]
    fn intervals_are_those_of_newcombe() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(hits, of, 0.95);
            is_near(found.low, low, 5e-5);
            is_near(found.high, high, 5e-5);
        }
    }

    #[test]
    fn more_is_surer_and_nothing_is_unknown() {
        assert_eq!(wilson(0, 0, 0.95), Interval { low: 0.0, high: 1.0 });
        assert_eq!(wilson(7, 7, 0.95).high, 1.0);
        let width = |of: u64| wilson(of / 10, of, 0.95).high - wilson(of / 10, of, 0.95).low;
        assert!(width(1_000) < width(100) && width(100) < width(10));
        assert!(wilson(2, 100, 0.99).high > wilson(2, 100, 0.9).high);
    }
}
