//! Documents as they are sent: an action, a line end, a document, a line end.

use bytes::Bytes;
use serde::Deserialize;

use super::body::Body;

/// Where a document stands: the index of its item, and its number in that if it is a batch.
pub(super) type At = (usize, Option<usize>);

/// A document with its action.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) at: At,
    pub(super) lines: Bytes,
}

/// How an action begins and ends, around the id as JSON.
pub(super) const ACTION: &[u8] = b"{\"index\":{\"_id\":";
pub(super) const ACTION_END: &[u8] = b"}}\n";
/// An action without an id.
pub(super) const BARE_ACTION: &[u8] = b"{\"index\":{}}\n";

impl Document {
    /// The id that its action has.
    pub(super) fn id(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Action {
            index: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            #[serde(rename = "_id")]
            id: Option<String>,
        }
        let end = self.lines.iter().position(|byte| *byte == b'\n')?;
        let action: Action = serde_json::from_slice(&self.lines[..end]).ok()?;
        action.index.id
    }
}

/// Documents that are sent together; at least one.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) documents: Vec<Document>,
    /// How often the connection has ended before there was an answer.
    pub(super) breaks: u32,
}

impl Request {
    pub(super) fn new(documents: Vec<Document>) -> Self {
        let breaks = 0;
        Self { documents, breaks }
    }

    pub(super) fn bytes(&self) -> usize {
        self.documents.iter().map(|doc| doc.lines.len()).sum()
    }

    pub(super) fn is_single(&self) -> bool {
        self.documents.len() == 1
    }

    /// Two of about as many bytes each, in order.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let half = self.bytes() / 2;
        let mut bytes = 0;
        let place = self.documents.iter().position(|document| {
            bytes += document.lines.len();
            bytes > half
        });
        let last = self.documents.len() - 1;
        let second = self.documents.split_off(place.unwrap_or(0).clamp(1, last));
        let halves = [self.documents, second];
        halves.map(|documents| Self {
            documents,
            breaks: self.breaks.min(1),
        })
    }

    /// What is sent; the documents are not copied for it.
    pub(super) fn body(&self) -> Body {
        Body::new(self.documents.iter().map(|document| document.lines.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sizes: &[usize]) -> Request {
        let documents = sizes.iter().enumerate().map(|(index, size)| Document {
            at: (index, None),
            lines: Bytes::from(vec![b'x'; *size]),
        });
        Request::new(documents.collect())
    }

    #[test]
    fn halves_have_about_as_many_bytes_and_at_least_one_document_each() {
        for (sizes, first) in [
            (&[1, 1][..], 1),
            (&[9, 1, 1], 1),
            (&[1, 1, 9], 2),
            (&[1, 1, 1, 1], 2),
            (&[1, 9], 1),
            (&[0, 0, 0], 1),
        ] {
            let [one, two] = request(sizes).halves();
            assert_eq!(one.documents.len(), first, "{sizes:?}");
            let places: Vec<_> = one.documents.iter().chain(&two.documents).collect();
            let places: Vec<_> = places.iter().map(|document| document.at.0).collect();
            assert_eq!(places, (0..sizes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_document_knows_its_id() {
        let id = |lines: &'static str| {
            let (at, lines) = ((0, None), Bytes::from(lines));
            Document { at, lines }.id()
        };
        let named = "{\"index\":{\"_id\":\"a\\\"b\"}}\n{\"x\":1}\n";
        assert_eq!(id(named).as_deref(), Some("a\"b"));
        assert_eq!(id("{\"index\":{}}\n{\"_id\":1}\n"), None);
    }
}
