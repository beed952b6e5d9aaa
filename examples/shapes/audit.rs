//! Whether each document is what its source says: looked at from outside, by code that shares nothing with the pipeline.
//!
//! It does not simplify anything a second time. It reads both outlines, and checks what a simplified one has to be: each of its
//! points is one of the source, in the same order, with the same ends; and each point that was left out is as near to the
//! line between its neighbours as was said.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use brigade::BoxError;
use serde::Deserialize;

use crate::args::From;
use crate::reader::Reader;

/// In degrees. With a little more than was said, for the arithmetic.
const NEAR: f64 = 0.002 * 1.000_001;

type Outline = Vec<Vec<Vec<[f64; 2]>>>;

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    compared: u64,
    /// How many documents the server has.
    there: u64,
    points: (usize, usize),
    wrong: Vec<String>,
}

impl Audit {
    pub fn is_well(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, points) = self.points;
        for wrong in self.wrong.iter().take(20) {
            writeln!(f, "audit: {wrong}")?;
        }
        let said = if self.is_well() {
            "each document is what its source says"
        } else {
            "NOT AS IT SHOULD BE"
        };
        write!(
            f,
            "audit: {} shapes compared with {} documents, {of} points with {points}; {said}",
            self.compared, self.there
        )
    }
}

/// Compares all sources with what the server has.
pub async fn audit(reader: &Reader, from: From) -> Result<Audit, BoxError> {
    let mut audit = Audit::default();
    let mut keys = BTreeSet::new();
    match from {
        From::Generated(all) => {
            for index in 0..all.all() {
                let line = all.line(index);
                audit
                    .compare(
                        reader,
                        &mut keys,
                        &line.text,
                        Path::new("made up"),
                        line.number,
                    )
                    .await?;
            }
        }
        #[cfg(feature = "postgres")]
        From::Rows(url) => {
            let table = crate::given::rows::Table::open(&url).await?;
            for id in table.ids().await? {
                let line = table.line(id).await?;
                audit
                    .compare(
                        reader,
                        &mut keys,
                        &line.text,
                        Path::new("shapes"),
                        line.number,
                    )
                    .await?;
            }
        }
        From::Files(paths) => {
            for path in paths {
                let mut file = BufReader::new(File::open(&path)?);
                let (mut text, mut number) = (String::new(), 0);
                while file.read_line(&mut text)? > 0 {
                    number += 1;
                    audit
                        .compare(reader, &mut keys, &text, &path, number)
                        .await?;
                    text.clear();
                }
            }
        }
    }
    audit.there = reader.count().await?;
    if audit.there != keys.len() as u64 {
        audit.wrong.push(format!(
            "there are {} documents of {} shapes",
            audit.there,
            keys.len()
        ));
    }
    Ok(audit)
}

/// As much as is needed of a source.
#[derive(Deserialize)]
struct Source {
    geometry: Option<Geometry>,
    properties: Option<Properties>,
    #[serde(rename = "type")]
    kind: String,
    coordinates: Option<Polygons>,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "A3")]
    code: Option<String>,
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    coordinates: Polygons,
}

/// A polygon, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Polygons {
    One(Vec<Vec<[f64; 2]>>),
    Several(Outline),
}

impl Polygons {
    fn outline(self) -> Outline {
        match self {
            Self::One(polygon) => vec![polygon],
            Self::Several(outline) => outline,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    found: bool,
    #[serde(rename = "_source")]
    source: Option<Document>,
}

#[derive(Deserialize)]
struct Document {
    key: String,
    of: usize,
    points: usize,
    geometry: Geometry,
}

impl Audit {
    async fn compare(
        &mut self,
        reader: &Reader,
        keys: &mut BTreeSet<String>,
        line: &str,
        file: &Path,
        number: u64,
    ) -> Result<(), BoxError> {
        let text = line.trim_end().trim_end_matches(',');
        if !(text.starts_with("{\"type\":") && text.ends_with('}')) {
            return Ok(());
        }
        self.compared += 1;
        let source: Source = serde_json::from_str(text)?;
        let name = || {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            format!("{stem}-{number}")
        };
        let code = source.properties.and_then(|properties| properties.code);
        let key = code.unwrap_or_else(name);
        let (kind, outline) = match (source.geometry, source.coordinates) {
            (Some(geometry), _) => (geometry.kind, geometry.coordinates.outline()),
            (None, Some(coordinates)) => (source.kind, coordinates.outline()),
            (None, None) => return Err(format!("{key} has no outline").into()),
        };
        let problem = match reader.document(&key).await? {
            None => Some("it is not there".to_owned()),
            Some(body) => {
                let answer: Answer = serde_json::from_slice(&body)?;
                match answer.source.filter(|_| answer.found) {
                    None => Some("it is not there".to_owned()),
                    Some(document) if document.geometry.kind != kind => {
                        Some("it is of another kind".to_owned())
                    }
                    Some(document) if document.key != key => {
                        Some("it is that of another".to_owned())
                    }
                    Some(document) => self.problem(&outline, document),
                }
            }
        };
        if !keys.insert(key.clone()) {
            self.wrong.push(format!("{key} comes twice"));
        }
        if let Some(problem) = problem {
            self.wrong.push(format!("{key}: {problem}"));
        }
        Ok(())
    }

    fn problem(&mut self, outline: &Outline, document: Document) -> Option<String> {
        let rings = |outline: &Outline| outline.iter().map(Vec::len).collect::<Vec<_>>();
        let points = |outline: &Outline| outline.iter().flatten().map(Vec::len).sum::<usize>();
        let is = document.geometry.coordinates.outline();
        if rings(outline) != rings(&is) {
            return Some("it has other rings".into());
        }
        let (before, after) = (points(outline), points(&is));
        if (before, after) != (document.of, document.points) {
            return Some(format!(
                "it has {after} points of {before}, and says {} of {}",
                document.points, document.of
            ));
        }
        self.points.0 += before;
        self.points.1 += after;
        let mut pairs = outline.iter().flatten().zip(is.iter().flatten());
        pairs.find_map(|(from, to)| ring(from, to))
    }
}

/// What is wrong with a simplified ring.
#[allow(
    clippy::float_cmp,
    reason = "a point that stays is the same, digit by digit"
)]
fn ring(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<String> {
    if from.first() != to.first() || from.last() != to.last() {
        return Some("a ring has other ends".into());
    }
    let (mut place, last) = (0, from.len() - 1);
    for (number, pair) in to.windows(2).enumerate() {
        let (before, after) = (pair[0], pair[1]);
        // The last one is the last, also where a ring comes by there more than once.
        let next = if number + 2 == to.len() {
            Some(last)
        } else {
            (place + 1..last).find(|index| from[*index] == after)
        };
        let Some(next) = next else {
            return Some(format!("{after:?} is no point of it, or not in order"));
        };
        let mut skipped = from[place + 1..next].iter();
        if let Some(far) = skipped.find(|point| away(**point, before, after) > NEAR) {
            return Some(format!("{far:?} is left out, and is far from the line"));
        }
        place = next;
    }
    (place != last).then(|| "a ring ends too early".into())
}

/// How far a point is from a line: by the angle at its ends, and the area between.
fn away(point: [f64; 2], one: [f64; 2], other: [f64; 2]) -> f64 {
    let apart = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let (a, b, line) = (apart(point, one), apart(point, other), apart(one, other));
    if line == 0.0 || a * a >= b * b + line * line || b * b >= a * a + line * line {
        return a.min(b);
    }
    let area =
        (other[0] - one[0]) * (point[1] - one[1]) - (other[1] - one[1]) * (point[0] - one[0]);
    area.abs() / line
}
