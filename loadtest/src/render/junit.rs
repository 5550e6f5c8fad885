//! A saved report as JUnit XML, which the pages of build servers show.
//!
//! Data flow: saved report -> **XML**. One test case per check. A run that means nothing has a case
//! more, with an error, or its checks would look like results.

use std::fmt;

use serde_json::Value;

use crate::saved::Saved;

/// What the suite and the class of its cases are called.
const SUITE: &str = "gamekeeper-loadtest";

/// A saved report as JUnit XML.
#[derive(Clone, Copy, Debug)]
pub struct Junit<'a>(
    /// What to show.
    pub &'a Saved,
);

impl fmt::Display for Junit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let cases = cases(report);
        let count = |kind| cases.iter().filter(|case| case.kind == kind).count();
        let counts = format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
            cases.len(),
            count(Kind::Failure),
            count(Kind::Error),
            count(Kind::Skipped),
            report.number("/run_seconds").unwrap_or(0.0)
        );
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(f, "<testsuites name=\"{SUITE}\" {counts}>")?;
        writeln!(f, "  <testsuite name=\"{SUITE}\" {counts}>\n    <properties>")?;
        let seed = report.json()["seed"].to_string();
        let properties =
            [("command", report.command()), ("seed", &seed), ("verdict", report.verdict())];
        for (name, value) in properties {
            writeln!(f, "      <property name=\"{name}\" value=\"{}\"/>", Escaped(value))?;
        }
        writeln!(f, "    </properties>")?;
        for case in &cases {
            case.write(f)?;
        }
        writeln!(f, "  </testsuite>\n</testsuites>")
    }
}

/// One test case.
struct Case<'a> {
    name: &'a str,
    kind: Kind,
    detail: &'a str,
}

/// What became of a test case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn cases(report: &Saved) -> Vec<Case<'_>> {
    let error = |name, detail| Case { name, kind: Kind::Error, detail };
    let mut cases: Vec<Case<'_>> =
        report.texts("/invalid").map(|why| error("the run is valid", why)).collect();
    cases.extend(report.text("/halted").map(|why| error("the run comes to its end", why)));
    if cases.is_empty() && !report.means_something() {
        cases.push(error("the run means something", report.verdict()));
    }
    cases.extend(report.list("/checks").iter().map(|check| {
        let text = |field: &str| check.get(field).and_then(Value::as_str).unwrap_or("?");
        let kind = match text("outcome") {
            "passed" => Kind::Passed,
            "skipped" => Kind::Skipped,
            "failed" => Kind::Failure,
            _ => Kind::Error,
        };
        Case { name: text("name"), kind, detail: text("detail") }
    }));
    cases
}

impl Case<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, detail) = (Escaped(self.name), Escaped(self.detail));
        write!(f, "    <testcase classname=\"{SUITE}\" name=\"{name}\"")?;
        let element = match self.kind {
            Kind::Passed => {
                return writeln!(f, ">\n      <system-out>{detail}</system-out>\n    </testcase>");
            }
            Kind::Failure => "failure",
            Kind::Error => "error",
            Kind::Skipped => "skipped",
        };
        writeln!(f, ">\n      <{element} message=\"{detail}\"/>\n    </testcase>")
    }
}

/// Any text as XML, for an attribute or between tags. What XML cannot say, such as most control
/// characters, becomes a mark.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                // As such, these would become spaces in an attribute.
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                '\0'..'\x20' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document;
    use serde_json::json;

    use super::*;
    use crate::saved::tests::saved;

    /// What XML can say of a text.
    fn said(text: &str) -> String {
        let unsayable = |c: char| {
            (c.is_ascii_control() && !"\t\n\r\x7f".contains(c)) || "\u{fffe}\u{ffff}".contains(c)
        };
        text.chars().map(|c| if unsayable(c) { '\u{fffd}' } else { c }).collect()
    }

    fn texts() -> impl Strategy<Value = String> {
        let nasty = "&<>\"'\0\x1b\t\n\r ]-\u{7f}\u{85}\u{fffe}\u{ffff}".chars().collect::<Vec<_>>();
        let chars = prop_oneof![any::<char>(), prop::sample::select(nasty)];
        prop::collection::vec(chars, 0..20).prop_map(|chars| chars.into_iter().collect())
    }

    fn attributes(document: &Document<'_>, tag: &str, name: &str) -> Vec<String> {
        let nodes = document.descendants().filter(|node| node.has_tag_name(tag));
        nodes.map(|node| node.attribute(name).unwrap_or("not there").to_owned()).collect()
    }

    proptest! {
        /// An XML reader gets back every text, but for what XML cannot say.
        #[test]
        fn any_text_survives([command, name, detail, why] in prop::array::uniform4(texts())) {
            let report = saved("a", |json| {
                json["command"] = json!(command);
                json["invalid"] = json!([why]);
                json["checks"] = json!([
                    {"name": name, "outcome": "failed", "detail": detail},
                    {"name": "b", "outcome": "passed", "detail": detail},
                ]);
            });
            let xml = Junit(&report).to_string();
            let document = Document::parse(&xml).expect("it is XML");
            let [command, name, detail, why] = [command, name, detail, why].map(|text| said(&text));
            prop_assert_eq!(&attributes(&document, "property", "value")[0], &command);
            let names = ["the run is valid".to_owned(), name, "b".to_owned()];
            prop_assert_eq!(attributes(&document, "testcase", "name"), names);
            prop_assert_eq!(attributes(&document, "failure", "message"), [&*detail]);
            prop_assert_eq!(attributes(&document, "error", "message"), [why]);
            let out = document.descendants().find(|node| node.has_tag_name("system-out"));
            prop_assert_eq!(out.and_then(|out| out.text()).unwrap_or_default(), detail);
        }
    }

    #[test]
    fn each_check_is_a_case_and_the_sums_are_right() {
        let report = saved("a", |json| {
            json["checks"] = json!([
                {"name": "one", "outcome": "passed", "detail": "1 of 1"},
                {"name": "two", "outcome": "failed", "detail": "0 of 1"},
                {"name": "three", "outcome": "skipped", "detail": "give --admin"},
                {"name": "four", "outcome": "half", "detail": "?"},
            ]);
            json["run_seconds"] = json!(2.5);
        });
        let xml = Junit(&report).to_string();
        let sums = "tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"2.500\"";
        assert_eq!(xml.matches(sums).count(), 2, "{xml}");
        for wanted in [
            "<property name=\"seed\" value=\"1\"/>",
            "<property name=\"verdict\" value=\"PASS\"/>",
            "name=\"one\">\n      <system-out>1 of 1</system-out>",
            "name=\"two\">\n      <failure message=\"0 of 1\"/>",
            "name=\"three\">\n      <skipped message=\"give --admin\"/>",
        ] {
            assert!(xml.contains(wanted), "{wanted} is missing in\n{xml}");
        }
    }

    /// No build may be green because of a run that was interrupted.
    #[test]
    fn a_run_that_means_nothing_is_an_error() {
        for (code, halted, errors) in [(0, None, 0), (130, Some("interrupted"), 1), (5, None, 1)] {
            let report = saved("a", |json| {
                json["exit_code"] = json!(code);
                json["halted"] = json!(halted);
            });
            let xml = Junit(&report).to_string();
            assert!(xml.contains(&format!("errors=\"{errors}\"")), "{xml}");
            assert_eq!(xml.matches("<error ").count(), errors);
        }
    }
}
