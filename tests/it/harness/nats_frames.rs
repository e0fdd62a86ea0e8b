//! One direction of a NATS connection, cut into whole protocol messages.

/// Collects bytes until they are messages.
#[derive(Default)]
pub(crate) struct Frames {
    pending: Vec<u8>,
}

/// One message: its line, and its payload when it has one.
pub(crate) struct Frame(Vec<u8>);

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }
}

/// The messages that have arrived in full.
impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let line = self.pending.windows(2).position(|end| end == b"\r\n")?;
        let payload = match word(&self.pending[..line], 0) {
            // The last word is the length of headers and payload together; a line end follows them.
            "MSG" | "HMSG" | "PUB" | "HPUB" => last_word(&self.pending[..line]).parse::<usize>().unwrap() + 2,
            _ => 0,
        };
        let length = line + 2 + payload;
        (self.pending.len() >= length).then(|| Frame(self.pending.drain(..length).collect()))
    }
}

impl Frame {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether NATS may deliver it twice as well: a batch or a key on its way to a worker or to its stream, or an
    /// acknowledgement. Questions and answers of its API are not repeated by anything.
    pub(crate) fn may_come_twice(&self) -> bool {
        let subject = word(&self.0, 1);
        match word(&self.0, 0) {
            "MSG" | "HMSG" => ["records.", "keys."].iter().any(|of| subject.starts_with(of)),
            "PUB" | "HPUB" => ["records.", "keys.", "$JS.ACK."].iter().any(|of| subject.starts_with(of)),
            _ => false,
        }
    }
}

/// A word of a message's first line.
fn word(bytes: &[u8], index: usize) -> &str {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    std::str::from_utf8(line).unwrap_or_default().split(' ').nth(index).unwrap_or_default()
}

fn last_word(line: &[u8]) -> &str {
    std::str::from_utf8(line).unwrap_or_default().rsplit(' ').next().unwrap_or_default()
}

#[test]
fn messages_are_cut_where_they_end_however_they_arrive() {
    let stream = b"PING\r\nMSG records.a.1.2 7 $JS.ACK.x 4\r\n\r\nab\r\nHPUB keys.a.1.3 _INBOX.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n+OK\r\n";
    for piece in 1..stream.len() {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for bytes in stream.chunks(piece) {
            frames.push(bytes);
            found.extend(frames.by_ref().map(|frame| (frame.bytes().len(), frame.may_come_twice())));
        }
        assert_eq!(found, [(6, false), (39, true), (48, true), (5, false)], "in pieces of {piece}");
    }
}
