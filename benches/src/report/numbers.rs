//! Numbers as a person reads them.

use crate::stats::Spread;

/// With three digits that count, and commas between the thousands.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 0.01 => 4,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text
        .find('.')
        .map_or((text.as_str(), ""), |dot| text.split_at(dot));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// The median, and how far the rounds lie apart.
pub(super) fn spread(spread: Spread, unit: &str) -> String {
    let Spread { median, min, max } = spread;
    if number(min) == number(max) {
        return format!("{}{unit}", number(median));
    }
    format!(
        "{}{unit} [{} .. {}]",
        number(median),
        number(min),
        number(max)
    )
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.123_4), "0.123");
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(45.678), "45.7");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(1_234_567.0), "1,234,567");
    }
}
