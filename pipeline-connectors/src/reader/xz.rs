//! The xz decoder.

use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// Decodes all streams of an archive. Unlike the decoder under it, it brings what stands before a damaged place also
/// if both fall into one read.
pub(super) struct Xz<R> {
    decoder: XzDecoder<R>,
    brought: u64,
    error: Option<io::Error>,
}

impl<R: BufRead> Xz<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let stream = Stream::new_stream_decoder(u64::MAX, CONCATENATED)?;
        Ok(Self {
            decoder: XzDecoder::new_stream(input, stream),
            brought: 0,
            error: None,
        })
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let result = self.decoder.read(buffer);
        let before = std::mem::replace(&mut self.brought, self.decoder.total_out());
        let brought = usize::try_from(self.brought - before).unwrap_or(buffer.len());
        match result {
            Err(error) if brought > 0 => {
                self.error = Some(error);
                Ok(brought)
            }
            result => result,
        }
    }
}
