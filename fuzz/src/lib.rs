//! What the targets share: second opinions that share no line with the product, and events that are signed by hand.

pub mod framing;
pub mod id;
pub mod json;
pub mod link;
pub mod mac;
pub mod sample;

/// Between the parts of an input; bytes that no UTF-8 has.
pub const PART: u8 = 0xfe;
/// Before each item of a part.
pub const ITEM: u8 = 0xff;

/// The first `N - 1` parts of an input, and the rest.
pub fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = input.splitn(N, |byte| *byte == PART);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The items of a part; what stands before the first is none.
pub fn items(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    part.split(|byte| *byte == ITEM).skip(1)
}
