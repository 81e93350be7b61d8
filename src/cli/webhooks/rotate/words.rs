//! What is written into gateway.yaml.

use std::path::Path;

use crate::config::WebhookSecret;

/// A secret in a file, as YAML.
pub(super) fn in_file(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    // What JSON quotes, YAML reads.
    let text =
        if text.chars().all(plain) { text } else { serde_json::Value::from(text).to_string() };
    format!("{{file: {text}}}")
}

/// A secret of the configuration, as YAML; of one that is in no file only the place is known.
pub(super) fn reference(secret: &WebhookSecret, otherwise: &str) -> String {
    secret.file.as_deref().map_or_else(|| otherwise.to_owned(), in_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_yaml_would_stumble() {
        for (path, written) in [
            ("/run/secrets/helpdesk.next", "{file: /run/secrets/helpdesk.next}"),
            ("./a b", "{file: \"./a b\"}"),
            ("/x, y}: \"z\"", "{file: \"/x, y}: \\\"z\\\"\"}"),
            ("/x\u{1b}[31m", "{file: \"/x\\u001b[31m\"}"),
        ] {
            assert_eq!(in_file(Path::new(path)), written);
            let read: serde_json::Value = serde_yaml::from_str(written).unwrap();
            assert_eq!(read["file"], path);
        }
    }
}
