//! Scenarios as TOML.
//!
//! Data flow: text -> **`read`** -> [`Scenario`]. A key that does not exist is an error with its
//! line: a demand with a slip of the pen in it must not be one that nobody makes.

use std::{collections::BTreeMap, error, fmt, str::FromStr, time::Duration};

use gamekeeper_bot::{
    departure::{PlayerState, Transport},
    manner::Manner,
    transport::TransportMix,
    units::{UnitError, parse_duration, parse_share},
};
use serde::{Deserialize, Deserializer, de};

use super::{
    Control, Fault, Mass, Resume, Scenario, Stage, bounds,
    values::{Amount, Rate, Span},
};
use crate::{mix::DepartureMix, threshold::Threshold};

/// Nobody plays faster, and no server ticks so often.
const INPUT_HZ_MAX: u32 = 1000;

/// Reads a scenario.
///
/// # Errors
///
/// [`ScenarioError`], which says where what is wrong, and what is allowed.
pub fn read(text: &str) -> Result<Scenario, ScenarioError> {
    let file: File = toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
    file.into_scenario().map_err(ScenarioError)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    about: String,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default)]
    server: Server,
    load: Load,
    #[serde(default)]
    fault: Vec<FaultTable>,
    #[serde(default)]
    mass: Vec<MassTable>,
    #[serde(default)]
    control: Vec<ControlTable>,
    #[serde(default)]
    thresholds: BTreeMap<String, Demands>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    #[serde(default)]
    args: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    #[serde(default = "arena")]
    game: String,
    #[serde(default, deserialize_with = "parsed")]
    transport: TransportMix,
    bots: u32,
    #[serde(default, deserialize_with = "duration")]
    duration: Option<Duration>,
    #[serde(default)]
    stages: Vec<StageTable>,
    #[serde(default = "usual_input_hz")]
    input_hz: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    #[serde(default, deserialize_with = "duration")]
    hold: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    ramp: Option<Duration>,
    to: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultTable {
    #[serde(deserialize_with = "parsed")]
    causes: DepartureMix,
    #[serde(deserialize_with = "parsed")]
    rate: Rate,
    #[serde(default, deserialize_with = "parsed_or_none")]
    during: Option<Span>,
    #[serde(default)]
    state: States,
    #[serde(default, deserialize_with = "share")]
    resume: Option<f64>,
    #[serde(default, deserialize_with = "parsed_or_none")]
    back_after: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MassTable {
    #[serde(deserialize_with = "parsed")]
    causes: DepartureMix,
    #[serde(deserialize_with = "required_duration")]
    at: Duration,
    #[serde(deserialize_with = "parsed")]
    amount: Amount,
    #[serde(default, deserialize_with = "share")]
    resume: Option<f64>,
    #[serde(default, deserialize_with = "parsed_or_none")]
    back_after: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    #[serde(deserialize_with = "parsed")]
    manner: Manner,
    bots: u32,
}

/// One state or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a state such as \"match\", or a list of states")]
enum States {
    One(String),
    Many(Vec<String>),
}

/// One demand or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a demand such as \"p99<1s\", or a list of demands")]
enum Demands {
    One(String),
    Many(Vec<String>),
}

impl Default for States {
    fn default() -> Self {
        Self::One(PlayerState::Match.name().to_owned())
    }
}

fn one() -> u64 {
    1
}

fn arena() -> String {
    "arena".to_owned()
}

fn usual_input_hz() -> u32 {
    20
}

impl File {
    fn into_scenario(self) -> Result<Scenario, String> {
        let load = self.load;
        let stages = stages(&load)?;
        let lasts = |sum: Duration, stage: &Stage| sum.saturating_add(stage.takes);
        let duration = stages.iter().fold(Duration::ZERO, lasts);
        if duration.is_zero() {
            return Err("[load] lasts for no time at all; give a duration or stages".to_owned());
        }
        if load.input_hz > INPUT_HZ_MAX {
            return Err(format!(
                "[load] input_hz = {} is too many; at most {INPUT_HZ_MAX}",
                load.input_hz
            ));
        }
        let scenario = Scenario {
            about: self.about,
            game: load.game,
            transport: TransportMix::Tcp,
            bots: load.bots,
            stages,
            input_hz: load.input_hz,
            faults: numbered("fault", self.fault, |it| it.into_fault(duration))?,
            masses: numbered("mass", self.mass, |it| it.into_mass(duration))?,
            controls: numbered("control", self.control, |it| {
                Ok(Control { manner: it.manner, bots: it.bots })
            })?,
            thresholds: thresholds(self.thresholds)?,
            server_args: self.server.args,
            seed: self.seed,
        }
        .over(load.transport);
        bounds::check(&scenario)?;
        bounds::check_tables(&scenario)?;
        Ok(scenario)
    }
}

fn thresholds(tables: BTreeMap<String, Demands>) -> Result<Vec<Threshold>, String> {
    let mut thresholds = Vec::new();
    for (metric, demands) in tables {
        let demands = match demands {
            Demands::One(demand) => vec![demand],
            Demands::Many(demands) => demands,
        };
        if demands.is_empty() {
            return Err(format!("[thresholds] the list of demands on \"{metric}\" is empty"));
        }
        for demand in demands {
            let threshold = Threshold::new(&metric, &demand);
            thresholds.push(threshold.map_err(|error| format!("[thresholds] {error}"))?);
        }
    }
    Ok(thresholds)
}

/// Turns each table into what it means, and says of which one a mistake is.
fn numbered<T, U>(
    name: &str,
    tables: Vec<T>,
    into: impl Fn(T) -> Result<U, String>,
) -> Result<Vec<U>, String> {
    let each = tables.into_iter().enumerate().map(|(index, table)| {
        into(table).map_err(|why| format!("[[{name}]] number {}: {why}", index + 1))
    });
    each.collect()
}

fn stages(load: &Load) -> Result<Vec<Stage>, String> {
    match (load.duration, &load.stages[..]) {
        (Some(takes), []) => return Ok(vec![Stage { to: load.bots, takes }]),
        (Some(_), _) => {
            return Err("[load] has both a duration and stages; leave one of them out".to_owned());
        }
        (None, _) => {}
    }
    let mut now = load.bots;
    let stage = |(index, stage): (usize, &StageTable)| {
        let (to, takes) = match (stage.hold, stage.ramp, stage.to) {
            (Some(takes), None, None) => (now, takes),
            (None, Some(takes), Some(to)) => (to, takes),
            _ => {
                return Err(format!(
                    "[load] stage number {} is neither {{ hold = \"30s\" }} nor \
                     {{ ramp = \"10s\", to = 500 }}",
                    index + 1
                ));
            }
        };
        now = to;
        Ok(Stage { to, takes })
    };
    load.stages.iter().enumerate().map(stage).collect()
}

impl FaultTable {
    fn into_fault(self, duration: Duration) -> Result<Fault, String> {
        let names = match self.state {
            States::One(name) => vec![name],
            States::Many(names) => names,
        };
        let states = names.iter().map(|name| name.parse::<PlayerState>());
        let states: Vec<PlayerState> =
            states.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        if states.is_empty() {
            return Err("its list of states is empty".to_owned());
        }
        for (departure, _) in self.causes.weights() {
            let happens = |state: &PlayerState| departure.can_happen_in(*state, Transport::Ws);
            if let Some(state) = states.iter().find(|state| !happens(state)) {
                return Err(format!("{departure} cannot happen in the state {state}"));
            }
        }
        let during = self.during;
        if let Some(span) = during.filter(|span| span.to > duration) {
            return Err(format!(
                "it goes on until {:?}, but the run ends at {duration:?}",
                span.to
            ));
        }
        let resume = resume(self.resume, self.back_after)?;
        Ok(Fault { causes: self.causes, rate: self.rate, during, states, resume })
    }
}

impl MassTable {
    fn into_mass(self, duration: Duration) -> Result<Mass, String> {
        let Self { causes, at, amount, .. } = self;
        if at >= duration {
            return Err(format!("it is at {at:?}, but the run ends at {duration:?}"));
        }
        Ok(Mass { causes, at, amount, resume: resume(self.resume, self.back_after)? })
    }
}

fn resume(share: Option<f64>, after: Option<Span>) -> Result<Resume, String> {
    if after.is_some() && share.is_none() {
        return Err("back_after says when somebody comes back; give resume as well".to_owned());
    }
    Ok(Resume { share: share.unwrap_or(0.0), after: after.unwrap_or(Resume::USUALLY_AFTER) })
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
    from: D,
) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}

fn parsed_or_none<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    parsed(from).map(Some)
}

fn required_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    unit(from, parse_duration)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    unit(from, parse_duration).map(Some)
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    unit(from, parse_share).map(Some)
}

fn unit<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: fn(&str) -> Result<T, UnitError>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(from)?).map_err(de::Error::custom)
}

/// A text that is not a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl error::Error for ScenarioError {}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        about = "everything at once"
        seed = 7
        [server]
        args = ["--room-size", "20"]
        [load]
        game = "benchmark"
        bots = 100
        stages = [{ hold = "10s" }, { ramp = "5s", to = 200 }, { hold = "5s" }]
        input_hz = 10
        transport = "mixed"
        [[fault]]
        causes = "close,reset:3"
        rate = "5%/s"
        during = "1s..9s"
        state = ["match", "mid-frame"]
        resume = "50%"
        back_after = "100ms..1s"
        [[mass]]
        causes = "reset"
        at = "12s"
        amount = "50%"
        [[control]]
        manner = "slicer"
        bots = 3
        [thresholds]
        "ttd{cause:reset}" = "p99<1s"
        ghosts = ["==0", "<=0"]
    "#;

    #[test]
    fn a_whole_one_is_read() {
        let scenario = read(WHOLE).expect("a scenario");
        assert_eq!((scenario.seed, scenario.bots, scenario.initial()), (7, 100, 103));
        assert_eq!(scenario.transport, TransportMix::Mixed);
        assert_eq!((scenario.most(), scenario.duration()), (203, Duration::from_secs(20)));
        let fault = &scenario.faults[0];
        assert_eq!(fault.states, [PlayerState::Match, PlayerState::MidFrame]);
        assert_eq!((fault.rate, fault.resume.share), (Rate::Share(0.05), 0.5));
        assert_eq!(fault.resume.after, "100ms..1s".parse().expect("a span"));
        assert_eq!(scenario.masses[0].amount, Amount::Share(0.5));
        assert_eq!(scenario.thresholds.len(), 3);
        let half = scenario.with_bots(50);
        let stages: Vec<u32> = half.stages.iter().map(|stage| stage.to).collect();
        assert_eq!((half.bots, stages), (50, vec![50, 100, 100]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (right, wrong, hint) in [
            ("seed = 7", "sed = 7", "line 3"),
            ("bots = 100", "bots = -1", "line 8"),
            ("bots = 100", "bots = 2000000", "too many"),
            ("input_hz = 10", "input_hz = 1001", "input_hz = 1001 is too many"),
            ("game = \"benchmark\"", "game = 3", "line 7"),
            ("transport = \"mixed\"", "transport = \"udp\"", "there are tcp, ws and mixed"),
            ("rate = \"5%/s\"", "rate = \"often\"", "5%/s"),
            ("causes = \"reset\"", "causes = \"explosion\"", "half-close"),
            ("\"mid-frame\"", "\"mid-sentence\"", "resume-window"),
            ("\"close,reset:3\"", "\"flood\"", "flood cannot happen in the state mid-frame"),
            ("resume = \"50%\"\n", "", "give resume as well"),
            ("1s..9s", "1s..90s", "the run ends at 20s"),
            ("at = \"12s\"", "at = \"20s\"", "the run ends at 20s"),
            ("{ hold = \"10s\" }", "{ hold = \"10s\", to = 5 }", "stage number 1"),
            ("input_hz = 10", "duration = \"5s\"", "both"),
            ("slicer", "polite", "late-pong"),
            ("p99<1s", "p98<1s", "p99.9"),
            ("ghosts", "ghost", "did you mean ghosts"),
            (
                "\"p99<1s\"",
                "[]",
                "[thresholds] the list of demands on \"ttd{cause:reset}\" is empty",
            ),
        ] {
            assert!(WHOLE.contains(right), "{right}");
            let error = read(&WHOLE.replacen(right, wrong, 1)).expect_err(wrong).to_string();
            assert!(error.contains(hint), "{wrong}: {error}");
        }
    }
}
