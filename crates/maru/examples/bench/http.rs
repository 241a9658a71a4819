//! A small keep-alive HTTP client: it must cost little beside what it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// A connection with a token.
pub struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    token: Option<String>,
}

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `X-Subject-Token`, if there is one.
    pub token: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
            address,
            token: None,
        })
    }

    /// Another connection with the same token.
    pub fn again(&self) -> anyhow::Result<Self> {
        Ok(Self {
            token: self.token.clone(),
            ..Self::connect(self.address)?
        })
    }

    /// Uses a token from now on.
    pub fn with_token(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }

    /// One request.
    pub fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            request.push_str(&format!("X-Auth-Token: {token}\r\n"));
        }
        request.push_str(&format!(
            "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.receive()
    }

    /// One request that must give this status.
    pub fn expect(&mut self, status: u16, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = self.send(method, path, body)?;
        if answer.status != status {
            bail!(
                "{method} {path}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        if answer.body.is_empty() {
            Ok(Value::Null)
        } else {
            answer.json()
        }
    }

    fn receive(&mut self) -> anyhow::Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .with_context(|| format!("'{line}'"))?;
        let (mut length, mut token) = (0, None);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "x-subject-token" => token = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, token, body })
    }
}
