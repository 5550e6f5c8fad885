//! The teardown page as HTML, inside the program: each entry of the lab links into it.
//!
//! Data flow: `docs/teardown.md` -> **`page`** -> HTML, made once. Pure.

use std::sync::OnceLock;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

const TEXT: &str = include_str!("../../../docs/teardown.md");

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>How clients leave, and how a server survives it</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/lab/manual.css">
</head>
<body>
<nav><a href="/lab">Teardown lab</a></nav>
<main>
"#;

const FOOT: &str = "</main>\n</body>\n</html>\n";

/// The page.
pub fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| render(TEXT))
}

/// Makes HTML. Headings get the names that links to them have elsewhere; a link into the repository
/// leads nowhere from here, and is only its text.
fn render(text: &str) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    name_headings(&mut events);
    let mut open = Vec::new();
    let events = events.into_iter().filter(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            let leads_somewhere = dest_url.starts_with('#') || dest_url.starts_with("https://");
            open.push(leads_somewhere);
            leads_somewhere
        }
        Event::End(TagEnd::Link) => open.pop() == Some(true),
        _ => true,
    });
    let mut page = HEAD.to_owned();
    push_html(&mut page, events);
    page.push_str(FOOT);
    page
}

/// Gives each heading the id that it has where Markdown is shown: its words in small letters,
/// joined by hyphens.
fn name_headings(events: &mut [Event<'_>]) {
    let (mut title, mut begun_at) = (String::new(), None);
    for index in 0..events.len() {
        match &events[index] {
            Event::Start(Tag::Heading { .. }) => {
                title.clear();
                begun_at = Some(index);
            }
            Event::Text(text) | Event::Code(text) if begun_at.is_some() => title.push_str(text),
            Event::End(TagEnd::Heading(_)) => {
                let begin = begun_at.take().map(|begun_at| &mut events[begun_at]);
                if let Some(Event::Start(Tag::Heading { id, .. })) = begin {
                    *id = Some(CowStr::from(name(&title)));
                }
            }
            _ => {}
        }
    }
}

fn name(title: &str) -> String {
    let title = title.to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::leave::{Leave, LeavePath, LeaveReason},
        lab::{account::paragraph, causes::CAUSES},
    };

    #[test]
    fn headings_have_names_and_links_lead_somewhere() {
        let page = render("# A `b`: c\n\n[in](#a-b-c), [out](https://x.example), [no](other.md#x)");
        assert!(page.contains(r#"<h1 id="a-b-c">A <code>b</code>: c</h1>"#), "{page}");
        let links = r##"<a href="#a-b-c">in</a>, <a href="https://x.example">out</a>, no</p>"##;
        assert!(page.contains(links), "{page}");
    }

    /// What a button or an entry of the lab links to.
    #[test]
    fn every_paragraph_that_is_named_is_there() {
        let is_there = |name: &str| page().contains(&format!("id=\"{name}\""));
        for cause in CAUSES {
            assert!(is_there(cause.paragraph), "{}", cause.paragraph);
        }
        for reason in LeaveReason::ONE_OF_EACH {
            for path in LeavePath::ALL {
                let leave = Leave { reason, path };
                assert!(is_there(paragraph(leave)), "{leave:?}");
            }
        }
    }
}
