use super::*;

/// Cuts the example after every byte: nothing panics, and what loads is never wider than the whole.
#[test]
fn half_a_file_never_loads_as_a_wider_one() {
    for end in 0..EXAMPLE.len() {
        let Some(text) = EXAMPLE.get(..end) else {
            continue;
        };
        if let Ok((config, _)) = load(text.as_bytes(), &desk(), today()) {
            assert_eq!(config.orgs.len(), 1, "{text}");
            let policies = config.routes.values().map(|route| &route.policy);
            assert!(policies.into_iter().all(|policy| policy.allowed_orgs.len() == 1));
        }
    }
}
