//! What a Webex id means, read a second time.

/// The longest text that may be an id.
const LONGEST: usize = 256;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The organisation of all free accounts.
    Consumer,
    /// The UUID.
    Uuid([u8; 16]),
}

/// What a text means as an id of a type such as `ROOM`.
pub fn meaning(kind: &str, text: &str) -> Option<Meaning> {
    if text.len() > LONGEST {
        return None;
    }
    plain(kind, text).or_else(|| plain(kind, std::str::from_utf8(&base64(text)?).ok()?))
}

fn plain(kind: &str, text: &str) -> Option<Meaning> {
    let Some(rest) = text.strip_prefix("ciscospark://") else { return local(kind, text) };
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        [_cluster, named, last] if *named == kind => local(kind, last),
        _ => None,
    }
}

fn local(kind: &str, text: &str) -> Option<Meaning> {
    if kind == "ORGANIZATION" && text.to_ascii_lowercase() == "consumer" {
        return Some(Meaning::Consumer);
    }
    let bytes = text.as_bytes();
    let hyphens = [8, 13, 18, 23];
    if bytes.len() != 36 || hyphens.iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let digits = bytes.iter().enumerate().filter(|(at, _)| !hyphens.contains(at));
    let digits: Vec<u8> = digits.map(|(_, byte)| digit(*byte)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
    Some(Meaning::Uuid(pairs.collect::<Vec<_>>().try_into().ok()?))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Of one alphabet, with as much padding as there should be, or less; nothing hidden in the last bits.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let missing = (4 - digits.len() % 4) % 4;
    let mixed = digits.contains(['+', '/']) && digits.contains(['-', '_']);
    if mixed || missing == 3 || padding > missing {
        return None;
    }
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in digits.bytes() {
        held = held << 6 | six_bits(digit)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}

fn six_bits(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}
