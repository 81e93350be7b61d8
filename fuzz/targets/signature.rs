//! A call verifies exactly when it has one signature header, and that holds 40 hex digits of a MAC of its body under
//! one of the keys.
//!
//! Input: keys, header values (each behind [`ITEM`]), body. In a header value, bytes that no header has stand for
//! signatures: 1 the right one, 2 in capitals, 3 that of the last key, 4 with a wrong last digit.
#![no_main]

use botwarden::gate::refusal::Refusal;
use botwarden::gate::secret::Secret;
use botwarden::gate::signature::{SHORTEST_SECRET, SigningKey, verify};
use botwarden_fuzz::mac::{hex, hmac};
use botwarden_fuzz::{items, parts, sample};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [keys, values, body] = parts(input);
    let keys: Vec<_> = items(keys).take(4).collect();
    for key in &keys {
        let made = SigningKey::new(&Secret::new(key.to_vec()));
        assert_eq!(made.is_ok(), key.len() >= SHORTEST_SECRET);
    }
    let macs: Vec<_> =
        keys.iter().filter(|key| key.len() >= 16).map(|key| hex(hmac(key, body))).collect();
    let values: Vec<_> = items(values).take(4).filter_map(|value| expanded(value, &macs)).collect();
    let mut headers = HeaderMap::new();
    for value in &values {
        headers.append("x-spark-signature", value.clone());
    }
    let ring = sample::ring(keys.iter().copied());
    let verdict = verify(sample::arrival(headers.clone(), None, body), &ring);
    assert_eq!(verdict.as_ref().map(drop).map_err(|refusal| *refusal), expected(&values, &macs));
    if let Ok(authentic) = verdict {
        assert_eq!(authentic.arrival().headers(), &headers);
        assert_eq!(authentic.into_arrival().body(), body);
    }
});

fn expanded(value: &[u8], macs: &[String]) -> Option<HeaderValue> {
    let mut text = Vec::new();
    for byte in value {
        match byte {
            1 => text.extend_from_slice(macs.first()?.as_bytes()),
            2 => text.extend_from_slice(macs.first()?.to_uppercase().as_bytes()),
            3 => text.extend_from_slice(macs.last()?.as_bytes()),
            4 => {
                let (all, last) = macs.first()?.split_at(39);
                text.extend_from_slice(all.as_bytes());
                text.push(if last == "0" { b'1' } else { b'0' });
            }
            plain => text.push(*plain),
        }
    }
    HeaderValue::from_bytes(&text).ok()
}

fn expected(values: &[HeaderValue], macs: &[String]) -> Result<(), Refusal> {
    let [value] = values else {
        return Err(match values {
            [] => Refusal::SignatureMissing,
            _ => Refusal::SignatureRepeated,
        });
    };
    let text = value.as_bytes().to_ascii_lowercase();
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !blank(byte)).map_or(begin, |at| at + 1);
    let right = macs.iter().any(|mac| mac.as_bytes() == &text[begin..end]);
    if right { Ok(()) } else { Err(Refusal::SignatureMismatch) }
}
