//! Bodies of calls: JSON, url-encoded forms and multipart forms, all read into one JSON object.

use http::header;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::failure::Failure;
use super::wire::Ask;

/// The members of a body. Every encoding that clients use gives the same object.
pub(crate) fn read(ask: &Ask) -> Result<Map<String, Value>, Failure> {
    let content_type = ask.header(header::CONTENT_TYPE).unwrap_or_default();
    if ask.body.is_empty() {
        Ok(Map::new())
    } else if content_type.starts_with("multipart/form-data") {
        multipart(content_type, &ask.body)
    } else if content_type.starts_with("application/x-www-form-urlencoded") {
        Ok(collect(form_urlencoded::parse(&ask.body).into_owned()))
    } else {
        serde_json::from_slice(&ask.body)
            .map_err(|error| Failure::bad(format!("The body is not a JSON object: {error}")))
    }
}

/// `files` and `attachments` are lists even in forms.
fn collect(pairs: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in pairs {
        match key.as_str() {
            "files" => map.insert(key, Value::Array(vec![Value::String(value)])),
            "attachments" => map.insert(key, serde_json::from_str(&value).unwrap_or(Value::Null)),
            _ => map.insert(key, Value::String(value)),
        };
    }
    map
}

fn multipart(content_type: &str, body: &[u8]) -> Result<Map<String, Value>, Failure> {
    let boundary = content_type.split("boundary=").nth(1).map(|rest| rest.trim_matches('"'));
    let boundary =
        boundary.ok_or_else(|| Failure::bad("multipart/form-data without a boundary"))?;
    let parts = split(body, format!("--{boundary}").as_bytes());
    Ok(collect(parts.into_iter().filter_map(part)))
}

fn part(bytes: &[u8]) -> Option<(String, String)> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let content = bytes.get(end + 4..)?;
    let content = content.strip_suffix(b"\r\n").unwrap_or(content);
    let value = parameter(head, "filename")
        .unwrap_or_else(|| String::from_utf8_lossy(content).into_owned());
    Some((parameter(head, "name")?, value))
}

/// A quoted parameter of the `Content-Disposition` header. Of a file only the name is kept.
fn parameter(head: &str, name: &str) -> Option<String> {
    let line =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let pieces = line.split(';').map(str::trim);
    let value = pieces.filter_map(|piece| piece.split_once('=')).find(|(key, _)| *key == name)?.1;
    Some(value.trim_matches('"').to_owned())
}

fn split<'a>(body: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut rest) = (Vec::new(), body);
    while let Some(at) = find(rest, mark) {
        parts.extend(rest.get(..at));
        rest = rest.get(at + mark.len()..).unwrap_or_default();
    }
    parts
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};
    use serde_json::json;

    use super::*;

    fn read_as(content_type: &'static str, body: &'static str) -> Value {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let (path, query) = (String::new(), String::new());
        let ask = Ask {
            method: Method::POST,
            path,
            query,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        };
        Value::Object(read(&ask).unwrap())
    }

    #[test]
    fn all_encodings_say_the_same() {
        let expected = json!({"roomId": "R", "text": "a b"});
        let form = concat!(
            "--X\r\nContent-Disposition: form-data; name=\"roomId\"\r\n\r\nR\r\n",
            "--X\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na b\r\n--X--\r\n"
        );
        assert_eq!(
            read_as("application/json; charset=utf-8", r#"{"roomId":"R","text":"a b"}"#),
            expected
        );
        assert_eq!(read_as("application/x-www-form-urlencoded", "roomId=R&text=a+b"), expected);
        assert_eq!(read_as("multipart/form-data; boundary=X", form), expected);
    }

    #[test]
    fn of_a_file_only_the_name_is_kept() {
        let form = "--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\nbytes\r\n--X--\r\n";
        assert_eq!(
            read_as("multipart/form-data; boundary=\"X\"", form),
            json!({"files": ["a.txt"]})
        );
    }
}
