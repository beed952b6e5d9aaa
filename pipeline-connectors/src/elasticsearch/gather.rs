//! Items are made documents, and these requests of so many bytes.

use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use serde::Serialize;

use super::error::Why;
use super::request::{ACTION, ACTION_END, At, BARE_ACTION, Document, Request};

/// The most bytes of an id.
pub(super) const ID: usize = 512;
/// Of so many bytes at once memory is taken for these alone.
const LARGE: usize = 64 * 1024;

/// Makes an id of what becomes a document.
pub(super) struct IdOf<R>(pub(super) Arc<dyn Fn(&R) -> String + Send + Sync>);

impl<R> Clone for IdOf<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for IdOf<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdOf")
    }
}

/// How far the items of one write are made documents.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    /// Whether items are documents, and not batches of them.
    single: bool,
    item: usize,
    part: usize,
    /// For which there was no room in the last request.
    carried: Option<Document>,
    /// Ids that are known without asking for them, by item and part.
    known: &'a [Vec<Option<String>>],
}

/// What cannot be a document: where it is, its id, and why.
pub(super) type Unfit = (At, Option<String>, Why);

impl<'a> Gather<'a> {
    /// Of items that are `single`, and not batches.
    pub(super) fn new(single: bool, known: &'a [Vec<Option<String>>]) -> Self {
        Self {
            single,
            item: 0,
            part: 0,
            carried: None,
            known,
        }
    }

    /// The next request, of at most so many bytes if it has several documents; nothing where none is left.
    pub(super) fn next<R: Serialize>(
        &mut self,
        items: &[Vec<R>],
        id: Option<&IdOf<R>>,
        limit: usize,
        unfit: &mut Vec<Unfit>,
    ) -> Option<Request> {
        let mut documents: Vec<Document> = self.carried.take().into_iter().collect();
        let carried = documents.first().map_or(0, |document| document.lines.len());
        let (mut lines, mut ends): (Vec<u8>, Vec<(At, usize)>) = (Vec::new(), Vec::new());
        while carried + lines.len() < limit {
            let Some((at, record)) = self.step(items) else {
                break;
            };
            let start = lines.len();
            let (item, part) = (at.0, at.1.unwrap_or_default());
            let known = self.known.get(item).and_then(|parts| parts.get(part));
            let name = id
                .map(|id| (id.0)(record))
                .or_else(|| known.cloned().flatten());
            if let Err(why) = written(&mut lines, name.as_deref(), record) {
                lines.truncate(start);
                unfit.push((at, name, why));
                continue;
            }
            ends.push((at, lines.len()));
        }
        let too_many = carried + lines.len() > limit && ends.len() + documents.len() > 1;
        // One that is alone is as large as it is; the vector may be twice that.
        lines.shrink_to_fit();
        let lines = Bytes::from(lines);
        let mut start = 0;
        documents.extend(ends.into_iter().map(|(at, end)| {
            let lines = lines.slice(start..end);
            start = end;
            Document { at, lines }
        }));
        if too_many {
            self.carried = documents.pop();
        }
        (!documents.is_empty()).then(|| Request::new(documents))
    }

    fn step<'r, R>(&mut self, items: &'r [Vec<R>]) -> Option<(At, &'r R)> {
        loop {
            let parts = items.get(self.item)?;
            if let Some(record) = parts.get(self.part) {
                let at = (self.item, (!self.single).then_some(self.part));
                self.part += 1;
                return Some((at, record));
            }
            self.item += 1;
            self.part = 0;
        }
    }
}

/// A line that is written, with room for its end.
struct Line<'a>(&'a mut Vec<u8>);

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What comes as a whole, JSON that was made before, takes what it is long, and not twice that.
        if bytes.len() > LARGE {
            self.0.reserve_exact(bytes.len() + 1);
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written<R: Serialize>(lines: &mut Vec<u8>, id: Option<&str>, record: &R) -> Result<(), Why> {
    match id {
        None => lines.extend_from_slice(BARE_ACTION),
        Some("") => return Err(Why::of("its id is empty")),
        Some(id) if id.len() > ID => {
            let text = format!("its id has {} bytes, and may have {ID}", id.len());
            return Err(Why::of(text));
        }
        Some(id) => {
            lines.extend_from_slice(ACTION);
            let quoted = serde_json::to_writer(&mut *lines, id);
            quoted.map_err(|error| Why::of(error.to_string()))?;
            lines.extend_from_slice(ACTION_END);
        }
    }
    let start = lines.len();
    let made = serde_json::to_writer(Line(lines), record);
    made.map_err(|error| Why::of(format!("it cannot be made JSON: {error}")))?;
    // Within strings line ends are written otherwise: these are between the values of JSON that was taken over as it was.
    for byte in &mut lines[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    lines.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(items: &[Vec<String>], limit: usize) -> Vec<(Vec<At>, usize)> {
        let (mut gather, mut unfit, mut all) = (Gather::new(false, &[]), Vec::new(), Vec::new());
        while let Some(request) = gather.next(items, None, limit, &mut unfit) {
            let places = request.documents.iter().map(|document| document.at);
            all.push((places.collect(), request.bytes()));
        }
        assert!(unfit.is_empty());
        all
    }

    #[test]
    fn requests_have_at_most_their_limit_and_what_is_larger_is_alone() {
        let text = |length: usize| "x".repeat(length);
        let bare = BARE_ACTION.len() + 3;
        let items = [
            vec![text(10), text(20)],
            vec![],
            vec![text(1_000), text(1), text(2)],
            vec![text(70)],
        ];
        let at = |item, part| (item, Some(part));
        assert_eq!(
            requests(&items, 100),
            [
                (vec![at(0, 0), at(0, 1)], 2 * bare + 30),
                (vec![at(2, 0)], bare + 1_000),
                (vec![at(2, 1), at(2, 2)], 2 * bare + 3),
                (vec![at(3, 0)], bare + 70),
            ]
        );
        assert_eq!(requests(&items, 1).len(), 6);
        assert_eq!(requests(&items, 1 << 20).len(), 1);
        // What fits exactly is not carried over.
        assert_eq!(requests(&items[..1], 2 * bare + 30).len(), 1);
        assert_eq!(requests(&items[..1], 2 * bare + 29).len(), 2);
    }

    #[test]
    fn a_document_is_one_line_whatever_it_was_made_of() {
        let raw: Box<serde_json::value::RawValue> =
            serde_json::from_str("{\n \"a\\n\": [1,\r\n2]}").expect("JSON");
        let mut lines = Vec::new();
        written(&mut lines, Some("x\"\ny"), &raw).expect("it is written");
        let text = String::from_utf8(lines).expect("it is text");
        let said = "{\"index\":{\"_id\":\"x\\\"\\ny\"}}\n{  \"a\\n\": [1,  2]}\n";
        assert_eq!(text, said);
    }

    #[test]
    fn what_cannot_be_a_document_is_told_and_the_rest_is_gathered() {
        let items = vec![vec![1, 2, 3, 4]];
        let id = IdOf(Arc::new(|number: &i32| match number {
            1 => String::new(),
            3 => "x".repeat(513),
            other => other.to_string(),
        }));
        let (mut gather, mut unfit) = (Gather::new(false, &[]), Vec::new());
        let request = gather.next(&items, Some(&id), 100, &mut unfit);
        let request = request.expect("there are two");
        let ids: Vec<_> = request.documents.iter().map(Document::id).collect();
        assert_eq!(ids, [Some("2".to_owned()), Some("4".to_owned())]);
        let places: Vec<_> = unfit.iter().map(|(at, ..)| at.1).collect();
        assert_eq!(places, [Some(0), Some(2)]);
        assert!(unfit[1].2.text.contains("513 bytes"));
    }
}
