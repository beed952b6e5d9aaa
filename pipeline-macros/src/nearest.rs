//! The word that was meant.

/// The candidate nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(word, word.chars().count() / 3 + 1, among)
}

/// The same where words of others may stand, too: two edits make `fold` of anybody's `foo`.
pub(crate) fn slip<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = if length > 3 { length / 3 + 1 } else { 1 };
    within(word, limit, among)
}

fn within<'a>(
    word: &str,
    limit: usize,
    among: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    among
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words; two swapped neighbours are one edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let change = usize::from(a[i] != b[j]);
            let mut best = (last[j] + change).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{nearest, slip};

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        let words = ["map", "filter", "filter_map", "flat_map", "tap"];
        assert_eq!(nearest("fliter", words), Some("filter"));
        assert_eq!(nearest("mpa", words), Some("map"));
        assert_eq!(nearest("flatmap", words), Some("flat_map"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("make_rows", ["map", "filter"]), None);
        assert_eq!(slip("foo", ["fold", "map"]), None);
    }
}
