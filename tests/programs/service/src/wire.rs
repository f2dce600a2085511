//! As much of HTTP/1.1 as clients and server need of each other: requests and
//! answers with `content-length`, on connections that stay open.

use std::fmt::Write as _;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection, with what was read and not yet understood.
pub(crate) struct Wire {
    stream: TcpStream,
    pub(crate) buffer: BytesMut,
}

struct Message {
    first: Bytes,
    headers: HeaderMap,
    body: Bytes,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, buffer: BytesMut) -> Wire {
        Wire { stream, buffer }
    }

    /// The next request; `None` when the client has gone.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Request<Bytes>>> {
        let Some(Message { first, headers, body }) = self.message().await? else { return Ok(None) };
        let mut words = first.split(|byte| *byte == b' ').map(|word| first.slice_ref(word));
        let (Some(method), Some(uri)) = (words.next(), words.next()) else {
            return Err(malformed("a request begins with a method and a path"));
        };
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(&method).map_err(malformed)?;
        *request.uri_mut() = Uri::from_maybe_shared(uri).map_err(malformed)?;
        *request.headers_mut() = headers;
        Ok(Some(request))
    }

    /// The next answer.
    pub(crate) async fn response(&mut self) -> io::Result<Response<Bytes>> {
        let Message { first, headers, body } = self.message().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = first.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_bytes(status).map_err(malformed)?;
        *response.headers_mut() = headers;
        Ok(response)
    }

    pub(crate) async fn send(&mut self, first: &str, headers: &HeaderMap, body: &[u8]) -> io::Result<()> {
        let mut head = format!("{first}\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().map_err(malformed)?);
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes).await
    }

    async fn message(&mut self) -> io::Result<Option<Message>> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if !self.read().await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let head = self.buffer.split_to(end).freeze();
        self.buffer.advance(4);
        let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
        let first = head.slice_ref(lines.next().unwrap_or_default());
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = line.split_at(colon.ok_or_else(|| malformed("a header has a colon"))?);
            let value = head.slice_ref(value[1..].trim_ascii());
            let value = HeaderValue::from_maybe_shared(value).map_err(malformed)?;
            headers.append(HeaderName::from_bytes(name).map_err(malformed)?, value);
        }
        let length = headers.remove(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let length = length.ok_or_else(|| malformed("a message tells its length"))?;
        while self.buffer.len() < length {
            if !self.read().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Some(Message { first, headers, body: self.buffer.split_to(length).freeze() }))
    }

    /// Whether there was more.
    async fn read(&mut self) -> io::Result<bool> {
        self.buffer.reserve(4096);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn malformed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
