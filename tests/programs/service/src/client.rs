//! Clients of the service, each with a connection and documents of its own.
//!
//! What they ask for is fixed, so the program's output is. A client whose work
//! is done keeps the load up while the observer still has looks to take, with
//! requests that leave no trace in the output.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};

use bytes::BytesMut;
use heap_walk::Walk;
use http::header::{CONTENT_TYPE, COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use serde_json::{json, Map, Value};
use tokio::net::TcpStream;

use crate::wire::Wire;

/// Requests of a client, as far as they are counted.
const REQUESTS: usize = 1200;
/// Documents of a client, and blobs.
const DOCUMENTS: usize = 150;
const BLOBS: usize = 40;
/// Sessions that a client leaves open.
const SESSIONS: usize = 40;
const WORDS: [&str; 12] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty", "knoll",
    "larch",
];

pub(crate) struct Client {
    number: usize,
    server: SocketAddr,
    /// Told of each quarter; of one client only.
    knock: Option<mpsc::Sender<usize>>,
    /// Looks that are still to be taken.
    looking: Arc<AtomicUsize>,
    random: u64,
}

/// How it went.
#[derive(Walk, Debug, Default)]
#[walk(missing = opaque)]
pub(crate) struct Report {
    pub(crate) answered: usize,
    pub(crate) errors: usize,
    /// The first of them.
    pub(crate) error: Option<String>,
}

struct Ask {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    expected: u16,
}

impl Client {
    pub(crate) fn new(
        number: usize,
        server: SocketAddr,
        knock: Option<mpsc::Sender<usize>>,
        looking: Arc<AtomicUsize>,
    ) -> Client {
        Client { number, server, knock, looking, random: number as u64 + 1 }
    }

    pub(crate) async fn run(mut self) -> io::Result<Report> {
        let stream = TcpStream::connect(self.server).await?;
        stream.set_nodelay(true)?;
        let mut wire = Wire::new(stream, BytesMut::new());
        let mut report = Report::default();
        for at in 0..REQUESTS {
            let ask = self.ask(at);
            self.exchange(&mut wire, ask, &mut report).await?;
            report.answered += 1;
            if let Some(knock) = self.knock.as_ref().filter(|_| (at + 1) % (REQUESTS / 4) == 0) {
                // The observer may have seen enough.
                let _ = knock.send(at + 1);
            }
        }
        while self.looking.load(Ordering::Acquire) > 0 {
            let ask = self.filler();
            self.exchange(&mut wire, ask, &mut report).await?;
        }
        if let (Some(error), true) = (&report.error, report.errors > 0) {
            eprintln!("service: client {}: {error}", self.number);
        }
        Ok(report)
    }

    async fn exchange(&self, wire: &mut Wire, ask: Ask, report: &mut Report) -> io::Result<()> {
        let Ask { method, path, body, expected } = ask;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("a client of the service's own"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let token = format!("{}-session-0", self.number);
        headers.insert(COOKIE, HeaderValue::try_from(token).map_err(io::Error::other)?);
        wire.send(&format!("{method} {path} HTTP/1.1"), &headers, &body).await?;
        let response = wire.response().await?;
        if response.status().as_u16() != expected {
            report.errors += 1;
            report.error.get_or_insert_with(|| {
                let said = String::from_utf8_lossy(response.body()).into_owned();
                format!("{method} {path}: {} instead of {expected}: {said}", response.status())
            });
        }
        Ok(())
    }

    /// The request at this place of the fixed work: first something of all
    /// kinds is put there, then it is read, and now and then replaced.
    fn ask(&mut self, at: usize) -> Ask {
        let number = self.number;
        let ask = |method, path: String, body, expected| Ask { method, path, body, expected };
        if at < SESSIONS {
            let user = format!("user {at} of client {number}, with a name that is not short");
            return ask("POST", format!("/sessions/{number}-session-{at}"), user.into_bytes(), 201);
        }
        let at = at - SESSIONS;
        if at < DOCUMENTS {
            return ask("PUT", self.document(at), self.body(at), 201);
        }
        let at = at - DOCUMENTS;
        if at < BLOBS {
            let len = 500 + self.below(6000);
            return ask("PUT", format!("/blobs/{number}-blob-{at}"), vec![b'x'; len], 201);
        }
        match self.below(50) {
            0 => ask("GET", "/nowhere".to_owned(), vec![], 404),
            1 => ask("PUT", self.document(0), b"{}".to_vec(), 400),
            _ => self.filler(),
        }
    }

    /// A request that leaves as many documents and sessions as there were.
    fn filler(&mut self) -> Ask {
        let at = self.below(DOCUMENTS);
        let (method, path, body, expected) = match self.below(20) {
            0..=4 => ("PUT", self.document(at), self.body(at), 200),
            5 => ("GET", format!("/search/{}", WORDS[at % WORDS.len()]), vec![], 200),
            6 => ("GET", format!("/sessions/{}-session-0", self.number), vec![], 200),
            7 => ("GET", "/status".to_owned(), vec![], 200),
            8 => ("GET", "/schema".to_owned(), vec![], 200),
            9 => ("PURGE", self.document(at), vec![], 200),
            _ => ("GET", self.document(at), vec![], 200),
        };
        Ask { method, path, body, expected }
    }

    fn document(&self, at: usize) -> String {
        format!("/documents/{}-document-{at}", self.number)
    }

    /// A document. What links and tags it has depends on its place alone.
    fn body(&mut self, at: usize) -> Vec<u8> {
        let number = self.number;
        let paragraph = |client: &mut Client, words: usize| {
            let mut text = String::new();
            for _ in 0..words {
                text.push_str(WORDS[client.below(WORDS.len())]);
                text.push(' ');
            }
            text
        };
        let content = match at % 4 {
            0 => {
                let words = 20 + self.below(300);
                Value::from(paragraph(self, words))
            }
            1..=2 => {
                let mut map = Map::new();
                for section in 0..4 + self.below(8) {
                    let text = paragraph(self, 12);
                    let numbers: Vec<_> = (0..self.below(12)).map(|_| self.below(1000)).collect();
                    let value = json!({ "text": text, "numbers": numbers, "is_last": section == 11 });
                    map.insert(format!("section {section}"), value);
                }
                Value::Object(map)
            }
            _ => Value::Null,
        };
        let tags: Vec<_> = (0..at % 5).map(|tag| WORDS[(at + 5 * tag) % WORDS.len()]).collect();
        let links: Vec<_> = (1..=at % 4)
            .map(|link| format!("documents/{number}-document-{}#part-{link}", (at * 7 + link) % DOCUMENTS))
            .collect();
        let title = paragraph(self, 4);
        json!({
            "title": title,
            "author": format!("author {} of the shelf", (at + number) % 20),
            "tags": tags,
            "links": links,
            "content": content,
        })
        .to_string()
        .into_bytes()
    }

    /// A number below `end` (splitmix).
    fn below(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
