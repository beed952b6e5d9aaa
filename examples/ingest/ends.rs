//! Whether all inputs were read to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use brigade::Name;
use brigade::source::{Flow, Pulled, Source, SourceError, TcpStats};

/// Knows it of all inputs.
#[derive(Default)]
pub struct Ends {
    inputs: Vec<Arc<AtomicBool>>,
    listener: Option<TcpStats>,
}

/// A source whose end is noticed.
pub struct Watched<S> {
    source: S,
    ended: Arc<AtomicBool>,
}

impl Ends {
    pub fn watch<S: Source>(&mut self, source: S) -> Watched<S> {
        let ended = Arc::<AtomicBool>::default();
        self.inputs.push(Arc::clone(&ended));
        Watched { source, ended }
    }

    pub fn listens(&mut self, connections: TcpStats) {
        self.listener = Some(connections);
    }

    /// Whether each was read to its end. A listener has none; it has read all if no connection was open any more.
    pub fn all_read(&self) -> bool {
        let connections = self.listener.as_ref().map(TcpStats::snapshot);
        self.inputs.iter().all(|ended| ended.load(Relaxed))
            && connections.is_none_or(|counts| counts.accepted == counts.closed)
    }
}

impl<S: Source> Source for Watched<S> {
    type Item = S::Item;

    async fn pull(&mut self, max: usize, out: &mut Pulled<S::Item>) -> Result<Flow, SourceError> {
        let flow = self.source.pull(max, out).await?;
        if flow == Flow::End {
            // Looked at when the pipeline has ended, which comes behind this by itself.
            self.ended.store(true, Relaxed);
        }
        Ok(flow)
    }

    fn name(&self) -> Name {
        self.source.name()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use brigade::source;

    use super::*;

    #[tokio::test]
    async fn an_input_is_read_when_its_source_says_so() {
        let mut ends = Ends::default();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        let mut source = ends.watch(source::files([file.path()]));
        assert!(!ends.all_read());
        while source.pull(1, &mut Pulled::new()).await.unwrap() == Flow::More {
            assert!(!ends.all_read());
        }
        assert!(ends.all_read());
    }

    #[tokio::test]
    async fn a_listener_has_read_all_when_no_connection_is_open() {
        let mut listener = source::tcp("127.0.0.1:0").bind().await.unwrap();
        let mut ends = Ends::default();
        ends.listens(listener.stats());
        let mut peer = TcpStream::connect(listener.local_addr()).unwrap();
        peer.write_all(b"line\n").unwrap();
        listener.pull(1, &mut Pulled::new()).await.unwrap();
        assert!(!ends.all_read());
        drop(peer);
        let mut peer = TcpStream::connect(listener.local_addr()).unwrap();
        peer.write_all(b"line\n").unwrap();
        listener.pull(1, &mut Pulled::new()).await.unwrap();
        drop((peer, listener));
        assert!(!ends.all_read(), "the second was open");
    }
}
