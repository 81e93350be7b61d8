//! Where a call ends, by RFC 9112, section 6 and 7: heads by `httparse`, bodies by hand. Whatever is open to two
//! readings ends the reading.

/// A whole call.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The target as it was written.
    pub target: String,
    /// The body, without its coding.
    pub body: Vec<u8>,
}

/// The calls of a connection, up to the first that is not whole or not clear.
pub fn calls(mut bytes: &[u8]) -> Vec<Call> {
    let mut found = Vec::new();
    while let Some((call, rest)) = call(bytes) {
        found.push(call);
        bytes = rest;
    }
    found
}

fn call(bytes: &[u8]) -> Option<(Call, &[u8])> {
    let mut room = [httparse::EMPTY_HEADER; 200];
    let mut head = httparse::Request::new(&mut room);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let after = &bytes[length..];
    let (body, rest) = match coding(head.headers, head.version?)? {
        Coding::Length(length) => {
            let (body, rest) = after.split_at_checked(length)?;
            (body.to_vec(), rest)
        }
        Coding::Chunked => chunked(after)?,
    };
    Some((Call { method: head.method?.into(), target: head.path?.into(), body }, rest))
}

enum Coding {
    Length(usize),
    Chunked,
}

fn coding(headers: &[httparse::Header<'_>], version: u8) -> Option<Coding> {
    let of = |name: &'static str| {
        let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.flat_map(|header| header.value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    };
    let codings: Vec<_> = of("transfer-encoding").collect();
    if let Some((last, before)) = codings.split_last() {
        let chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let clear = version == 1 && chunked(last) && !before.iter().any(|coding| chunked(coding));
        return clear.then_some(Coding::Chunked);
    }
    let mut lengths = of("content-length");
    let first = lengths.next().unwrap_or(b"0");
    let clear = first.iter().all(u8::is_ascii_digit) && lengths.all(|other| other == first);
    let length = std::str::from_utf8(first).ok()?.parse().ok()?;
    clear.then_some(Coding::Length(length))
}

fn chunked(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let (line, rest) = line(bytes)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&line[..digits]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some((body, trailers(rest)?));
        }
        let (piece, rest) = rest.split_at_checked(size)?;
        body.extend_from_slice(piece);
        bytes = rest.strip_prefix(b"\r\n")?;
    }
}

fn trailers(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (line, rest) = line(bytes)?;
        if line.is_empty() {
            return Some(rest);
        }
        bytes = rest;
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}
