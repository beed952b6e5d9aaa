//! A shape: from GeoJSON to a document with fewer points.

use std::path::Path;

use brigade::source::Line;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::given;
use crate::job::Document;
use crate::simplify::{Point, simplify};

/// How far an outline may be from where it was, in degrees: about 200 metres.
pub const TOLERANCE: f64 = 0.002;

/// A ring of an outline, which is simplified as it is read: of the points that are left out only those of one ring are ever in
/// memory.
#[derive(Serialize)]
#[serde(transparent)]
struct Ring {
    points: Vec<Point>,
    #[serde(skip)]
    of: usize,
}

impl<'de> Deserialize<'de> for Ring {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<Point>::deserialize(deserializer)?;
        Ok(Self {
            points: simplify(&all, TOLERANCE),
            of: all.len(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Ring>),
    MultiPolygon(Vec<Vec<Ring>>),
}

#[derive(Deserialize)]
struct Feature {
    geometry: Geometry,
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "A3")]
    code: Option<String>,
}

/// What is written of a shape.
#[derive(Serialize)]
struct Written<'a> {
    key: &'a str,
    /// How many points there were, and are.
    of: usize,
    points: usize,
    geometry: Geometry,
}

/// The document of a line.
pub fn simplified(line: Line) -> Result<Document, NoShape> {
    let (key, geometry) = read(&line).map_err(|why| NoShape {
        place: line.place().to_string(),
        why,
    })?;
    // All that is needed of it is made.
    drop(line);
    let rings = || -> Box<dyn Iterator<Item = &Ring>> {
        match &geometry {
            Geometry::Polygon(rings) => Box::new(rings.iter()),
            Geometry::MultiPolygon(polygons) => Box::new(polygons.iter().flatten()),
        }
    };
    let written = Written {
        of: rings().map(|ring| ring.of).sum(),
        points: rings().map(|ring| ring.points.len()).sum(),
        key: &key,
        geometry,
    };
    let json: Box<RawValue> = to_raw_value(&written).map_err(|why| NoShape {
        place: key.clone(),
        why,
    })?;
    Ok(Document { key, json })
}

fn read(line: &Line) -> Result<(String, Geometry), serde_json::Error> {
    let text = given::bare(line);
    if !given::is_feature(text) {
        return Ok((
            given::key_of(Path::new(&*line.origin), line.number),
            serde_json::from_str(text)?,
        ));
    }
    let Feature {
        geometry,
        properties,
    } = serde_json::from_str(text)?;
    let code = properties.and_then(|properties| properties.code);
    let key = code.unwrap_or_else(|| given::key_of(Path::new(&*line.origin), line.number));
    Ok((key, geometry))
}

/// A line that is none.
#[derive(Debug, thiserror::Error)]
#[error("{place}: no shape: {why}")]
pub struct NoShape {
    place: String,
    why: serde_json::Error,
}
