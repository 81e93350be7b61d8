//! Mentions in markdown: `<@personEmail:ann@example.com|Ann>`, `<@personId:Y2lz…>` and `<@all>`.

use super::model::{Content, Person};
use super::state::State;

/// Markdown, read.
pub(crate) struct Read {
    /// What a reader sees, without marks for mentions.
    pub(crate) text: String,
    pub(crate) content: Content,
}

/// Finds the mentions. A mention of nobody stays as it is written.
pub(crate) fn read(state: &State, markdown: &str) -> Read {
    let mut read = Read { text: String::new(), content: Content::default() };
    let mut html = String::new();
    let mut rest = markdown;
    while let Some((before, mention, after)) = cut(rest) {
        read.text.push_str(before);
        html.push_str(before);
        read.mention(state, mention, &mut html);
        rest = after;
    }
    read.text.push_str(rest);
    html.push_str(rest);
    read.content.markdown = Some(markdown.to_owned());
    read.content.html = Some(format!("<p>{html}</p>"));
    read
}

impl Read {
    pub(crate) fn into_content(self) -> Content {
        Content { text: Some(self.text), ..self.content }
    }

    fn mention(&mut self, state: &State, mention: &str, html: &mut String) {
        if let Some(person) = person(state, mention) {
            self.text.push_str(&person.name);
            html.push_str(&mark(person));
            self.content.mentioned.push(person.uuid);
        } else if mention == "all" || mention.starts_with("all|") {
            self.content.mentions_all = true;
            self.text.push_str("All");
            html.push_str("<spark-mention data-object-type=\"groupMention\" data-group-type=\"all\">All</spark-mention>");
        } else {
            self.text.push_str(mention);
            html.push_str(mention);
        }
    }
}

fn mark(person: &Person) -> String {
    let (id, name) = (person.id(), &person.name);
    format!(
        "<spark-mention data-object-type=\"person\" data-object-id=\"{id}\">{name}</spark-mention>"
    )
}

fn cut(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("<@")?;
    let (mention, after) = rest.split_once('>')?;
    Some((before, mention, after))
}

fn person<'a>(state: &'a State, mention: &str) -> Option<&'a Person> {
    let (kind, rest) = mention.split_once(':')?;
    let name = rest.split('|').next().unwrap_or(rest);
    match kind {
        "personEmail" => state.person_by_email(name),
        "personId" => state.person_by_id(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::World;

    #[test]
    fn mentions_are_people() {
        let state = State::new(&World::demo());
        let read = read(&state, "<@personEmail:helpdesk@webex.bot|Desk> hello <@all> <@nobody>");
        assert_eq!(read.text, "Helpdesk hello All nobody");
        assert_eq!(read.content.mentioned, [state.person_named("helpdesk").unwrap().uuid]);
        assert!(read.content.mentions_all);
    }
}
